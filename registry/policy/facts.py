"""What a policy gives to whom: rights on projects, and offices.

Teams are expanded to their members; patterns, everyone and the rights that hold in every registry are not, so that 500
people and 5,000 projects are never multiplied out. What a project's file or a registry's kind forbids all the same is
no fact: `gates.py` compares that.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from registry.policy.files import Account, Named, Statement
from registry.policy.given import EVERY_REGISTRY, Given, accounts, given_by, members, readable
from registry.policy.globs import contains
from registry.policy.policy import Policy
from registry.policy.roles import Role

EVERYONE = "everyone"  # who signed in
ANYONE = "anyone"  # also without credentials
COMMON = (EVERYONE, ANYONE)

ADMIN = "admin"  # of the organization
AUDITOR = "auditor"  # may read the whole git repository
OWNER = "owner"  # of a registry: approves what changes below its folder
MAINTAINER = "maintainer"  # of a team: approves its changes
ANSWERS = "answers for"  # a service account


@dataclass(frozen=True, slots=True)
class Fact:
    """A role of one principal on some projects of one registry, and the statement that gives it."""

    principal: str  # an account id, everyone or anyone
    role: Role
    registry: str  # a name, or EVERY_REGISTRY
    pattern: str  # a glob over project names, those of the future included; without wildcards: one project
    until: date | None  # the last day, UTC
    because: Statement
    through: str | None  # the team that passes it on

    @property
    def key(self) -> tuple[str, Role, str, str, date | None]:
        """What is given, wherever it stands."""
        return self.principal, self.role, self.registry, self.pattern, self.until

    def covers(self, other: "Fact", *, until: bool = True) -> bool:
        """Tell whether who holds this needs no other one.

        Args:
            other: the other one, of whatever principal.
            until: whether it must hold as long.
        """
        return (
            self.role >= other.role
            and self.registry in {EVERY_REGISTRY, other.registry}
            and (not until or self.lasts(other))
            and contains(self.pattern, other.pattern)
        )

    def lasts(self, other: "Fact") -> bool:
        """Tell whether it holds as long as another one."""
        return self.until is None or (other.until is not None and self.until >= other.until)


@dataclass(frozen=True, slots=True)
class Office:
    """A duty that goes with approving: whoever holds it decides on changes of what it is for."""

    principal: str  # an account id
    duty: str  # ADMIN, AUDITOR, OWNER, MAINTAINER or ANSWERS
    of: str  # the registry, team or service account; empty: the organization
    because: Statement
    through: str | None  # the team that passes it on

    @property
    def key(self) -> tuple[str, str, str]:
        """What is held, wherever that is said."""
        return self.principal, self.duty, self.of


class Facts:
    """The facts of one policy, expanded for those who are asked about. A file that cannot be read gives none."""

    def __init__(self, policy: Policy, today: date | None = None) -> None:
        """Read who is there, and what is said about whom.

        Args:
            policy: the policy.
            today: grants that ended before this day give nothing; None: all grants count.
        """
        self.policy = policy
        self._today = today
        organization = readable(policy.organization)
        known = accounts(policy) if organization else {}
        self.accounts: Mapping[str, Account] = {name: found for name, found in known.items() if not found.disabled}
        self.members = {name: tuple(m for m in members(policy, name) if m in self.accounts) for name in policy.teams()}
        self.parts = given_by(policy) if organization else []
        self._teams: defaultdict[str, list[str]] = defaultdict(list)
        for team, inside in self.members.items():
            for member in inside:
                self._teams[member].append(team)

    @property
    def people(self) -> list[str]:
        """List the accounts of people who may sign in."""
        return [name for name, account in self.accounts.items() if not account.service]

    def of(self, principal: str) -> tuple[Fact, ...]:
        """List what is given to one principal, by name or through teams.

        Args:
            principal: an account id; or everyone, or anyone, for what is given to those words.
        """
        if principal not in self.accounts and principal not in COMMON:
            return ()
        entries: list[tuple[str, str | None]] = [(principal, None)]
        if principal not in COMMON:
            entries += [(f"team:{team}", team) for team in self._teams.get(principal, ())]
        return tuple(
            Fact(principal, given.role, given.registry, given.pattern, given.until, given.because, through)
            for entry, through in entries
            for part in self.parts
            for given in part.get(entry, ())
            if self.counts(given)
        )

    def counts(self, given: Given) -> bool:
        """Tell whether what a statement gives has not ended."""
        return not (self._today and given.until and given.until < self._today)

    def reach(self, principal: str) -> tuple[Fact, ...]:
        """List everything from which a principal has rights, what everybody has included."""
        if principal == EVERYONE or principal in self.accounts:
            return (*(self.of(principal) if principal != EVERYONE else ()), *self.of(EVERYONE), *self.of(ANYONE))
        return self.of(ANYONE)

    def meant(self, entry: str) -> tuple[str, ...]:
        """Tell which principals an entry of a statement stands for."""
        if entry.startswith("team:"):
            return self.members.get(entry.removeprefix("team:"), ())
        return (entry,) if entry in self.accounts or entry in COMMON else ()

    def offices(self) -> Iterator[Office]:
        """List who holds which office, teams expanded."""
        organization = readable(self.policy.organization)
        if organization is None:
            return
        yield from self._held(ADMIN, "", organization.admins)
        yield from self._held(AUDITOR, "", organization.auditors)
        for name in self.policy.registries():
            registry = readable(self.policy.registry, name)
            yield from self._held(OWNER, name, registry.owners if registry else ())
        for team in filter(None, (readable(self.policy.team, name) for name in self.members)):
            yield from self._held(MAINTAINER, team.name, (Named(who, team.statement) for who in team.maintainers))
        for account in self.accounts.values():
            if account.owner:
                yield from self._held(ANSWERS, account.id, [Named(account.owner, account.statement)])

    def _held(self, duty: str, of: str, holders: Iterable[Named]) -> Iterator[Office]:
        for holder in holders:
            through = holder.name.removeprefix("team:") if holder.name.startswith("team:") else None
            for name in self.meant(holder.name):
                yield Office(name, duty, of, holder.statement, through)
