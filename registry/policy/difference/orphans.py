"""What is left without anybody who may approve its changes."""

from collections.abc import Iterator
from dataclasses import dataclass

from registry.names import ProjectName, RegistryName
from registry.policy.difference.comparison import Comparison
from registry.policy.facts import ADMIN, COMMON, MAINTAINER, OWNER, Facts
from registry.policy.globs import ALL, contains
from registry.policy.policy import project_path
from registry.policy.roles import Role


@dataclass(frozen=True, slots=True)
class Orphan:
    """Something that still exists and lost the last person who owned it; the organization's admins stand in."""

    what: str  # "the organization", "registry python", "team payments", "project payments-api in python"
    file: str  # where an owner would be named
    last: tuple[str, ...]  # who owned it before


def orphans(comparison: Comparison) -> tuple[Orphan, ...]:
    """List what had an owner and has none; of projects only those that somebody beside the admins owned."""
    return (*_without_office(comparison), *_without_admin(comparison))


def _without_office(comparison: Comparison) -> Iterator[Orphan]:
    had, have = _officers(comparison.before), _officers(comparison.after)
    policy = comparison.after.policy
    for (duty, of), last in sorted(had.items()):
        if (duty, of) in have:
            continue
        if duty == ADMIN:
            yield Orphan("the organization", "waybill.yaml", tuple(sorted(last)))
        elif duty == OWNER and of in policy.registries():
            yield Orphan(f"registry {of}", f"registries/{of}/registry.yaml", tuple(sorted(last)))
        elif duty == MAINTAINER and of in policy.teams():
            yield Orphan(f"team {of}", f"teams/{of}.yaml", tuple(sorted(last)))


def _officers(facts: Facts) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for office in facts.offices():
        if not facts.accounts[office.principal].service:
            found.setdefault((office.duty, office.of), set()).add(office.principal)
    return found


def _without_admin(comparison: Comparison) -> Iterator[Orphan]:
    """Compare who administers which projects; in most registries that is said by few patterns."""
    had, have = _administered(comparison.before), _administered(comparison.after)
    for registry in comparison.after.policy.registries():
        old, new = had.get(registry, {}), have.get(registry, {})
        gone = {pattern for pattern in old if not any(contains(other, pattern) for other in new)}
        for project in _existing(comparison, registry, gone):
            if not any(contains(pattern, project) for pattern in new):
                last = {name for pattern in old if contains(pattern, project) for name in old[pattern]}
                file = project_path(registry, project)
                yield Orphan(f"project {project} in {registry}", file, tuple(sorted(last)))


def _existing(comparison: Comparison, registry: RegistryName, patterns: set[str]) -> list[ProjectName]:
    """List the projects that some patterns match and that were there before and still are."""
    if not patterns:
        return []
    old, new = (set(comparison.names(side, registry).matching(ALL)) for side in (comparison.before, comparison.after))
    return sorted(name for name in old & new if any(contains(pattern, name) for pattern in patterns))


def _administered(facts: Facts) -> dict[str, dict[str, set[str]]]:
    """Give who administers what, by registry and pattern; the admins of every registry stand under none of them."""
    found: dict[str, dict[str, set[str]]] = {}
    for entry, given in (
        (entry, given) for part in facts.parts for entry, all_given in part.items() for given in all_given
    ):
        if given.role is Role.ADMIN and facts.counts(given) and (people := _people(facts, entry)):
            found.setdefault(given.registry, {}).setdefault(given.pattern, set()).update(people)
    return found


def _people(facts: Facts, entry: str) -> set[str]:
    names = facts.accounts if entry in COMMON else facts.meant(entry)
    return {name for name in names if not facts.accounts[name].service}
