"""Two sets of facts compared: what of the one is not covered by the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from registry.names import ProjectName, RegistryName
from registry.policy.facts import EVERYONE, Fact, Facts
from registry.policy.files import Statement
from registry.policy.given import EVERY_REGISTRY, ByEntry
from registry.policy.globs import Names, contains, is_pattern, width
from registry.policy.roles import Role


@dataclass(frozen=True, slots=True)
class Reach:
    """What a principal gains or loses by one fact: the projects it had not, or no longer has, the role on."""

    fact: Fact
    projects: tuple[ProjectName, ...]  # known ones
    because: tuple[Statement, ...]  # every statement that gives the same
    through: tuple[str, ...]  # the teams that pass it on
    otherwise: Role | None  # the role held there on the other side: before a gain, after a loss
    ended: date | None  # where the same role was held until an earlier day

    @property
    def future(self) -> bool:
        """Whether projects that do not exist yet are concerned, wherever their name fits the pattern."""
        return is_pattern(self.fact.pattern)


@dataclass(frozen=True, slots=True)
class Expiry:
    """A right that ends on a day, which it did not before."""

    fact: Fact  # as it is now
    was: date | None  # the day it ended on before; None: it had no end, or was not there
    given: bool  # whether it is new; else it was shortened


class Comparison:
    """Two policies' facts, and what differs between them."""

    def __init__(self, before: Facts, after: Facts, known: Mapping[RegistryName, Iterable[ProjectName]]) -> None:
        """Nothing is compared yet.

        Args:
            before: the facts in force.
            after: those proposed.
            known: projects beside those that the policies declare, by registry.
        """
        self.before = before
        self.after = after
        self.known = known
        self.joined = tuple(sorted(set(after.accounts) - set(before.accounts)))
        self.left = tuple(sorted(set(before.accounts) - set(after.accounts)))
        self._names: dict[tuple[int, str], Names] = {}

    @cached_property
    def gained(self) -> tuple[Reach, ...]:
        """What principals have and had not."""
        return self._fresh(self.before, self.after)

    @cached_property
    def _missing(self) -> tuple[Reach, ...]:
        return self._fresh(self.after, self.before)

    @cached_property
    def lost(self) -> tuple[Reach, ...]:
        """What principals had and have not, today or ever."""
        return tuple(reach for reach in self._missing if not self._still(reach.fact))

    @cached_property
    def expiring(self) -> tuple[Expiry, ...]:
        """What now ends on a day."""
        given = [Expiry(reach.fact, reach.ended, given=True) for reach in self.gained if reach.fact.until]
        shortened = [(reach.fact, self._still(reach.fact)) for reach in self._missing]
        kept = [Expiry(max(still, key=_until), fact.until, given=False) for fact, still in shortened if still]
        return (*given, *kept)

    def _still(self, fact: Fact) -> list[Fact]:
        """List by what a lost fact is still covered, only not as long."""
        return [held for held in self.after.reach(fact.principal) if held.covers(fact, until=False)]

    @cached_property
    def affected(self) -> tuple[str, ...]:
        """Every principal whose facts can differ, sorted."""
        found = {*self.joined, *self.left}
        for team in {*self.before.members, *self.after.members}:
            found |= set(self.before.members.get(team, ())) ^ set(self.after.members.get(team, ()))
        for entry in _differing(self.before.parts, self.after.parts):
            found |= {*self.before.meant(entry), *self.after.meant(entry)}
        return tuple(sorted(found))

    def _fresh(self, old: Facts, new: Facts) -> tuple[Reach, ...]:
        """List what the facts of one side give that those of the other do not cover."""
        found: list[Reach] = []
        for principal in self.affected:
            held = old.reach(principal)
            own = new.of(principal)
            if principal in new.accounts and principal not in old.accounts:
                own = (*own, *(replace(fact, principal=principal) for fact in new.of(EVERYONE)))
            same = {fact.key for fact in old.of(principal)}
            fresh = [fact for fact in own if fact.key not in same and not any(h.covers(fact) for h in held)]
            found.extend(self._reach(new, fresh, held))
        return tuple(found)

    def _reach(self, new: Facts, fresh: list[Fact], held: tuple[Fact, ...]) -> Iterable[Reach]:
        """Tell what facts of one principal reach that those held otherwise do not; the wider ones speak for others."""
        alike: dict[object, list[Fact]] = {}
        wide: list[Fact] = []
        exact: dict[str, list[Fact]] = {}  # a name without wildcards covers nothing but itself
        for fact in sorted(fresh, key=_order):
            key = fact.key
            if key in alike:
                alike[key].append(fact)
            elif not any(wider.covers(fact) for wider in (*wide, *exact.get(fact.pattern, ()))):
                alike[key] = [fact]
                (wide if is_pattern(fact.pattern) else exact.setdefault(fact.pattern, [])).append(fact)
        for facts in alike.values():
            fact = facts[0]
            near = [h for h in held if h.registry in {EVERY_REGISTRY, fact.registry}]
            equal = [h for h in near if h.role >= fact.role and h.lasts(fact)]
            yield Reach(
                fact,
                self._projects(new, fact, [h.pattern for h in equal]),
                tuple(sorted({f.because for f in facts}, key=lambda s: (s.file, s.line))),
                tuple(sorted({f.through for f in facts if f.through})),
                max((h.role for h in near if contains(h.pattern, fact.pattern)), default=None),
                max((h.until for h in near if h.until and h.covers(fact, until=False)), default=None),
            )

    def _projects(self, facts: Facts, fact: Fact, taken: list[str]) -> tuple[ProjectName, ...]:
        return () if fact.registry == EVERY_REGISTRY else self.names(facts, fact.registry).left(fact.pattern, taken)

    def names(self, facts: Facts, registry: str) -> Names:
        """Give the projects known in a registry by one of the two policies."""
        key = (id(facts), registry)
        if key not in self._names:
            name = RegistryName(registry)
            self._names[key] = Names([*facts.policy.declared(name), *self.known.get(name, ())])
        return self._names[key]


def _differing(old: list[ByEntry], new: list[ByEntry]) -> set[str]:
    """List the entries to which statements give different things, without a look into parts that both sides share."""
    shared = {id(part) for part in old} & {id(part) for part in new}
    one, other = (_by_entry(part for part in parts if id(part) not in shared) for parts in (old, new))
    return {entry for entry in {*one, *other} if one.get(entry) != other.get(entry)}


def _by_entry(parts: Iterable[ByEntry]) -> dict[str, set[object]]:
    found: dict[str, set[object]] = {}
    for part in parts:
        for entry, given in part.items():
            found.setdefault(entry, set()).update(g.key for g in given)
    return found


def _until(fact: Fact) -> date:
    return fact.until or date.max


def _order(fact: Fact) -> tuple[object, ...]:
    """Sort facts so that one which covers another comes before it."""
    return -fact.role, fact.registry != EVERY_REGISTRY, fact.registry, -_until(fact).toordinal(), width(fact.pattern)
