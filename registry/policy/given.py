"""What the statements of a policy give to those they name, before teams are expanded."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from registry.names import RegistryName
from registry.policy.files import Account, BadFile, Statement
from registry.policy.globs import ALL
from registry.policy.policy import Policy
from registry.policy.rights import Right, organization_rights, project_rights, registry_rights, visibility_rights
from registry.policy.roles import Role

T = TypeVar("T")

EVERY_REGISTRY = "*"  # those of the future too


@dataclass(frozen=True, slots=True)
class Given:
    """What one statement gives to one of those it names, before teams are expanded."""

    role: Role
    registry: str
    pattern: str
    until: date | None
    because: Statement

    @property
    def key(self) -> tuple[Role, str, str, date | None]:
        """What is given, wherever it stands."""
        return self.role, self.registry, self.pattern, self.until


ByEntry = Mapping[str, tuple[Given, ...]]  # by account id, team:<name>, everyone, anyone


def readable(read: Callable[..., T | None], *arguments: Any) -> T | None:
    """Read a policy file; None where there is none, or none that can be used."""
    try:
        return read(*arguments)
    except BadFile:
        return None


def accounts(policy: Policy) -> Mapping[str, Account]:
    """Read who is there, the disabled included; nobody where that cannot be read."""
    return readable(policy.accounts) or {}


def members(policy: Policy, team: str) -> tuple[str, ...]:
    """List who is in a team, whether or not people.yaml knows them; nobody where there is no such team."""
    found = readable(policy.team, team)
    return found.members if found else ()


def given_by(policy: Policy) -> list[ByEntry]:
    """Find out what a policy gives to whom: what holds in every registry first, then registry by registry.

    Returns:
        Parts of it. Policies that share a memory share the parts that are equal.
    """
    every = ((right, EVERY_REGISTRY, None) for right in organization_rights(policy.organization()))
    return [_by_entry(every), *(_of_registry(policy, name) for name in policy.registries())]


def _of_registry(policy: Policy, name: RegistryName) -> ByEntry:
    """Find out what a registry's file and those of its projects give to whom."""
    folders = (f"registries/{name}", "repositories")
    return policy.derived_from(folders, "given", lambda: _by_entry(_registry_rights(policy, name)))


def _registry_rights(policy: Policy, name: RegistryName) -> Iterator[tuple[Right, str, str | None]]:
    """List the rights in a registry; with the project where only its file gives them."""
    registry = readable(policy.registry, name)
    if registry is None:
        return
    yield from ((right, name, None) for right in (*registry_rights(registry), *visibility_rights(registry)))
    for project in policy.declared(name):
        own = readable(policy.project, name, project)
        if own and (own.grants or own.repository):
            yield from ((right, name, project) for right in project_rights(policy, own) if isinstance(right, Right))


def _by_entry(rights: Iterable[tuple[Right, str, str | None]]) -> ByEntry:
    found: defaultdict[str, list[Given]] = defaultdict(list)
    for right, registry, project in rights:
        for pattern in (project,) if project else right.projects or (ALL,):
            given = Given(right.role, registry, pattern, right.until, right.statement)
            for entry in right.to:
                found[entry].append(given)
    return {entry: tuple(given) for entry, given in found.items()}
