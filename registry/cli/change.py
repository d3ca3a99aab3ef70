"""`waybill change`: changes of the policy, seen and decided on."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from registry import changes
from registry.change_answers import change_json, change_shown, outcome_json
from registry.cli import data, remote
from registry.errors import Conflict
from registry.shown import shown

_LISTED: remote.Shape = {
    "name": str,
    "state": str,
    "author": str | None,
    "subject": str,
    "waits-for": str,
    "files": [str],
}
_SHOWN: remote.Shape = {
    **_LISTED,
    "base": str,
    "tree": str,
    "text": str,
    "approvals": [{"by": str, "at": str, "counts": bool}],
    "pushes": [{"by": str, "at": str, "commit": str}],
    "broken-glass": dict | None,
    "diff": [{"path": str, "verb": str, "lines": [str], "note": str}],
}
_OUTCOME: remote.Shape = {"name": str, "state": str, "merged": str | None, "waits-for": str}
_LEAST_TREE = 12  # hex digits of a tree that name it


def add_to(commands: Any) -> None:
    """Add the commands."""
    parser = commands.add_parser("change", help="changes of the policy: list, show, approve, merge, withdraw")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="the open changes that you may see")
    data.add_place(listing)
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=run_list)
    show = _add(verbs, "show", "what a change means, what it waits for, and its text")
    show.set_defaults(run=run_show)
    approve = _add(
        verbs, "approve", "agree to a change as it is now; with enough approvals it is merged", operator=False
    )
    sure = approve.add_mutually_exclusive_group()
    sure.add_argument(
        "--tree", metavar="ID", type=_tree, help="only if it still leads to this tree, as 'show' names it"
    )
    sure.add_argument("--yes", action="store_true", help="whatever it is now, without being asked")
    approve.set_defaults(run=run_approve)
    merge = _add(verbs, "merge", "put a change on main that has all it needs; its commit alone goes to stdout")
    merge.add_argument(
        "--break-glass",
        metavar="REASON",
        help="with --data: without the approvals it needs; this is recorded, and they are to be given afterwards",
    )
    merge.set_defaults(run=run_merge, usage=merge.error)
    withdraw = _add(verbs, "withdraw", "end a change that is not to be merged")
    withdraw.set_defaults(run=run_withdraw)


def _add(verbs: Any, verb: str, about: str, *, operator: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(verb, help=about)
    if operator:
        data.add_place(parser)
    else:
        data.add_url(parser)
    parser.add_argument("name", metavar="NAME", type=lambda text: text.removeprefix("change/"))
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(usage=parser.error)
    return parser


def _tree(text: str) -> str:
    if len(text) < _LEAST_TREE or set(text) - set("0123456789abcdef"):
        raise argparse.ArgumentTypeError(f"{text!a} is no tree; give {_LEAST_TREE} or more of its hex digits")
    return text


def run_list(options: argparse.Namespace) -> int:
    """List the open changes."""
    if options.data:
        found = [change_json(each) for each in changes.changes(data.open_installation(options.data))]
    else:
        found = remote.Server(options.url).ask("GET", "changes", shape={"changes": [_LISTED]})["changes"]
    if options.json:
        print(json.dumps(found))
        return 0
    for each in found:
        print(shown(f"{each['name']}  {each['state']}  by {each['author'] or 'nobody known'}: {each['subject']}"))
        for line in each["waits-for"].split("\n"):
            if line:
                print(f"    {shown(line)}")
    if not found:
        print("No change is open that you may see", file=sys.stderr)
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Show one change."""
    found: Mapping[str, Any]
    if options.data:
        installation = data.open_installation(options.data)
        found = change_shown(changes.find(installation, options.name), installation.store)
    else:
        found = _asked(options)
    if options.json:
        print(json.dumps(found))
    else:
        print(_text(found))
    return 0


def run_approve(options: argparse.Namespace) -> int:
    """Agree to a change, as it was shown."""
    server, found = remote.Server(options.url), _asked(options)
    if options.tree and not found["tree"].startswith(options.tree):
        raise Conflict(
            f"Change '{options.name}' leads to tree {found['tree'][:_LEAST_TREE]} now, not to {options.tree}; "
            f"look at it again: waybill change show {options.name} --url {options.url}"
        )
    if not (options.tree or options.yes):
        if not sys.stdin.isatty():
            options.usage("nobody is there to be asked; say --tree ID, as 'waybill change show' names it, or --yes")
        print(_text(found), file=sys.stderr)
        print("Approve exactly this? Type yes: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != "yes":
            print("Nothing was approved", file=sys.stderr)
            return 1
    body = {"base": found["base"], "tree": found["tree"]}
    return _told(options, server.ask("POST", f"changes/{options.name}/approve", body=body, shape=_OUTCOME))


def run_merge(options: argparse.Namespace) -> int:
    """Put a change on main."""
    if options.break_glass is not None and not options.data:
        options.usage("--break-glass: only the operator can, on the host: give --data DIR in place of --url")
    if options.url:
        answer = remote.Server(options.url).ask("POST", f"changes/{options.name}/merge", shape=_OUTCOME)
    else:
        installation = data.open_installation(options.data)
        if options.break_glass is None:
            outcome = changes.merge(installation, None, options.name)
        else:
            changes.break_glass(installation, options.name, options.break_glass)
            now = changes.find(installation, options.name)
            outcome = changes.Outcome(now, now.merged)
        answer = outcome_json(outcome)
    return _told(options, answer)


def run_withdraw(options: argparse.Namespace) -> int:
    """End a change."""
    if options.data:
        changes.withdraw(data.open_installation(options.data), None, options.name)
    else:
        remote.Server(options.url).ask("POST", f"changes/{options.name}/withdraw")
    if options.json:
        print(json.dumps({"name": options.name, "withdrawn": True}))
    print(shown(f"Change {options.name} is withdrawn"), file=sys.stderr)
    return 0


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    answer: dict[str, Any] = remote.Server(options.url).ask("GET", f"changes/{options.name}", shape=_SHOWN)
    return answer


def _told(options: argparse.Namespace, answer: dict[str, Any]) -> int:
    """Say what became of a change; the commit alone goes to stdout."""
    if options.json:
        print(json.dumps(answer))
    elif answer["merged"]:
        print(shown(answer["merged"]))
    if answer["state"] == "accepted":
        say = f"Change {answer['name']} was merged before, and has the approvals it needs now"
    elif answer["state"] == "merged":
        say = f"Change {answer['name']} is merged; it holds from now on"
    elif answer["merged"]:
        say = f"Recorded as broken glass; it awaits approval. {answer['waits-for']}"
    else:
        say = f"Recorded; change {answer['name']} still waits. {answer['waits-for']}"
    print(shown(say), file=sys.stderr)
    return 0


def _text(found: Mapping[str, Any]) -> str:
    """Write a change for a terminal: the review first, the text of the files last."""
    lines = [f"Change {found['name']}, by {found['author'] or 'nobody known'}: {found['state']}"]
    lines += [f"  {found['subject']}"] if found["subject"] else []
    if glass := found["broken-glass"]:
        lines.append(f"  merged by the operator without its approvals {glass['at'][:16]}Z: {glass['reason']}")
    lines += [f"  pushed by {push['by']} {push['at'][:16]}Z as {push['commit'][:12]}" for push in found["pushes"]]
    lines += ["", *found["text"].rstrip("\n").split("\n")]
    for given in found["approvals"]:
        state = "" if given["counts"] else ", which counts no more, as the change or main moved"
        lines.append(f"  - approved by {given['by']} {given['at'][:16]}Z{state}")
    for file in found["diff"]:
        lines += ["", f"{file['verb']} {file['path']}", *file["lines"]]
        lines += [f"({file['note']})"] if file["note"] else []
    lines += ["", f"base {found['base']}", f"tree {found['tree']}"]
    return "\n".join(map(shown, lines))
