"""What a difference of two policies says to a person: sentences, the most important first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from registry.policy.difference import Difference
from registry.policy.difference.comparison import Expiry, Reach
from registry.policy.difference.shifts import Shift
from registry.policy.facts import ADMIN, ANSWERS, ANYONE, AUDITOR, EVERYONE, MAINTAINER, OWNER, Office
from registry.policy.given import EVERY_REGISTRY
from registry.policy.globs import ALL

MOST_NAMED = 5
NOTHING = "no change in rights"
UNTOLD = "cannot be told while a file that is changed cannot be read"
_BECOMES = ("becomes", "become")  # of one, of several
_IS_NO_LONGER = ("is no longer", "are no longer")

_WORDS = {EVERYONE: "everyone who is signed in", ANYONE: "anyone, without credentials"}
_OFFICES = {
    ADMIN: "admin of the organization: may do and approve everything",
    AUDITOR: "auditor: reads every registry and the whole git repository",
    OWNER: "owner of registry {}: may approve its changes",
    MAINTAINER: "maintainer of team {}: may approve its changes",
    ANSWERS: "owner of service account {}: answers for what it does",
}


@dataclass(frozen=True, slots=True)
class Section:
    """Sentences of one kind."""

    title: str
    sentences: tuple[str, ...]


def sections(difference: Difference) -> list[Section]:
    """Say what changes; only what there is to say.

    Args:
        difference: of two policies.
    """
    found = [
        Section("Gains", (*_reaches(difference.gained, "besides"), *_offices(difference.appointed, _BECOMES))),
        Section("Widens", tuple(map(_shift, difference.widened))),
        Section("Loses", (*_reaches(difference.lost, "keeps"), *_offices(difference.dismissed, _IS_NO_LONGER))),
        Section("Left without an owner", tuple(_orphaned(difference))),
        Section("Narrows", tuple(map(_shift, difference.narrowed))),
        Section("Changes", tuple(map(_shift, difference.altered))),
        Section("Ends", tuple(_ends(expiry) for expiry in difference.expiring if not expiry.given)),
        Section("Accounts", tuple(_accounts(difference))),
    ]
    return [section for section in found if section.sentences]


def few(names: Iterable[str]) -> str:
    """List as many names as a sentence has room for."""
    known = list(names)
    more = len(known) - MOST_NAMED
    return ", ".join(known) if more <= 1 else f"{', '.join(known[:MOST_NAMED])} and {more:,} more"


def _reaches(reaches: Iterable[Reach], other: str) -> Iterator[str]:
    """Say who gains or loses what, and besides which other role: one sentence for all of whom the same is true."""
    held: dict[tuple[object, ...], list[Reach]] = {}
    for reach in reaches:
        fact = reach.fact
        held.setdefault((fact.principal, fact.role, fact.registry, fact.until, reach.ended), []).append(reach)
    told: dict[str, list[str]] = {}
    for alike in held.values():
        told.setdefault(_reach(alike, other), []).append(alike[0].fact.principal)
    for sentence, principals in told.items():
        yield f"{few(_WORDS.get(name, name) for name in principals)}: {sentence}"


def _reach(alike: list[Reach], other: str) -> str:
    """Say what reaches of one principal and one role come to."""
    fact, ended = alike[0].fact, alike[0].ended
    parts = [f"{fact.role} on {_what(alike)}"]
    if fact.until:
        parts.append(f"until {fact.until}")
    if ended:
        parts.append(f"held until {ended} so far")
    elif others := {reach.otherwise for reach in alike if reach.otherwise and reach.otherwise < fact.role}:
        parts.append(f"{other} {max(others)}")
    statements = sorted({(s.file, s.line, s.place) for reach in alike for s in reach.because})
    teams = sorted({team for reach in alike for team in reach.through})
    through = f", through team {few(teams)}" if teams else ""
    return f"{', '.join(parts)} ({few(place for *_, place in statements)}{through})"


def _what(alike: list[Reach]) -> str:
    registry = alike[0].fact.registry
    if registry == EVERY_REGISTRY:
        return "everything in every registry"
    projects = sorted({project for reach in alike for project in reach.projects})
    patterns = sorted({reach.fact.pattern for reach in alike if reach.future})
    parts = []
    if projects:
        count = f"{len(projects):,} projects: " if len(projects) > 1 else ""
        parts.append(f"{count}{few(projects)}")
    if ALL in patterns:
        parts.append("every future project")
    elif patterns:
        parts.append(f"every future project named {few(patterns)}")
    return f"{', and '.join(parts)} in {registry}"


def _offices(offices: Iterable[Office], verbs: tuple[str, str]) -> Iterator[str]:
    told: dict[tuple[str, str, str, str | None], list[str]] = {}
    for office in offices:
        told.setdefault((office.duty, office.of, office.because.place, office.through), []).append(office.principal)
    for (duty, of, place, team), principals in told.items():
        through = f", through team {team}" if team else ""
        yield f"{few(principals)} {verbs[len(principals) > 1]} {_OFFICES[duty].format(of)} ({place}{through})"


def _shift(shift: Shift) -> str:
    before, after = (side if side is not None else "nothing" for side in (shift.before, shift.after))
    return f"{shift.what}: {before} → {after} ({shift.because.place})"


def _orphaned(difference: Difference) -> Iterator[str]:
    for orphan in difference.orphaned:
        yield f"{orphan.what}, owned by {few(orphan.last)} until now; name an owner in {orphan.file}"


def _ends(expiry: Expiry) -> str:
    fact = expiry.fact
    where = "every registry" if fact.registry == EVERY_REGISTRY else f"{fact.pattern} in {fact.registry}"
    was = expiry.was or "without end"
    who = _WORDS.get(fact.principal, fact.principal)
    return f"{who}: {fact.role} on {where} now ends with {fact.until}, was {was} ({fact.because.place})"


def _accounts(difference: Difference) -> Iterator[str]:
    if difference.joined:
        yield f"may sign in now: {few(difference.joined)}"
    if difference.left:
        yield f"may no longer sign in: {few(difference.left)}"
