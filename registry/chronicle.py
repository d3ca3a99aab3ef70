"""What happened, to the facts and to the policy, in one stream, newest first, that can be read on from any place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from registry import audit
from registry.audit import Wanted
from registry.errors import Invalid
from registry.installation import Installation
from registry.model import Event
from registry.records import read_message
from registry.store import LEDGER, POLICY, Commit

POLICY_EVENT = "policy"  # what a commit of branch `main` is called here
_NAMED = ("Principal", "Publisher", "Owner", "Actor")  # facts that name who did it, or to whom it was done
Place = tuple[str, str]  # the commits of ledger and policy that come next; empty where there is none


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events are wanted, beside what `Wanted` says."""

    facts: Wanted
    event: str | None = None
    principal: str | None = None
    policy: bool = False  # whether the policy's own events may be seen, and are wanted


@dataclass(frozen=True, slots=True)
class Told:
    """One event, with the branch that it is recorded on."""

    branch: str
    event: Event


def chronicle(
    installation: Installation, asked: Asked, may_see: Callable[[Event], bool], place: Place | None = None
) -> Iterator[Told]:
    """Walk ledger and policy together, newest first; what is of one second keeps the order of its branch.

    Args:
        installation: where.
        asked: which events.
        may_see: which events of the ledger the caller may see.
        place: where to begin, as `place_of` gave it; None: at the newest.

    Raises:
        Invalid: the place is not one of these branches.
    """
    begins = place or (installation.head(LEDGER).id, installation.head(POLICY).id)
    facts = (Told(LEDGER, event) for event in _of_ledger(installation, asked, begins[0]) if may_see(event))
    decisions = (Told(POLICY, event) for event in _of_policy(installation, asked, begins[1]))
    return _merged(facts, decisions)


def require_place(installation: Installation, place: Place) -> Place:
    """Check where somebody wants to read on.

    Raises:
        Invalid: that is no place of these branches.
    """
    for branch, commit in zip((LEDGER, POLICY), place, strict=True):
        hexadecimal = len(commit) == 40 and not set(commit) - set("0123456789abcdef")
        if commit and not (hexadecimal and installation.trail.place(branch, commit)):
            raise Invalid("cursor: send what the page before gave as 'next', or leave it out")
    return place


def places(shown: list[Told], following: Told, installation: Installation, place: Place | None) -> Place:
    """Tell where to read on: for each branch, after what was shown of it.

    Args:
        shown: the events of this page.
        following: the event that comes next.
        installation: where.
        place: where this page began.
    """
    begins = place or (installation.head(LEDGER).id, installation.head(POLICY).id)
    next_of = {LEDGER: begins[0], POLICY: begins[1]}
    for branch in next_of:
        last = next((told.event.commit for told in reversed(shown) if told.branch == branch), None)
        if following.branch == branch:
            next_of[branch] = following.event.commit
        elif last is not None:
            next_of[branch] = _before(installation, last)
    return next_of[LEDGER], next_of[POLICY]


def _before(installation: Installation, commit: str) -> str:
    """Give the commit before one, or nothing."""
    parents = next(installation.store.history(installation.store.at(commit))).parents
    return parents[0] if parents else ""


def _of_ledger(installation: Installation, asked: Asked, begins: str) -> Iterator[Event]:
    if asked.event == POLICY_EVENT or not begins:
        return
    for event in audit.log(installation, asked.facts, begins):
        kind = event.facts.get("Waybill-Event")
        if asked.event in {None, kind} and _is_by(event, asked.principal):
            yield event


def _of_policy(installation: Installation, asked: Asked, begins: str) -> Iterator[Event]:
    """Walk the policy; a registry or project narrows it to nothing, as its commits are about files."""
    if not asked.policy or asked.event not in {None, POLICY_EVENT} or not begins or asked.facts.narrow:
        return
    for commit in installation.store.history(installation.store.at(begins)):
        at = datetime.fromtimestamp(commit.time, UTC)
        if asked.facts.since and at < asked.facts.since:
            return
        if asked.facts.until and at > asked.facts.until:
            continue
        event = _event(commit, at)
        if _is_by(event, asked.principal):
            yield event


def _event(commit: Commit, at: datetime) -> Event:
    subject, _ = read_message(commit.message)
    last = commit.message.rstrip().rpartition("\n\n")[2].splitlines()
    said = (line.partition(": ") for line in last)
    facts = {"Waybill-Event": POLICY_EVENT} | {name: value for name, colon, value in said if colon and " " not in name}
    return Event(commit.id, at, commit.author.name, subject.splitlines()[0] if subject else "", facts)


def _is_by(event: Event, principal: str | None) -> bool:
    return principal is None or principal in {event.author, *(event.facts.get(name) for name in _NAMED)}


def _merged(one: Iterator[Told], other: Iterator[Told]) -> Iterator[Told]:
    """Merge two streams that are newest first; nothing more of either is read than is asked for."""
    first, second = next(one, None), next(other, None)
    while first and second:
        if first.event.at >= second.event.at:
            yield first
            first = next(one, None)
        else:
            yield second
            second = next(other, None)
    if first:
        yield first
    if second:
        yield second
    yield from one
    yield from other
