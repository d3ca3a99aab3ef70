"""What comes of a change in the ledger and among the branches: its events, its end, and the end after a crash."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from registry.changes import lines
from registry.changes.record import BrokenGlass, ChangeRecord, change_record, record_path
from registry.changes.standing import record_of
from registry.errors import WaybillError
from registry.installation import OPERATOR, Installation, Trailer, Writing
from registry.model import Decision, Origin
from registry.policy.roles import Principal
from registry.records import read_message
from registry.store import CHANGES
from registry.tokens import end_of_the_gone

BY_OPERATOR = "operator on the host"
BY_REVIEW = "waybill.yaml#review"


def origin(by: Principal | None) -> Origin:
    """Say who acts; None is the operator on the host."""
    return Origin("token", by.name or "", by.token) if by else Origin(OPERATOR, OPERATOR)


def settle(installation: Installation, name: str, head: str, commit: str) -> None:
    """Write down that a change was merged, and remove its branch; again does no harm.

    Args:
        installation: where.
        name: the change.
        head: the newest commit of its branch.
        commit: what became of it on `main`.
    """
    made = next(iter(installation.store.history(installation.store.at(commit))))
    facts = read_message(made.message)[1]
    merger = facts.get("Merged-By", OPERATOR)
    who = Origin("token" if merger != OPERATOR else OPERATOR, merger)

    def record(writing: Writing) -> None:
        ledger, path = writing.index.snapshot, record_path(name)
        kept: bytes | None = None
        if "Break-Glass" in facts:
            at = datetime.fromtimestamp(made.time, UTC)
            glass = BrokenGlass(facts["Break-Glass"], at, made.parents[0], commit)
            known = record_of(ledger, name)
            if known.broken_glass == glass:
                return
            kept = change_record(replace(known, broken_glass=glass))
        elif ledger.read(path) is None:
            return
        trailers = [Trailer("Change", name), Trailer("Change-Commit", head), Trailer("Policy-Commit", commit)]
        allowed = BY_OPERATOR if who.trust == OPERATOR else BY_REVIEW
        writing.record(f"merge: {name}", trailers, {path: kept}, who, Decision(made.parents[0], allowed))

    installation.write(None, record)
    installation.store.drop(f"{CHANGES}/{name}", head)


def close(installation: Installation, by: Principal | None, name: str, event: str) -> None:
    """End a change's record with an event that says why: withdraw, accept."""

    def record(writing: Writing) -> None:
        if writing.index.snapshot.read(record_path(name)) is not None:
            record_event(writing, event, [Trailer("Change", name)], None, by)

    installation.write(by, record)


def record_event(
    writing: Writing, event: str, trailers: Sequence[Trailer], after: ChangeRecord | None, by: Principal | None
) -> None:
    """Record what happened to a change, and its record as it is then; None: it has none any more."""
    name = next(trailer.value for trailer in trailers if trailer.name == "Change")
    decision = Decision(writing.policy.commit, BY_REVIEW if by else BY_OPERATOR)
    kept = change_record(after) if after else None
    writing.record(f"{event}: {name}", trailers, {record_path(name): kept}, origin(by), decision)


def heal(installation: Installation) -> list[str]:
    """Finish the merges that something killed after `main` had moved; where `main` follows a forge's, there are none.

    Returns:
        The names of these changes.
    """
    done: list[str] = []
    branches = installation.store.branches(CHANGES) if installation.following.nothing else {}
    for name, head in branches.items():
        with suppress(WaybillError):  # a branch that a hand put there is shown as what it is, and stops nothing
            parting = lines.parting(installation.trail, head)
            commit = lines.merged(installation.trail, parting.main, head)
            if commit:
                settle(installation, name, head, commit)
                done.append(name)
    if done:
        end_of_the_gone(installation)
    return done
