"""`waybill check`: the rules of the validator, over policies and distributions, without a server."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry.cli import remote, values
from registry.errors import Forbidden, WaybillError
from registry.shown import shown
from validator.checking import Run, Wanted, prepared
from validator.engine import run as verdicts
from validator.loading import shipped
from validator.report import forges, junit, machine, sarif
from validator.report.findings import Findings, Section
from validator.report.text import Text
from validator.selection import Selection
from validator.verdict import Verdict

WRONG_USAGE = 2
_QUIET, _EVERY = 1.0, 0.2  # seconds
FORMATS: dict[str, Callable[[Findings], str]] = {
    "text": lambda findings: Text(findings).render(),
    "json": machine.render,
    "junit": junit.render,
    "sarif": sarif.render,
    "github": forges.github,
    "gitlab": forges.gitlab,
    "bitbucket": forges.bitbucket,
}


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="the rules of the validator: a policy, or wheels and sdists before they are published",
        description="Exit code 0: nothing refuses it; 1: a rule of severity error failed or crashed; 2: wrong usage. "
        "The organization's own rules, rules/*_rules.py of a policy, are Python and are run; with --base those of the "
        "base are.",
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="a folder with a policy, or distributions")
    parser.add_argument("--base", metavar="REV", help="judge what merging --head into it would make of the policy")
    parser.add_argument("--head", metavar="REV", default="HEAD", help="default: HEAD")
    parser.add_argument("--author", metavar="PERSON", help="who proposes it: an id of people.yaml")
    parser.add_argument("--policy", metavar="DIR", type=Path, help="the policy that says what distributions must be")
    parser.add_argument("--registry", metavar="R", help="where distributions are to go, if there are several")
    parser.add_argument(
        "--url",
        type=values.server,
        help="ask this registry whether it would accept the files; WAYBILL_TOKEN says who you are",
    )
    parser.add_argument("--select", metavar="RULES", default="", help="codes, their beginnings, or names, by comma")
    parser.add_argument("--ignore", metavar="RULES", default="", help="likewise")
    parser.add_argument("-k", metavar="EXPR", dest="keyword", default="", help="as pytest's: 'licence and not sdist'")
    parser.add_argument("-m", metavar="EXPR", dest="marks", default="", help="as pytest's: 'error and not change'")
    parser.add_argument("--with-rules", metavar="FILE", type=Path, action="append", default=[], help="further rules")
    parser.add_argument("--strict", action="store_true", help="warnings refuse too")
    parser.add_argument("--format", choices=FORMATS, default="text", help="of stdout (default: text)")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="short for --format json")
    parser.add_argument(
        "--report", metavar="FORMAT=FILE", action="append", default=[], help="write this form too; repeatable"
    )
    parser.add_argument("--rules", action="store_true", help="list the rules that ship, and do nothing else")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check, and say what was found."""
    if options.rules:
        for rule in shipped():
            print(f"{rule.code}  {rule.severity.value:7}  {rule.name}: {rule.title}")
        return 0
    try:
        reports = [_report(text) for text in options.report]
        with ExitStack() as keep:
            runs = prepared(options.paths or [Path()], _wanted(options), keep)
            asked = [_asked(one) for one in runs]
            findings = Findings([section for section in asked if section.verdicts], options.strict)
    except WaybillError as error:
        print("waybill: " + "\n".join(map(shown, str(error).splitlines())), file=sys.stderr)
        return WRONG_USAGE
    if not findings.verdicts:
        print("waybill: no rule was asked; look at --select, --ignore, -k and -m", file=sys.stderr)
        return WRONG_USAGE
    for form, file in reports:
        file.write_text(FORMATS[form](findings), encoding="utf-8")
    if options.format == "text":
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        print(Text(findings, colour=colour).render(), end="")
    else:
        print(FORMATS[options.format](findings), end="")
        print(findings.summary, file=sys.stderr)
    return 1 if findings.refused else 0


def _asked(one: Run) -> Section:
    title = " ".join(filter(None, [one.material.title, one.material.root]))
    return Section(title, list(_watched(title, verdicts(one.plan, one.material))))


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
