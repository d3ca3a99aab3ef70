"""SARIF 2.1.0, as code scanning of GitHub, GitLab and others reads it.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from registry import __version__
from validator.report.findings import Findings
from validator.report.pieces import written
from validator.rule import Rule, Severity
from validator.verdict import Verdict

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def render(findings: Findings) -> Iterator[str]:
    """Write the check as SARIF has it."""
    rules = findings.rules
    order = {rule.code: number for number, rule in enumerate(rules)}
    driver = {"name": "waybill check", "version": __version__, "rules": [_rule(rule) for rule in rules]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints"}
    yield '{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": ['
    yield from written({**run, "results": (_result(verdict, order) for verdict in findings.found())})
    yield "]}\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("_")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.text},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(verdict: Verdict, order: dict[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": verdict.rule.code,
        "ruleIndex": order[verdict.rule.code],
        "level": _LEVELS[verdict.severity],
        "message": {"text": verdict.text or verdict.rule.title},
        "partialFingerprints": {"waybill/v1": f"{verdict.id}"},
    }
    if verdict.file:
        where: dict[str, Any] = {"artifactLocation": {"uri": quote(str(PurePosixPath(verdict.file)))}}
        where["region"] = {"startLine": verdict.line or 1}
        result["locations"] = [{"physicalLocation": where}]
    if verdict.waiver:
        said = f"{verdict.waiver.reason} ({verdict.waiver.owner}, until {verdict.waiver.until})"
        result["suppressions"] = [{"kind": "external", "justification": said}]
    return result
