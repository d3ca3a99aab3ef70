"""Findings beside the lines of a pull request: GitHub, GitLab and Bitbucket, each in its own form."""

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from validator.report.findings import Findings, one_line
from validator.report.pieces import array
from validator.rule import Severity
from validator.verdict import Verdict

_MOST_ANNOTATIONS = 1000  # that Bitbucket keeps of one report


def github(findings: Findings) -> Iterator[str]:
    """Write workflow commands, which GitHub Actions turns into annotations."""
    yield from map(_command, findings.bad())


def gitlab(findings: Findings) -> Iterator[str]:
    """Write a Code Quality report."""
    yield from array(map(_quality, findings.bad()))
    yield "\n"


def bitbucket(findings: Findings) -> Iterator[str]:
    """Write a Code Insights report with its annotations, to be sent by two calls."""
    yield json.dumps(insights(findings)) + "\n"


def insights(findings: Findings) -> dict[str, Any]:
    """Give what Bitbucket's API takes as report and as annotations."""
    data = [
        {"title": word.capitalize(), "type": "NUMBER", "value": findings.counts[word]}
        for word in ("error", "warning", "passed", "waived", "skipped", "not applicable")
    ]
    report = {
        "title": "waybill check",
        "details": findings.summary,
        "report_type": "TEST",
        "reporter": "waybill",
        "result": "FAILED" if findings.refused else "PASSED",
        "data": data,
    }
    return {"report": report, "annotations": [_annotation(v) for v in islice(findings.bad(), _MOST_ANNOTATIONS)]}


def _command(verdict: Verdict) -> str:
    properties = {"title": f"{verdict.rule.code} {verdict.rule.name}"}
    if verdict.file:
        properties = {"file": verdict.file, "line": str(verdict.line or 1), **properties}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{verdict.severity.value} {said}::{_data(verdict.text)}\n"


def _data(text: str) -> str:
    """Escape as GitHub's runner reads it back; else a text could be a command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _fingerprint(verdict: Verdict) -> str:
    return hashlib.sha256(f"{verdict.id} {verdict.file}".encode()).hexdigest()


def _quality(verdict: Verdict) -> dict[str, Any]:
    return {
        "description": f"{verdict.rule.code} {one_line(verdict)}",
        "check_name": verdict.rule.name,
        "fingerprint": _fingerprint(verdict),
        "severity": "major" if verdict.severity is Severity.ERROR else "minor",
        "location": {"path": verdict.file or "waybill.yaml", "lines": {"begin": verdict.line or 1}},
    }


def _annotation(verdict: Verdict) -> dict[str, Any]:
    found: dict[str, Any] = {
        "external_id": _fingerprint(verdict)[:32],
        "annotation_type": "BUG" if verdict.severity is Severity.ERROR else "CODE_SMELL",
        "summary": f"{verdict.rule.code} {one_line(verdict)}"[:450],
        "severity": "HIGH" if verdict.severity is Severity.ERROR else "LOW",
        "result": "FAILED",
    }
    if verdict.file:
        found |= {"path": verdict.file, "line": verdict.line or 1}
    return found
