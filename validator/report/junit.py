"""JUnit's XML, as CI systems collect test results; each rule on each subject is a test."""

import re
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from validator.report.findings import Findings
from validator.verdict import Outcome, Verdict

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # characters that XML 1.0 cannot hold


def render(findings: Findings) -> Iterator[str]:
    """Write the check."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n'
    yield f'<testsuites name="waybill check" {_counts(findings.counts)}>\n'
    for section in findings.sections:
        yield f"<testsuite name={_attribute(section.title)} {_counts(section.counts)}>\n"
        yield from (f"{_case(verdict)}\n" for verdict in findings.verdicts(section))
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _counts(known: Mapping[str, int]) -> str:
    words = {"failures": ("failed",), "errors": ("crashed",), "skipped": ("skipped", "not applicable", "waived")}
    found = {name: sum(known.get(word, 0) for word in counted) for name, counted in words.items()}
    tests = sum(found.values()) + known.get("passed", 0)
    return " ".join(f'{name}="{number}"' for name, number in {"tests": tests, **found}.items())


def _case(verdict: Verdict) -> str:
    name = f"{verdict.rule.name}[{verdict.subject.label}]"
    place = f" file={_attribute(verdict.file)} line={_attribute(str(verdict.line or 1))}" if verdict.file else ""
    start = f'<testcase classname={_attribute(verdict.rule.code)} name={_attribute(name)} time="0"{place}'
    inner = _inner(verdict)
    return f"{start}>{inner}</testcase>" if inner else f"{start}/>"


def _inner(verdict: Verdict) -> str:
    if verdict.outcome is Outcome.PASSED:
        return ""
    if not verdict.bad:
        word = f"waived until {verdict.waiver.until}: " if verdict.waiver else ""
        return f"<skipped message={_attribute(word + (verdict.text or verdict.outcome.value))}/>"
    tag = "error" if verdict.outcome is Outcome.CRASHED else "failure"
    body = "\n".join([verdict.place, verdict.text, *verdict.values])
    return f"<{tag} type={_attribute(verdict.severity.value)} message={_attribute(verdict.text)}>{_text(body)}</{tag}>"


def _attribute(text: str) -> str:
    return quoteattr(_NO_XML.sub("?", text), {"\n": "&#10;"})


def _text(text: str) -> str:
    return escape(_NO_XML.sub("?", text))
