"""Which commits of `main` changed whose rights, and who agreed: also where only a team file was touched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import chain, pairwise

from registry.changes.standing import projects_of, record_of
from registry.installation import Installation
from registry.meaning import sections
from registry.names import ProjectName, RegistryName
from registry.policy.content import Content, Memory
from registry.policy.difference import Difference, Known, difference
from registry.policy.difference.comparison import Reach
from registry.policy.difference.shifts import Shift
from registry.policy.facts import COMMON, MAINTAINER, OWNER, Fact, Facts, Office
from registry.policy.given import EVERY_REGISTRY
from registry.policy.globs import contains
from registry.policy.judge.touched import Kind, object_at
from registry.policy.policy import Policy
from registry.policy.roles import Role
from registry.store import LEDGER, POLICY, Commit, Snapshot

_APPROVED, _GLASS, _CHANGE = "Approved-By: ", "Break-Glass: ", "Change: "
_SPEAKING = ("waybill.yaml", "people.yaml", "teams", "repositories", "registries")  # of rights, and nothing else does


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose rights, and where; None asks for all."""

    principal: str | None = None
    registry: RegistryName | None = None
    project: ProjectName | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One commit that changed rights which were asked for."""

    commit: str
    at: datetime
    author: str
    subject: str
    approvers: tuple[str, ...]
    glass: str | None  # why the operator merged it without its approvals
    awaited: bool  # whether these are still to be given
    meaning: tuple[str, ...]  # "Gains: bob: publish on ..."


class _Nothing:
    """What was there before the first commit."""

    id = "0" * 40

    def read(self, _: str) -> bytes | None:
        """Find no file."""
        return None

    def entries(self, _: str) -> Mapping[str, Content]:
        """Find no folder."""
        return {}


def turns(installation: Installation, whose: Whose) -> Iterator[Turn]:
    """Walk `main`, newest first; what two commits have in common is not looked into.

    Args:
        installation: where.
        whose: the rights asked for.
    """
    store, ledger, tell = installation.store, installation.head(LEDGER), teller(installation, whose)
    history: Iterator[Commit | None] = chain(store.history(installation.head(POLICY)), [None])
    for commit, older in pairwise(history):
        if commit is None:
            return
        if whose.since and datetime.fromtimestamp(commit.time, UTC) < whose.since:
            continue  # and no end: whoever commits on a forge chooses the date
        if told := tell(commit, older):
            yield _turn(commit, ledger, told)


def teller(installation: Installation, whose: Whose) -> Callable[[Commit, Commit | None], tuple[str, ...]]:
    """Make what tells how a commit of `main`, after the one before it, changed the rights asked for.

    Args:
        installation: where.
        whose: the rights asked for.
    """
    store, memory = installation.store, Memory()

    @cache  # and only when a commit may have changed rights
    def known() -> Known:
        return {name: tuple(found) for name, found in projects_of(installation, installation.policy()).items()}

    def tell(commit: Commit, older: Commit | None) -> tuple[str, ...]:
        before, after = Policy(store.at(older.id) if older else _Nothing(), memory), Policy(store.at(commit.id), memory)
        if all(before.content(path) == after.content(path) for path in _SPEAKING):
            return ()
        return tuple(_told(before, after, known(), whose, datetime.fromtimestamp(commit.time, UTC)))

    return tell


def _turn(commit: Commit, ledger: Snapshot, told: tuple[str, ...]) -> Turn:
    lines = commit.message.splitlines()
    glass = next(_after(_GLASS, lines), None)
    record = record_of(ledger, next(_after(_CHANGE, lines), "")) if glass else None
    awaited = bool(record and record.broken_glass and record.broken_glass.commit == commit.id)
    at, subject = datetime.fromtimestamp(commit.time, UTC), lines[0] if lines else ""
    return Turn(commit.id, at, commit.author.name, subject, tuple(_after(_APPROVED, lines)), glass, awaited, told)


def _after(name: str, lines: Sequence[str]) -> Iterator[str]:
    return (line.removeprefix(name) for line in lines if line.startswith(name))


def _told(before: Policy, after: Policy, known: Known, whose: Whose, at: datetime) -> Iterator[str]:
    found = difference(before, after, known, at.date())
    if not found.empty:
        narrowed = _Filter(Facts(before, at.date()), Facts(after, at.date()), whose).of(found)
        for section in sections(narrowed):
            yield from (f"{section.title}: {sentence}" for sentence in section.sentences)


@dataclass(frozen=True, slots=True)
class _Filter:
    """Takes from a difference what concerns the principal and the place asked about."""

    before: Facts
    after: Facts
    whose: Whose

    def of(self, found: Difference) -> Difference:
        principal = self.whose.principal
        return replace(
            found,
            gained=tuple(reach for reach in found.gained if self._concerns(reach, self.after, self.before)),
            lost=tuple(reach for reach in found.lost if self._concerns(reach, self.before, self.after)),
            appointed=tuple(office for office in found.appointed if self._held(office)),
            dismissed=tuple(office for office in found.dismissed if self._held(office)),
            joined=tuple(name for name in found.joined if principal in {None, name} and self._anywhere),
            left=tuple(name for name in found.left if principal in {None, name} and self._anywhere),
            expiring=tuple(e for e in found.expiring if principal in {None, e.fact.principal} and self._here(e.fact)),
            widened=tuple(shift for shift in found.widened if self._shifts(shift)),
            narrowed=tuple(shift for shift in found.narrowed if self._shifts(shift)),
            altered=tuple(shift for shift in found.altered if self._shifts(shift)),
            orphaned=(),
        )

    @property
    def _anywhere(self) -> bool:
        return self.whose.registry is None and self.whose.project is None

    def _here(self, fact: Fact) -> bool:
        registry, project = self.whose.registry, self.whose.project
        if registry and fact.registry not in {EVERY_REGISTRY, registry}:
            return False
        return project is None or contains(fact.pattern, project)

    def _concerns(self, reach: Reach, side: Facts, other: Facts) -> bool:
        """Tell whether a gain or loss is one of the principal: everybody's is, unless they had the right otherwise."""
        principal, fact = self.whose.principal, reach.fact
        if not self._here(fact):
            return False
        if principal is None or fact.principal == principal:
            return True
        if fact.principal not in COMMON or principal not in side.accounts:
            return False
        return not any(held.covers(fact) for held in other.reach(principal))

    def _held(self, office: Office) -> bool:
        registry, project, principal = self.whose.registry, self.whose.project, self.whose.principal
        if principal not in {None, office.principal}:
            return False
        if office.duty == OWNER:
            return registry in {None, office.of}
        return (registry is None and project is None) or office.duty != MAINTAINER

    def _shifts(self, shift: Shift) -> bool:
        """Tell whether a switch is where was asked, and stands between the principal and something they hold."""
        where = object_at(shift.because.file)
        whole = where.kind is Kind.ORGANIZATION
        if self.whose.registry and not whole and where.registry != self.whose.registry:
            return False
        if self.whose.project and not whole and where.kind is Kind.PROJECT and where.name != self.whose.project:
            return False
        if self.whose.project and where.kind not in {Kind.ORGANIZATION, Kind.REGISTRY, Kind.PROJECT}:
            return False
        if self.whose.principal is None:
            return True
        if where.kind is Kind.PEOPLE:
            return shift.what.startswith(f"account {self.whose.principal}")
        project = where.name if where.kind is Kind.PROJECT else None
        return shift.gate and any(self._behind(fact, where.registry, project) for fact in self._facts())

    def _facts(self) -> tuple[Fact, ...]:
        principal = self.whose.principal or ""
        return (*self.before.reach(principal), *self.after.reach(principal))

    def _behind(self, fact: Fact, registry: str, project: str | None) -> bool:
        return (
            fact.role >= Role.PUBLISH
            and (not registry or fact.registry in {EVERY_REGISTRY, registry})
            and (project is None or contains(fact.pattern, project))
        )
