"""`waybill review`: what a change of the policy means, in any clone of it and without a server."""

import argparse
import json
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry import codeowners, review
from registry.errors import Invalid
from registry.policy.content import Memory
from registry.policy.files import BadFile, Problem
from registry.policy.judge import Approval, judge
from registry.policy.policy import Policy
from registry.shown import shown
from registry.store.arrivals import faults
from registry.store.clone import Clone

_CODEOWNERS = "codeowners"


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "review",
        help="what a change of the policy means, and who has to agree; in a clone",
        description="Judge what merging HEAD into BASE would change. 'waybill review codeowners' prints a CODEOWNERS "
        "file instead, made from the owners in the policy at HEAD. Exit code 1: refused.",
    )
    parser.add_argument("base", metavar="BASE", help=f"the branch or commit to merge into; or '{_CODEOWNERS}'")
    parser.add_argument("head", metavar="HEAD", nargs="?", default="HEAD", help="what is proposed (default: HEAD)")
    parser.add_argument("--author", metavar="PERSON", help="who proposes it: an id of people.yaml, or github:583231")
    parser.add_argument(
        "--approved-by", metavar="PERSON", action="append", default=[], help="who agreed, likewise; repeatable"
    )
    formats = ["text", "markdown", "json", *codeowners.FORGES]
    parser.add_argument("--format", choices=formats, help="text, markdown or json; for codeowners github or gitlab")
    parser.add_argument("--clone", type=Path, default=Path(), metavar="DIR", help="the clone (default: this folder)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a review; exit 1 when the change is refused by the rules. One that waits for approval is not."""
    with closing(Clone(options.clone)) as clone:
        if options.base == _CODEOWNERS:
            return _codeowners(clone, options)
        form = options.format or "text"
        if form in codeowners.FORGES:
            raise Invalid(f"--format {form} is for 'waybill review codeowners'; write text, markdown or json")
        named = clone.resolve(options.base), clone.resolve(options.head)
        odd = faults(*clone.roots(*named))  # first: what is too much is not even to be read
        base, head = clone.merged(*named)
        memory, now = Memory(), datetime.now(UTC)
        parent = Policy(base, memory)
        agreed = [account for name in options.approved_by if (account := _account(parent, "--approved-by", name))]
        approvals = [Approval(name, base.id, head.id, now) for name in agreed]
        author = _account(parent, "--author", options.author) if options.author else None
        judged = judge(parent, Policy(head, memory), author, approvals, now)
        wrong = (Problem(path, 1, text) for path, _, text in (fault.partition(": ") for fault in odd))
        judged = replace(judged, problems=(*wrong, *judged.problems))
        if form == "json":
            print(json.dumps(review.json(judged)))
        else:
            print(review.markdown(judged) if form == "markdown" else review.text(judged), end="")
    return 1 if judged.refused else 0


def _account(policy: Policy, option: str, name: str) -> str | None:
    """Find an account by its id, or by that of a forge; only the policy in force says whose that is."""
    forge, colon, number = name.partition(":")
    try:
        accounts = policy.accounts()
    except BadFile:
        return None if colon else name  # the review says what is wrong with it
    found = (account.id for account in accounts.values() if account.forge_ids.get(forge) == number)
    known = next(found, None) if colon else name
    if known in accounts:
        return known
    print(f"{option}: people.yaml at BASE has no entry for {shown(name)}; it counts as nobody", file=sys.stderr)
    return None


def _codeowners(clone: Clone, options: argparse.Namespace) -> int:
    """Print a CODEOWNERS file for the policy at HEAD."""
    forge = options.format or codeowners.FORGES[0]
    if forge not in codeowners.FORGES:
        raise Invalid(f"--format {forge}: a CODEOWNERS file is for one of {', '.join(codeowners.FORGES)}")
    policy = Policy(clone.snapshot(clone.resolve(options.head)))
    print(codeowners.codeowners(policy, forge, datetime.now(UTC)), end="")
    return 0
