"""`waybill log --policy`: which commits changed whose rights, and who approved them."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from registry.answers import turn_json
from registry.cli import data, remote, values
from registry.errors import Invalid
from registry.rights_log import Whose, turns
from registry.shown import shown

_COMMITS: remote.Shape = {
    "commits": [
        {
            "commit": str,
            "time": str,
            "author": str,
            "subject": str,
            "approved_by": list,
            "break_glass": str | None,
            "awaits_approval": bool,
            "meaning": list,
        }
    ]
}


def add_options(log: argparse.ArgumentParser) -> None:
    """Add what `waybill log` takes for changes of the policy."""
    log.add_argument("--policy", action="store_true", help="instead, which commits of branch main changed rights")
    log.add_argument("--principal", metavar="NAME", help="with --policy: whose rights, as an id of people.yaml")
    log.add_argument("--project", type=values.project, help="with --policy: rights on which project")


def refuse_options(options: argparse.Namespace) -> None:
    """Refuse what means nothing without --policy.

    Raises:
        Invalid: there is some of it.
    """
    if options.principal or options.project:
        raise Invalid(
            "--principal and --project belong to 'waybill log --policy'; events of a project: waybill log PROJECT"
        )


def run(options: argparse.Namespace) -> int:
    """Show commits of branch `main` that changed the rights asked for, newest first."""
    origin = options.pipeline or options.repository or options.commit or options.declared
    if origin or options.until or options.yank or options.yes or options.reason or (options.what and options.what[1]):
        raise Invalid(
            "with --policy, only --registry, --project, --principal, --since, --limit and a project narrow it"
        )
    project = options.project or (options.what[0] if options.what else None)
    found: Iterable[Mapping[str, Any]]
    if options.data:
        whose = Whose(options.principal, options.registry, project, options.since)
        found = map(turn_json, islice(turns(data.open_installation(options.data), whose), options.limit))
    else:
        query = {
            "principal": options.principal,
            "registry": options.registry,
            "project": project,
            "since": options.since.isoformat() if options.since else None,
            "limit": str(options.limit),
        }
        found = remote.Server(options.url).ask("GET", "log/policy", query, shape=_COMMITS)["commits"]
    if options.json:
        print(json.dumps(list(found)))
        return 0
    shown_any = False
    for turn in found:
        _show(turn)
        shown_any = True
    if not shown_any:
        print("No commit of branch main changed such a right", file=sys.stderr)
    return 0


def _show(turn: Mapping[str, Any]) -> None:
    print(f"{shown(turn['time'][:19])}Z  {shown(turn['subject'])}")
    approvers = ", ".join(map(shown, turn["approved_by"]))
    print(f"    by {shown(turn['author'])}, {f'approved by {approvers}' if approvers else 'without an approval'}")
    if reason := turn["break_glass"]:
        since = "still awaits approval" if turn["awaits_approval"] else "was approved afterwards"
        print(f"    merged by the operator on the host, who broke the glass: {shown(reason)}; {since}")
    for sentence in turn["meaning"]:
        print(f"    {shown(sentence)}")
    print(f"    commit {shown(turn['commit'])}")
