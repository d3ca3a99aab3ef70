"""`waybill check`: the rules of the validator, over policies, distributions and ledgers, without a server."""

import argparse
from pathlib import Path
from typing import Any

from registry.cli import values

FORMATS = ("text", "json", "junit", "sarif", "github", "gitlab", "bitbucket")


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
    from registry.cli import checks  # noqa: PLC0415 - as long as the start of every other command

    return checks.run(options)
