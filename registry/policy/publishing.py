"""The trusted publishers of a policy: for which projects a pipeline's claims fit one of them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from registry.names import ProjectName, RegistryName
from registry.policy.case import Claims
from registry.policy.claims import Fit, fit
from registry.policy.files import BadFile, ProjectFile, Publisher, RegistryFile, Statement
from registry.policy.policy import Policy
from registry.policy.roles import Role, Run


@dataclass(frozen=True, slots=True)
class Offer:
    """One publisher, and what it may be trusted with."""

    registry: RegistryName
    project: ProjectName | None  # None: every project of the registry
    publisher: Publisher


def offers(policy: Policy) -> tuple[Offer, ...]:
    """List all publishers of the source registries; what cannot be read offers nothing."""
    return policy.derived("publishers", lambda: tuple(_offers(policy)))


def _offers(policy: Policy) -> Iterator[Offer]:
    for name in policy.registries():
        with suppress(BadFile):
            found = policy.registry(name)
            if found is None or found.kind != "source":
                continue
            yield from (Offer(name, None, publisher) for publisher in found.publishers)
            for project in policy.declared(name):
                with suppress(BadFile):
                    own = policy.project(name, project)
                    yield from (Offer(name, project, publisher) for publisher in (own.publishers if own else ()))


def compared(policy: Policy, claims: Claims) -> Iterator[tuple[Offer, Fit]]:
    """Compare a pipeline with every publisher.

    Raises:
        BadFile: `waybill.yaml` cannot be read, so no issuer is accepted.
    """
    organization = policy.organization()
    for offer in offers(policy):
        yield offer, fit(offer.publisher, claims, organization)


def published(
    policy: Policy, run: Run, needed: Role, registry: RegistryFile, project: ProjectName | None
) -> Statement | str:
    """Tell which publisher lets a pipeline do something.

    Args:
        policy: whose publishers count, and whose issuers are accepted.
        run: the pipeline, by an upload token.
        needed: the role for it.
        registry: where.
        project: on which project; None: on any that the token was made for.

    Returns:
        The statement; or why there is none, with the nearest.
    """
    if project and not run.speaks_of(registry.name, project):
        return "its upload token was made for other projects; ask for a new one"
    asked = [project] if project else [ProjectName(p) if p else None for r, p in run.places if r == registry.name]
    reasons = []
    for name in asked:
        try:
            found = _first(policy, run, needed, registry, policy.project(_named(registry), name) if name else None)
        except BadFile as bad:
            found = str(bad.problems[0])
        if isinstance(found, Statement):
            return found
        reasons.append(found)
    return "; ".join(reasons[:3]) or "its upload token was made for other registries; ask for a new one"


def _first(policy: Policy, run: Run, needed: Role, registry: RegistryFile, own: ProjectFile | None) -> Statement | str:
    """Find the first publisher that fits: it alone counts, a project's before its registry's."""
    near = []
    for publisher in (*(own.publishers if own else ()), *registry.publishers):
        found = fit(publisher, run.claims, policy.organization())
        place = publisher.statement.place
        if not found.good:
            near += [f"{place}: {found.misfits[0]}"] if found.related else []
        elif max(map(Role.named, publisher.scopes)) >= needed:
            return publisher.statement
        else:
            return f"{place} gives this pipeline {', '.join(publisher.scopes)}, this needs {needed}"
    return "; ".join(near[:3]) or f"no publisher of {(own or registry).statement.file} fits this pipeline"


def _named(registry: RegistryFile) -> RegistryName:
    return RegistryName(registry.name)
