"""`waybill hook`: what git runs when somebody pushes, by path or through the server; not for people to type."""

import argparse
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry import changes, credentials, names, review
from registry.changes import lines
from registry.cli import data
from registry.errors import Conflict, Invalid, Unavailable
from registry.index import Index
from registry.installation import Installation
from registry.policy.roles import Principal
from registry.shown import shown
from registry.store import CHANGES, LEDGER, POLICY
from registry.store.arrivals import faults, measure
from registry.store.git import GitStore
from registry.store.hooks import PAGES, TOKEN

_FOLDER = f"refs/heads/{CHANGES}/"
_NONE = "0" * 40
_MOST = 64 * 2**10  # bytes of what git says is to be moved
_HOW = "Propose a change instead:  git push origin HEAD:change/NAME"
_REFUSED = {
    f"refs/heads/{POLICY}": f"{POLICY} takes no pushes: it moves to changes that were looked at. {_HOW}",
    f"refs/heads/{LEDGER}": f"{LEDGER} takes no pushes: the server alone writes it",
}


def add_to(commands: Any) -> None:
    """Add the command; without a line of help it is not listed."""
    parser = commands.add_parser("hook")
    parser.add_argument("mode", choices=("pre-receive", "post-receive"))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look at a push before git lets it in, or go on with the change after it has."""
    moves = [line.split(" ", 2) for line in sys.stdin.buffer.read(_MOST).decode("utf-8", "replace").splitlines()]
    path = Path(os.environ.get("GIT_DIR", ".")).absolute()
    arrived, token = os.environ.get("GIT_QUARANTINE_PATH"), os.environ.get(TOKEN)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]  # what git says of this push must not reach what we start, nor our own writing
    if path.name != data.GIT_FOLDER:
        raise Invalid(f"{path} is not the git repository of an installation; push to {data.GIT_FOLDER} itself")
    folder = Path(arrived) if arrived else None
    store = GitStore(path, folder)
    installation = data.open_installation(path.parent, store)
    by = _principal(installation, token) if token else None
    if options.mode == "pre-receive":
        _look(installation, store, folder, by, moves)
    else:
        _go_on(installation, by, moves)
    return 0


def _look(
    installation: Installation, store: GitStore, arrived: Path | None, by: Principal | None, moves: list[list[str]]
) -> None:
    """Refuse a push, or write it down and tell what it means."""
    name, old, new = _one(moves)
    git = shutil.which("git")
    if git is None:
        raise Unavailable("git is not on the path, so nobody can look at this push")
    if arrived:
        measure(git, store.path, arrived)
    if old != _NONE and not lines.leads_to(installation.trail, old, new):
        raise Conflict(
            f"{CHANGES}/{name} may only grow, so that what was approved stays what it was; add commits to it (also a "
            "merge of origin/main), or push under another name"
        )
    main = installation.head(POLICY)
    wrong = faults(store.objects, store.at(new).entry(""), main.entry(""))
    if wrong:
        raise Invalid("\n".join(wrong))
    found = changes.propose(installation, by, name, new)
    said = review.text(found.judgement, found.beyond).strip()
    _print(f"Change {name}, by {found.author}{': ' * bool(found.subject)}{found.subject}\n\n{said}\n")


def _go_on(installation: Installation, by: Principal | None, moves: list[list[str]]) -> None:
    """Merge a change that needs nothing more."""
    name, _, _ = _one(moves)
    found = changes.find(installation, name)
    if found.good:
        _print(f"Merged into {POLICY} as {changes.merge(installation, by, name).merged}. It holds from now on")
    else:
        page = os.environ.get(PAGES)
        _print(f"Not merged yet.{f' Approve it at {page}/{name}' if page else ''}")


def _one(moves: list[list[str]]) -> tuple[str, str, str]:
    """Read which change is pushed.

    Returns:
        Its name, the commit its branch is at, and the one it is to be at.
    """
    named = [_named(ref, new) for _, new, ref in moves]
    if len(named) != 1:
        raise Invalid("Push one change at a time")
    old, new, _ = moves[0]
    return named[0], old, new


def _named(ref: str, new: str) -> str:
    """Read the name of the change that a branch is."""
    if ref in _REFUSED:
        raise Invalid(_REFUSED[ref])
    if not ref.startswith(_FOLDER):
        raise Invalid(f"{ref[:200]!a} takes no pushes: only branches change/NAME do. {_HOW}")
    name = names.change_name(ref.removeprefix(_FOLDER))
    if new == _NONE:
        raise Invalid(f"{CHANGES}/{name} cannot be deleted by a push; end it with 'waybill change withdraw {name}'")
    return name


def _principal(installation: Installation, token: str) -> Principal:
    return credentials.by_id(Index(installation.head(LEDGER)), token, datetime.now(UTC))


def _print(text: str) -> None:
    """Tell the person who pushes."""
    print("\n".join(shown(line) for line in text.split("\n")), file=sys.stderr, flush=True)
