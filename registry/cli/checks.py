"""What `waybill check` does; loaded when it is called, because rules and reports take their time to load."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from registry.cli import remote
from registry.errors import Forbidden, WaybillError
from registry.shown import shown
from validator.checking import Wanted, prepared
from validator.engine import run as verdicts
from validator.loading import shipped
from validator.report import forges, junit, machine, sarif
from validator.report.findings import Findings
from validator.report.text import Text
from validator.selection import Selection
from validator.verdict import Verdict

WRONG_USAGE = 2
LIST_ALL = {"json", "junit"}  # which also say what is good
_QUIET, _EVERY = 1.0, 0.2  # seconds
FORMATS: dict[str, Callable[[Findings], Iterator[str]]] = {
    "text": lambda findings: Text(findings).render(),
    "json": machine.render,
    "junit": junit.render,
    "sarif": sarif.render,
    "github": forges.github,
    "gitlab": forges.gitlab,
    "bitbucket": forges.bitbucket,
}


def run(options: argparse.Namespace) -> int:
    """Check, and say what was found."""
    if options.rules:
        for rule in shipped():
            print(f"{rule.code}  {rule.severity.value:7}  {rule.name}: {rule.title}")
        return 0
    with ExitStack() as keep:
        try:
            reports = [_report(text) for text in options.report]
            forms = {options.format, *(form for form, _ in reports)}
            findings = Findings(strict=options.strict, whole=not forms.isdisjoint(LIST_ALL))
            keep.callback(findings.close)
            for one in prepared(options.paths or [Path()], _wanted(options), keep):
                title = " ".join(filter(None, [one.material.title, one.material.root]))
                findings.add(title, _watched(title, verdicts(one.plan, one.material)))
        except WaybillError as error:
            print("waybill: " + "\n".join(map(shown, str(error).splitlines())), file=sys.stderr)
            return WRONG_USAGE
        if not findings.sections:
            print("waybill: no rule was asked; look at --select, --ignore, -k and -m", file=sys.stderr)
            return WRONG_USAGE
        return _reported(findings, reports, options.format)


def _reported(findings: Findings, reports: Sequence[tuple[str, Path]], form: str) -> int:
    """Write what was found, wherever it is wanted."""
    for other, path in reports:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(FORMATS[other](findings))
    if form == "text":
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.writelines(Text(findings, colour=colour).render())
    else:
        sys.stdout.writelines(FORMATS[form](findings))
        print(findings.summary, file=sys.stderr)
    return 1 if findings.refused else 0


def _watched(title: str, found: Iterator[Verdict]) -> Iterator[Verdict]:
    """Let somebody at a terminal see that it goes on; a ledger can be long."""
    begin, shown_at = time.monotonic(), 0.0
    for number, verdict in enumerate(found, 1):
        yield verdict
        now = time.monotonic()
        if sys.stderr.isatty() and now - begin > _QUIET and now - shown_at > _EVERY:
            print(f"\r{shown(title)}: {number:,} checks", end="", file=sys.stderr, flush=True)
            shown_at = now
    if shown_at:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _wanted(options: argparse.Namespace) -> Wanted:
    select, ignore = (tuple(filter(None, text.split(","))) for text in (options.select, options.ignore))
    return Wanted(
        now=datetime.now(UTC),
        selection=Selection(select, ignore, options.keyword, options.marks),
        base=options.base,
        head=options.head,
        author=options.author,
        policy=options.policy,
        registry=options.registry,
        rules=options.with_rules,
        ask=_asking(options.url, options.registry or "python") if options.url else None,
    )


def _asking(url: str, registry: str) -> Callable[[Path], str]:
    """Ask a registry; a server that cannot be asked leaves the question open, which is no pass."""
    server = remote.Server(url)

    def ask(file: Path) -> str:
        try:
            server.send("check", {"registry": registry}, file, {"accepted": bool})
        except Forbidden as refusal:
            return str(refusal).partition(" ")[2] or str(refusal)
        return ""

    return ask


def _report(text: str) -> tuple[str, Path]:
    form, _, file = text.partition("=")
    if form not in FORMATS or not file:
        raise WaybillError(f"--report {text!a}: write it like sarif=check.sarif; forms are {', '.join(FORMATS)}")
    return form, Path(file)
