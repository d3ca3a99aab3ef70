"""What a pipeline may do by its identity token: the publishers of a project in their order, the first that fits."""

from collections.abc import Iterator

from registry.names import ProjectName, RegistryName
from registry.policy.case import Claims, Identity
from registry.policy.claims import ISSUER, accepted, fit
from registry.policy.decide import Allowed, Denied
from registry.policy.files import BadFile, Organization, Publisher, RegistryFile
from registry.policy.policy import Policy, project_path
from registry.policy.roles import Action, Role


def published_by(
    policy: Policy, identity: Identity, action: Action, registry: RegistryName, project: ProjectName, certain: bool
) -> Allowed | Denied:
    """Tell whether a pipeline may do something on a project.

    Args:
        policy: whose publishers count.
        identity: what the token says.
        action: what for.
        registry: in which registry.
        project: on which project.
        certain: whether the claims are all there are; else any that are not given could be what a publisher demands.
    """
    try:
        organization, found = policy.organization(), policy.registry(registry)
        own = policy.project(registry, project)
    except BadFile as bad:
        return Denied(f"the policy cannot be read. {bad.problems[0]}")
    if found is None:
        return Denied(f"the policy has no registries/{registry}/registry.yaml")
    if action is Action.PUBLISH and found.kind != "source":
        return Denied(f"{found.kind_statement.place}: kind {found.kind} takes no uploads")
    if action is Action.PUBLISH and found.projects == "declared" and own is None:
        return Denied(f"{project_path(registry, project)} does not exist, and projects are declared")
    publishers = (*(own.publishers if own else ()), *found.publishers)
    for publisher in _fitting(organization, publishers, identity, action, certain):
        return Allowed(publisher.statement)
    return Denied("no publisher with such claims has the scope")


def whatever_comes(policy: Policy, identity: Identity, action: Action, registry: RegistryFile) -> Iterator[Publisher]:
    """List the publishers of a registry that could let a pipeline do something on any project of it."""
    yield from _fitting(policy.organization(), registry.publishers, identity, action, certain=False)


def _fitting(
    organization: Organization, publishers: tuple[Publisher, ...], identity: Identity, action: Action, certain: bool
) -> Iterator[Publisher]:
    """List what lets it: the first publisher that fits for sure ends the search, those before it are possibilities."""
    for token in _tokens(organization, identity):
        for publisher in publishers:
            found = fit(publisher, token, organization)
            enough = max(map(Role.named, publisher.scopes)) >= action.needs
            if enough and (found.good or (found.possible and not certain)):
                yield publisher
            if found.good:
                break


def _tokens(organization: Organization, identity: Identity) -> Iterator[Claims]:
    """Give the claims with each issuer they can come from; none, where the organization accepts none."""
    if identity.issuer:
        yield {**identity.claims, ISSUER: identity.issuer}
    else:
        for issuer in accepted(organization, identity.provider or ""):
            yield {**identity.claims, ISSUER: issuer}
