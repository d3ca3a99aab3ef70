"""A change becomes one commit on `main`, and what comes of that in the ledger and among the branches.

Three steps, each durable before the next: the commit on `main`, which decides; the ledger's event, which ends the
change's record; the removal of its branch. Whatever is killed in between, `heal` goes on where it stopped, because the
commit says what it came from.
"""

from dataclasses import dataclass

from registry import names
from registry.changes.audience import require_sight
from registry.changes.clearance import voter
from registry.changes.settling import origin, settle
from registry.changes.standing import Change, find, record_of, waits_for
from registry.credentials import require_live
from registry.errors import Conflict, Forbidden, Invalid, Moved
from registry.installation import OPERATOR, Installation
from registry.model import Origin
from registry.policy.roles import Principal
from registry.records import message
from registry.store import CHANGES, POLICY, NewCommit, Snapshot
from registry.tokens import end_of_the_gone

LONGEST_REASON = 500  # characters
_TRIES = 5  # main may move between judging and merging


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change."""

    change: Change
    merged: str | None  # the commit of main; None: it is not on main


def merge(installation: Installation, by: Principal | None, name: str) -> Outcome:
    """Put a change on `main` that has all it needs.

    Args:
        installation: where.
        by: who asks; None is the operator on the host, who needs the same approvals.
        name: of the change.

    Raises:
        NotFound: there is no such change.
        Forbidden: it lacks approvals, or has problems, and the text says which; or this caller may not see it; or
            changes are made at a forge.
    """
    installation.following.require_here()
    if by:
        voter(installation.policy(), by)
    return _merge(installation, by, name, None)


def break_glass(installation: Installation, name: str, reason: str) -> Outcome:
    """Let the operator on the host put a change on `main` at once; it is recorded as that and awaits its approvals.

    Args:
        installation: where.
        name: of the change.
        reason: for the log of `main`.

    Raises:
        NotFound: there is no such change.
        Invalid: there is no reason, or files of it could not be read.
        Conflict: `main` changed the same files.
    """
    reason = names.sentence("reason", reason, LONGEST_REASON)
    if not reason:
        raise Invalid("reason: say why it cannot wait; it stands in the log for ever")
    return _merge(installation, None, name, reason)


def _merge(installation: Installation, by: Principal | None, name: str, reason: str | None) -> Outcome:
    for _ in range(_TRIES):
        change = find(installation, name)
        if by:
            require_sight(installation.policy(), by, change)
        if change.merged:
            raise Conflict(f"Change '{name}' is on main already, as {change.merged}, and awaits approval")
        if reason:
            _require_readable(change)
        elif not change.good:
            raise Forbidden(f"Change '{name}' cannot be merged. {waits_for(change)}")
        try:
            commit = _put_on_main(installation, change, by, reason)
        except Moved:
            continue
        settle(installation, name, change.head, commit)
        end_of_the_gone(installation)
        return Outcome(change, commit)
    raise Moved(f"main moves too often now; try again to merge change '{name}'")


def _put_on_main(installation: Installation, change: Change, by: Principal | None, reason: str | None = None) -> str:
    """Make the commit, if nothing that the change was judged by has moved since.

    Args:
        installation: where.
        change: as it was found and judged.
        by: who merges; None is the operator on the host.
        reason: why the operator merges it without what it needs.

    Returns:
        The commit of `main`.

    Raises:
        Moved: `main`, the branch or the approvals moved meanwhile; look at the change again.
        Unauthenticated: the token was revoked meanwhile.
    """
    store = installation.store
    with store.lock():
        view, main = installation.view(), store.head(POLICY)
        ledger = view.index.snapshot
        if by:
            require_live(view.index, by, view.now)
        same = store.branches(CHANGES).get(change.name) == change.head and main.id == change.base
        if not same or record_of(ledger, change.name) != change.record:
            raise Moved(f"Change '{change.name}' or main moved meanwhile; look at it again")
        text = _message(installation, change, main, by, reason)
        trust = OPERATOR if change.author in {None, OPERATOR} else "token"
        author = view.author(Origin(trust, change.author or OPERATOR))
        now = max(int(view.now.timestamp()), main.time)  # history never runs backwards
        made = store.append(POLICY, main, [NewCommit(change.files, text, author, view.committer(), now)])
    return made.id


def _message(
    installation: Installation, change: Change, main: Snapshot, by: Principal | None, reason: str | None
) -> str:
    """Write what the log of `main` says; of the author's own words only one line, which was shown with the change."""
    approvers = sorted({name for need in change.judgement.needs for name in need.given})
    place = installation.trail.place(POLICY, main.id)
    if place is None:
        raise Moved("Branch 'main' moved while the commit was made")
    trailers = [
        ("Change", change.name),
        ("Change-Commit", change.head),
        ("Proposed-By", change.author or OPERATOR),
        *(("Approved-By", name) for name in approvers),
        ("Merged-By", origin(by).principal),
        *([("Break-Glass", reason)] if reason else []),
        ("Generation", str(place + 1)),
    ]
    return message(change.subject or f"Merge change {change.name}", trailers)


def _require_readable(change: Change) -> None:
    """Also in an emergency, take nothing that would deny everything, or that is nothing."""
    if change.overlap or not change.files:
        raise Conflict(f"Change '{change.name}' cannot be merged. {waits_for(change)}")
    known = {str(problem) for problem in change.before.problems()}
    new = [problem for problem in map(str, change.after.problems()) if problem not in known]
    if new:
        raise Invalid("\n".join(new))
