"""Who can do what, asked the way rules ask: from a project to its people, and from a person to the projects."""

from collections.abc import Iterator
from fnmatch import filter as filter_
from functools import cached_property

from registry.names import ProjectName, RegistryName
from registry.policy.facts import COMMON, Facts
from registry.policy.files import Account, Grant, Publisher
from registry.policy.given import EVERY_REGISTRY, Given, readable
from registry.policy.globs import is_pattern
from registry.policy.policy import Policy
from registry.policy.rights import covers
from registry.policy.roles import Role
from validator.things import AccountRights, GivenRight, ProjectRights, PublishingRight


class Rights:
    """The rights of one policy; grants that ended count as well, another rule looks at those."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.facts = Facts(policy)
        self._patterns: dict[tuple[str, str], frozenset[str]] = {}

    @cached_property
    def declared(self) -> list[tuple[RegistryName, ProjectName]]:
        """Projects that have a file."""
        return [(registry, name) for registry in self.policy.registries() for name in self.policy.declared(registry)]

    def project(self, registry: RegistryName, name: ProjectName) -> ProjectRights:
        """Tell what the policy says of one project, which needs no file."""
        own, found = readable(self.policy.project, registry, name), readable(self.policy.registry, registry)
        publishers = (*(own.publishers if own else ()), *(found.publishers if found else ()))
        admins = frozenset(self._admins(registry, name))
        if own is None:
            return ProjectRights(name, registry, publishers=publishers, admins=admins)
        return ProjectRights(name, registry, own.protected, publishers, own.repository, admins, own)

    def account(self, account: Account) -> AccountRights:
        """Tell how far the rights of one account reach."""
        facts = [fact for fact in self.facts.of(account.id) if fact.role > Role.READ]
        reached = frozenset[str]().union(*(self._covered(fact.registry, fact.pattern) for fact in facts))
        everything = any(fact.pattern == "*" for fact in facts)
        owner, service, disabled = account.owner, account.service, account.disabled
        return AccountRights(account.id, service, disabled, owner, reached, everything, bool(facts), account.statement)

    def grants(self) -> Iterator[GivenRight]:
        """List all grants."""
        for registry in self.policy.registries():
            found = readable(self.policy.registry, registry)
            yield from (self._grant(grant, registry, None) for grant in (found.grants if found else ()))
            for name in self.policy.declared(registry):
                own = readable(self.policy.project, registry, name)
                yield from (self._grant(grant, registry, name) for grant in (own.grants if own else ()))
        for repository in self.policy.linked_repositories():
            linked = readable(self.policy.linked_repository, repository)
            yield from (self._grant(grant, None, None, repository) for grant in (linked.grants if linked else ()))

    def publishers(self) -> Iterator[PublishingRight]:
        """List all trusted publishers."""
        found = list(self._publishers())
        where: dict[object, list[str]] = {}
        for registry, name, publisher in found:
            where.setdefault(_pipeline(publisher), []).append(f"{name or '*'} in {registry}")
        for registry, name, publisher in found:
            here = f"{name or '*'} in {registry}"
            others = tuple(sorted({other for other in where[_pipeline(publisher)] if other != here}))
            fields, claims = publisher.fields, publisher.claims
            said = publisher.provider, publisher.issuer, fields, claims, registry, name, publisher.statement
            yield PublishingRight(*said, others, publisher)

    def _publishers(self) -> Iterator[tuple[RegistryName, ProjectName | None, Publisher]]:
        for registry in self.policy.registries():
            found = readable(self.policy.registry, registry)
            yield from ((registry, None, publisher) for publisher in (found.publishers if found else ()))
            for name in self.policy.declared(registry):
                own = readable(self.policy.project, registry, name)
                yield from ((registry, name, publisher) for publisher in (own.publishers if own else ()))

    def _grant(self, grant: Grant, registry: str | None, project: str | None, linked: str | None = None) -> GivenRight:
        accounts = readable(self.policy.accounts) or {}
        off = frozenset(name for name in grant.to if name in accounts and accounts[name].disabled)
        return GivenRight.of(
            grant,
            registry=registry,
            project=project,
            people=frozenset(name for entry in grant.to for name in self.facts.meant(entry)),
            disabled=off,
            reached=tuple(sorted(self._reached(grant, registry, project, linked))),
            future=project is None and linked is None and any(map(is_pattern, grant.projects or ("*",))),
        )

    def _reached(self, grant: Grant, registry: str | None, project: str | None, linked: str | None) -> frozenset[str]:
        """List the projects with a file that a grant is about."""
        if linked is not None:
            return frozenset(self._linking.get(linked, ()))
        if project is not None:
            return frozenset({f"{registry}/{project}"})
        found = (self._covered(registry or "", pattern) for pattern in grant.projects or ("*",))
        return frozenset[str]().union(*found)

    @cached_property
    def _linking(self) -> dict[str, list[str]]:
        """Projects by the linked repository whose grants they inherit."""
        found: dict[str, list[str]] = {}
        for where, name in self.declared:
            own = readable(self.policy.project, where, name)
            if own and own.repository:
                found.setdefault(own.repository, []).append(f"{where}/{name}")
        return found

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        """Projects with a file, by registry."""
        found: dict[str, list[str]] = {}
        for registry, name in self.declared:
            found.setdefault(registry, []).append(name)
        return found

    def _covered(self, registry: str, pattern: str) -> frozenset[str]:
        """List the projects with a file that a pattern covers; few patterns are asked about for many people."""
        key = registry, pattern
        if key not in self._patterns:
            where = self._names if registry == EVERY_REGISTRY else {registry: self._names.get(registry, [])}
            self._patterns[key] = frozenset(f"{at}/{name}" for at in where for name in filter_(where[at], pattern))
        return self._patterns[key]

    @cached_property
    def _administering(self) -> list[tuple[str, Given]]:
        return [
            (entry, given)
            for part in self.facts.parts
            for entry, all_given in part.items()
            for given in all_given
            if given.role is Role.ADMIN
        ]

    def _admins(self, registry: str, name: ProjectName) -> Iterator[str]:
        for entry, given in self._administering:
            if given.registry in {EVERY_REGISTRY, registry} and covers((given.pattern,), name):
                for who in self.facts.meant(entry):
                    account = self.facts.accounts.get(who)
                    if who not in COMMON and account and not account.service:
                        yield who


def _pipeline(publisher: Publisher) -> tuple[object, ...]:
    """Give what makes two publishers the same pipeline, whatever they are called."""
    shown = {"repository", "project", "organization", "pipeline"} if publisher.provider else set()
    compared = tuple(sorted((k, v) for k, v in publisher.fields.items() if k not in shown))
    claims = tuple(sorted((name, repr(matcher)) for name, matcher in publisher.claims.items()))
    return publisher.provider, publisher.issuer, compared, claims
