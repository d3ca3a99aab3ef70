"""For scripts: everything that was asked, as JSON."""

from collections.abc import Iterator
from typing import Any

from registry import __version__
from validator.report.findings import Findings
from validator.report.pieces import written
from validator.verdict import Verdict


def render(findings: Findings) -> Iterator[str]:
    """Write the check as one line of JSON."""
    yield from written(
        {
            "waybill": __version__,
            "verdict": "refused" if findings.refused else "good",
            "counts": findings.counts,
            "findings": map(_finding, findings.found()),
            "rules": [
                {"code": r.code, "name": r.name, "severity": r.severity.value, "text": r.text} for r in findings.rules
            ],
            "checks": map(_check, findings.verdicts()),
        }
    )
    yield "\n"


def _check(verdict: Verdict) -> dict[str, Any]:
    said = {"subject": verdict.subject.label, "outcome": verdict.outcome.value, "reason": verdict.text or None}
    return {"rule": verdict.rule.code, **said}


def _finding(verdict: Verdict) -> dict[str, Any]:
    waiver = verdict.waiver
    return {
        "rule": verdict.rule.code,
        "name": verdict.rule.name,
        "severity": verdict.severity.value,
        "outcome": verdict.outcome.value,
        "subject": verdict.subject.label,
        "file": verdict.file or None,
        "line": verdict.line or None,
        "text": verdict.text,
        "saw": list(verdict.values),
        "waiver": {"owner": waiver.owner, "reason": waiver.reason, "until": waiver.until.isoformat()}
        if waiver
        else None,
    }
