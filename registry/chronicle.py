"""What happened, to the facts and to the policy, in one stream, newest first, that can be read on from any place.

Narrowed to a registry or project, the policy's commits are those that touched its files, or changed through another
file, such as a team's, who may do what there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, pairwise
from typing import NamedTuple

from registry import audit
from registry.audit import Looked
from registry.installation import Installation
from registry.model import Event
from registry.records import read_message
from registry.rights_log import Whose, teller
from registry.store import LEDGER, POLICY, Commit, Snapshot, Store
from registry.wanted import Wanted

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
    """One commit that was looked at, with the branch that it is of."""

    branch: str
    looked: Looked


class _Waiting(NamedTuple):
    """A commit that comes next on its branch."""

    looked: Looked
    is_meant: Callable[[], bool]  # is asked when it is its turn, as it may take long


class Chronicle:
    """Ledger and policy together, newest first; what is of one second keeps the order of its branch."""

    def __init__(
        self, installation: Installation, asked: Asked, may_see: Callable[[Event], bool], place: Place | None = None
    ) -> None:
        """Begin to read.

        Args:
            installation: where.
            asked: which events.
            may_see: which events of the ledger the caller may see.
            place: where to begin, as another one ended; None: at the newest.
        """
        begins = place or (installation.head(LEDGER).id, installation.head(POLICY).id)
        self._walks = {
            LEDGER: _ledger(installation, asked, may_see, begins[0]),
            POLICY: _policy(installation, asked, begins[1]),
        }
        self._next = {branch: next(walk, None) for branch, walk in self._walks.items()}

    def __iter__(self) -> Iterator[Told]:
        """Give commit by commit; nothing more of a branch is read than this needs."""
        while waiting := {branch: one for branch, one in self._next.items() if one}:
            branch = max(waiting, key=lambda name: waiting[name].looked.at)  # the ledger, where both are of one second
            looked, is_meant = waiting[branch]
            self._next[branch] = next(self._walks[branch], None)
            yield Told(branch, looked if looked.event and is_meant() else replace(looked, event=None))

    @property
    def place(self) -> Place | None:
        """Where to read on; None: nothing is left."""
        facts, policy = (one.looked.commit if one else "" for one in self._next.values())
        return (facts, policy) if facts or policy else None


def require_place(installation: Installation, place: Place) -> Place:
    """Check where somebody wants to read on.

    Raises:
        Invalid: that is no place of these branches.
    """
    for branch, commit in zip((LEDGER, POLICY), place, strict=True):
        if commit:
            audit.require_commit(installation, branch, commit)
    return place


def _ledger(
    installation: Installation, asked: Asked, may_see: Callable[[Event], bool], begins: str
) -> Iterator[_Waiting]:
    if asked.event == POLICY_EVENT or not begins:
        return
    for looked in audit.look(installation, asked.facts, begins):
        yield _Waiting(looked, partial(_is_meant, asked, may_see, looked.event))


def _is_meant(asked: Asked, may_see: Callable[[Event], bool], event: Event | None) -> bool:
    if event is None or asked.event not in {None, event.facts.get("Waybill-Event")}:
        return False
    return _is_by(event, asked.principal) and may_see(event)


def _policy(installation: Installation, asked: Asked, begins: str) -> Iterator[_Waiting]:
    """Walk the policy; what only files can be of narrows it to nothing."""
    facts, store = asked.facts, installation.store
    of_files = facts.version, facts.pipeline, facts.repository, facts.commit
    if not asked.policy or asked.event not in {None, POLICY_EVENT} or not begins:
        return
    if any(said is not None for said in of_files):
        return
    is_about = _subject(installation, facts)
    history: Iterator[Commit | None] = chain(store.history(store.at(begins)), [None])
    for commit, older in pairwise(history):
        if commit is None:
            return
        at = datetime.fromtimestamp(commit.time, UTC)
        event = _event(commit, at)
        early = facts.since and at < facts.since  # no end: whoever commits on a forge chooses the date
        meant = not early and not (facts.until and at > facts.until) and _is_by(event, asked.principal)
        yield _Waiting(Looked(commit.id, at, event if meant else None), partial(is_about, commit, older))


def _subject(installation: Installation, facts: Wanted) -> Callable[[Commit, Commit | None], bool]:
    """Tell which commits of the policy, with those before them, are about a registry or project that is asked for."""
    if facts.registry is None and facts.project is None:
        return lambda *_: True
    tell = teller(installation, Whose(registry=facts.registry, project=facts.project))
    return lambda commit, older: _touched(installation.store, facts, commit, older) or bool(tell(commit, older))


def _touched(store: Store, facts: Wanted, commit: Commit, older: Commit | None) -> bool:
    """Tell whether a commit changed the files of a registry or project."""
    sides = [store.at(one.id) if one else None for one in (older, commit)]
    registries = (
        {facts.registry} if facts.registry else {name for side in sides if side for name in side.entries("registries")}
    )
    paths = [f"registries/{name}" + (f"/projects/{facts.project}.yaml" if facts.project else "") for name in registries]
    return any(_content(sides[0], path) != _content(sides[1], path) for path in paths)


def _content(side: Snapshot | None, path: str) -> str | None:
    entry = side.entry(path) if side else None
    return entry.id if entry else None


def _event(commit: Commit, at: datetime) -> Event:
    subject, _ = read_message(commit.message)
    last = commit.message.rstrip().rpartition("\n\n")[2].splitlines()
    said = (line.partition(": ") for line in last)
    facts = {"Waybill-Event": POLICY_EVENT} | {name: value for name, colon, value in said if colon and " " not in name}
    return Event(commit.id, at, commit.author.name, subject.splitlines()[0] if subject else "", facts)


def _is_by(event: Event, principal: str | None) -> bool:
    return principal is None or principal in {event.author, *(event.facts.get(name) for name in _NAMED)}
