"""For scripts: everything that was asked, as JSON."""

import json
from typing import Any

from registry import __version__
from validator.report.findings import Findings
from validator.verdict import Verdict


def report(findings: Findings) -> dict[str, Any]:
    """Give the check as plain values."""
    return {
        "waybill": __version__,
        "verdict": "refused" if findings.refused else "good",
        "counts": findings.counts,
        "findings": [_finding(verdict) for verdict in findings.found],
        "rules": [
            {"code": r.code, "name": r.name, "severity": r.severity.value, "text": r.text} for r in findings.rules
        ],
        "checks": [
            {"rule": v.rule.code, "subject": v.subject.label, "outcome": v.outcome.value, "reason": v.text or None}
            for v in findings.verdicts
        ],
    }


def render(findings: Findings) -> str:
    """Write it as one line of JSON."""
    return json.dumps(report(findings)) + "\n"


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
