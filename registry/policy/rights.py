"""The ways to hold a role on a project: every statement that gives one, the most specific first."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import chain

from registry.names import ProjectName, RegistryName
from registry.policy.files import BadFile, Grant, Named, Organization, ProjectFile, RegistryFile, Statement
from registry.policy.policy import Policy
from registry.policy.roles import Role


@dataclass(frozen=True, slots=True)
class Right:
    """One statement that gives a role: a grant, an ownership, or visibility."""

    role: Role
    to: tuple[str, ...]
    statement: Statement
    projects: tuple[str, ...] = ()  # globs; empty: all
    until: date | None = None  # the last day, UTC


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that might have given a right and cannot be read: it gives none, and says so."""

    problem: str


def rights(
    policy: Policy, name: str | None, registry: RegistryFile, own: ProjectFile | None
) -> Iterator[Right | Unreadable]:
    """List the rights on one project, or on the registry as a whole, among which are all that name a principal.

    Args:
        policy: where linked repositories, admins and auditors are looked up.
        name: id of people.yaml; None: no credentials were given.
        registry: the registry asked about.
        own: the project's own file, if there is one.
    """
    if own:
        yield from project_rights(policy, own)
    yield from policy.derived(f"rights in {registry.name}", lambda: Roll(policy, registry)).of(name)


class Roll:
    """The rights of a registry by the principals they name: of 500 grants few concern one of 9,000 people."""

    def __init__(self, policy: Policy, registry: RegistryFile) -> None:
        """Find out whom each right names.

        Args:
            policy: where teams, admins and auditors are looked up.
            registry: whose rights.
        """
        own = registry_rights(registry), organization_rights(policy.organization()), visibility_rights(registry)
        self.every = tuple(chain(*own))
        self._named: defaultdict[str, list[int]] = defaultdict(list)
        self._common: list[int] = []  # everybody's, and those of which we cannot tell whom they name
        for number, right in enumerate(self.every):
            for entry in right.to:
                names = _members(policy, entry)
                for name in names or ():
                    self._named[name].append(number)
                if names is None:
                    self._common.append(number)

    def of(self, name: str | None) -> Iterator[Right]:
        """List those that name a principal, and perhaps some that do not, in their order."""
        named = self._named.get(name, []) if name is not None else []
        return (self.every[number] for number in sorted({*named, *self._common}))


def _members(policy: Policy, entry: str) -> tuple[str, ...] | None:
    """Tell whom an entry of a statement names; None: everybody, or it cannot be told."""
    if entry in {"anyone", "everyone"}:
        return None
    if not entry.startswith("team:"):
        return (entry,)
    try:
        team = policy.team(entry.removeprefix("team:"))
    except BadFile:
        return None
    return team.members if team else None


def registry_rights(registry: RegistryFile) -> Iterator[Right]:
    """List the rights that a registry's own file gives to those it names."""
    yield from _granted(registry.grants)
    yield from (_owned(owner, Role.ADMIN) for owner in registry.owners)


def visibility_rights(registry: RegistryFile) -> Iterator[Right]:
    """Give the right of those whom no statement names, if there is one."""
    if registry.visibility != "private":
        to = "anyone" if registry.visibility == "public" else "everyone"
        yield Right(Role.READ, (to,), registry.visibility_statement)


def organization_rights(organization: Organization) -> Iterator[Right]:
    """List the rights that hold in every registry."""
    yield from (_owned(admin, Role.ADMIN) for admin in organization.admins)
    yield from (_owned(auditor, Role.READ) for auditor in organization.auditors)


def project_rights(policy: Policy, own: ProjectFile) -> Iterator[Right | Unreadable]:
    """List the rights that only this project's file and its linked repository give."""
    yield from _granted(own.grants)
    if own.repository:
        try:
            linked = policy.linked_repository(own.repository)
        except BadFile as bad:
            yield Unreadable(str(bad.problems[0]))
            return
        if linked is None:
            place = (own.repository_statement or own.statement).place
            yield Unreadable(f"{place} names repositories/{own.repository}.yaml, which does not exist")
        else:
            yield from _granted(linked.grants)


def rights_anywhere(
    policy: Policy, registry: RegistryName, globs: tuple[str, ...]
) -> Iterator[tuple[ProjectFile, Right]]:
    """List the rights that single projects give, for questions that do not name one; bad files give none.

    Args:
        policy: where the project files are.
        registry: the registry they belong to.
        globs: consider only projects these cover; empty: all.
    """
    for name in policy.declared(registry):
        if globs and not covers(globs, name):
            continue
        try:
            own = policy.project(registry, name)
        except BadFile:
            continue
        if own:
            yield from ((own, right) for right in project_rights(policy, own) if isinstance(right, Right))


def belongs(policy: Policy, name: str | None, to: tuple[str, ...]) -> bool | Unreadable:
    """Tell whether a principal is among those a statement names.

    Args:
        policy: where teams are looked up.
        name: id of people.yaml; None: no credentials were given.
        to: account ids, `team:<name>`, `everyone`, `anyone`.
    """
    trouble: Unreadable | None = None
    for entry in to:
        if entry == "anyone" or (name is not None and entry in {"everyone", name}):
            return True
        if name is None or not entry.startswith("team:"):
            continue
        try:
            team = policy.team(entry.removeprefix("team:"))
        except BadFile as bad:
            trouble = Unreadable(str(bad.problems[0]))
            continue
        if team is None:
            trouble = Unreadable(f"teams/{entry.removeprefix('team:')}.yaml does not exist")
        elif name in team.members:
            return True
    return trouble or False


def covers(globs: tuple[str, ...], project: ProjectName) -> bool:
    """Tell whether one of the globs matches a normalised project name."""
    return any(fnmatchcase(project, glob) for glob in globs)


def _granted(grants: tuple[Grant, ...]) -> Iterator[Right]:
    yield from (Right(grant.role, grant.to, grant.statement, grant.projects, grant.until) for grant in grants)


def _owned(named: Named, role: Role) -> Right:
    return Right(role, (named.name,), named.statement)
