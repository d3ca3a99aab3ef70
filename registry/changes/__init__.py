"""Changes of the policy, from the push to the one commit on `main`: propose, approve, merge, withdraw.

A change is a branch that people push; who pushed it and who approved it are facts of the ledger. `main` moves to what
`judge` found good, and to nothing else.
"""

from dataclasses import replace
from datetime import UTC, datetime

from registry import names
from registry.changes.audience import require_sight
from registry.changes.clearance import is_admin, person, voter
from registry.changes.merging import Outcome, break_glass, merge
from registry.changes.record import Approved, ChangeRecord, Push
from registry.changes.settling import close, heal, origin, record_event
from registry.changes.standing import Change, again, assess, changes, find, record_of, waits_for
from registry.errors import Conflict, Forbidden, Invalid
from registry.installation import Installation, Trailer, Writing
from registry.policy.roles import Principal
from registry.store import CHANGES, LEDGER

__all__ = [
    "Change",
    "Outcome",
    "approve",
    "break_glass",
    "changes",
    "find",
    "heal",
    "merge",
    "propose",
    "waits_for",
    "withdraw",
]

MOST_OPEN = 200  # changes at a time
MOST_PUSHES = 200  # of one change; its record is read whenever it is looked at


def propose(installation: Installation, by: Principal | None, name: str, head: str) -> Change:
    """Let a commit become the newest of a change, and write down who pushed it, before its branch moves there.

    Args:
        installation: where; its store must be able to read the commit.
        by: who pushes; None is the operator on the host.
        name: of the change.
        head: the commit.

    Returns:
        What it would do, and who must agree.

    Raises:
        Forbidden: this caller may not propose changes, or they are made at a forge.
        Invalid: it would be refused whoever approved it; the text has every problem.
        Conflict: there are too many changes, or the name still waits for something else.
    """
    installation.following.require_here()
    name = names.change_name(name)
    if by:
        person(installation.policy(), by)
    who = origin(by)
    push = Push(who.principal, who.token, datetime.now(UTC), head)
    known = record_of(installation.head(LEDGER), name)
    _require_room(installation, known)
    change = assess(installation, head, known.pushed(push))
    if change.problems:
        raise Invalid("\n".join(map(str, change.problems)))

    def record(writing: Writing) -> None:
        before = record_of(writing.index.snapshot, name)
        after = before.pushed(replace(push, at=writing.now))
        if after != before:
            trailers = [Trailer("Change", name), Trailer("Change-Commit", head)]
            record_event(writing, "propose", trailers, after, by)

    installation.write(by, record)
    return change


def approve(installation: Installation, by: Principal | None, name: str, base: str, tree: str) -> Outcome:
    """Agree to what a change is now; with enough approvals it is merged.

    Args:
        installation: where.
        by: who agrees.
        name: of the change.
        base: `Change.base` as they saw it.
        tree: `Change.tree` as they saw it.

    Raises:
        NotFound: there is no such change.
        Conflict: it, or `main`, is not what they saw any more.
        Forbidden: their approval could not count, or changes are made at a forge.
    """
    installation.following.require_here()
    if by is None:
        raise Forbidden("Only people approve, each with a token of their own; the operator has --break-glass")
    voter(installation.policy(), by)
    change = find(installation, name)
    require_sight(installation.policy(), by, change)
    if (base, tree) != (change.base, change.tree):
        raise Conflict(f"Change '{name}' or main moved since you looked; look at it again and approve what it is now")
    given = Approved(by.name or "", by.token, datetime.now(UTC), base, tree)
    _require_countable(installation, change, given)

    def record(writing: Writing) -> None:
        known = record_of(writing.index.snapshot, name)
        if writing.policy.commit != base and not change.merged:
            raise Conflict(f"main moved meanwhile; look at change '{name}' again and approve what it is now")
        if any((a.by, a.base, a.tree) == (by.name, base, tree) for a in known.approvals):
            return
        kept = (a for a in known.approvals if a.base == base)
        after = replace(known, approvals=(*kept, replace(given, at=writing.now)))
        trailers = [Trailer("Change", name), Trailer("Base", base), Trailer("Tree", tree)]
        record_event(writing, "approve", trailers, after, by)

    installation.write(by, record)
    change = find(installation, name)
    if change.merged:
        if change.good:
            close(installation, by, name, "accept")
        return Outcome(change, change.merged)
    return merge(installation, by, name) if change.good else Outcome(change, None)


def withdraw(installation: Installation, by: Principal | None, name: str) -> None:
    """End a change that is not to be merged; its branch goes, its commits stay in the git repository.

    Args:
        installation: where.
        by: somebody who pushed to it, or an admin; None is the operator on the host.
        name: of the change.

    Raises:
        NotFound: there is no such change.
        Forbidden: it is somebody else's.
    """
    change = find(installation, name)
    if by:
        voter(installation.policy(), by)
        require_sight(installation.policy(), by, change)
        pushers = {push.by for push in change.record.pushes}
        if by.name not in pushers and not is_admin(installation.policy(), by):
            raise Forbidden(f"Change '{name}' is not yours; {', '.join(sorted(pushers))} or an admin can withdraw it")
    if change.merged:
        raise Conflict(f"Change '{name}' is on main as {change.merged} and awaits approval; a revert is a new change")
    if not installation.store.drop(f"{CHANGES}/{name}", change.head):
        raise Conflict(f"Change '{name}' was pushed to meanwhile; look at it again")
    close(installation, by, name, "withdraw")


def _require_room(installation: Installation, known: ChangeRecord) -> None:
    """Bound what the ledger keeps of open changes, and keep a name for what it still stands for."""
    if known.broken_glass:
        raise Conflict(f"Change '{known.name}' is on main and awaits approval; push under another name")
    if len(known.pushes) >= MOST_PUSHES:
        raise Conflict(f"Change '{known.name}' was pushed {MOST_PUSHES} times; withdraw it, push under another name")
    open_changes = installation.store.branches(CHANGES)
    if len(open_changes) >= MOST_OPEN and known.name not in open_changes:
        raise Conflict(f"{MOST_OPEN} changes are open; merge or withdraw some of them first")


def _require_countable(installation: Installation, change: Change, given: Approved) -> None:
    """Refuse an approval that could not count, and say why."""
    if change.problems and not change.merged:
        raise Forbidden(f"Change '{change.name}' cannot be approved as it is. {waits_for(change)}")
    trial = again(installation, change, replace(change.record, approvals=(*change.record.approvals, given)))
    needs = trial.judgement.needs
    if needs and not any(given.by in need.given for need in needs):
        reason = trial.judgement.excluded.get(given.by)
        why = f"{given.by} {reason}" if reason else f"{given.by} owns nothing that it touches"
        raise Forbidden(f"{given.by} cannot approve change '{change.name}': {why}. {waits_for(change)}")
