"""Reading several registries as one, over HTTP: who may, and which of them answers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from registry.errors import Forbidden
from registry.index import Index
from registry.installation import View
from registry.members import Members, members
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed
from registry.policy.roles import Action, Principal
from registry.web.auth import meant, permit, permit_composite


@dataclass(frozen=True, slots=True)
class Reading:
    """A caller who may read the registry that they named, and whom that leads to."""

    view: View
    principal: Principal
    registry: RegistryName  # as it was named
    composite: Members | None  # None: it answers by itself

    @property
    def registries(self) -> tuple[RegistryName, ...]:
        """All whose facts make the answer."""
        return self.composite.registries if self.composite else (self.registry,)

    def owner(self, project: ProjectName, index: Index | None = None) -> RegistryName | None:
        """Tell which registry answers for a project; None: nobody has it.

        Args:
            project: about what.
            index: of the past, where that is asked about; rights are always those of now.

        Raises:
            Unauthenticated: no credentials were sent, and some are needed.
            Forbidden: the caller may not read it there.
        """
        if self.composite is None:
            return self.registry
        return owner(self.view, self.principal, self.composite, project, index)

    def projects(self, index: Index) -> Iterator[ProjectName]:
        """List what the caller may read where it belongs."""
        found = self.composite or Members((self.registry,), ordered=True)
        return readable(self.view, self.principal, found, index)


def reading(view: View, principal: Principal, registry: RegistryName, project: ProjectName | None) -> Reading:
    """Let somebody read a registry; a composite asks for a right of its own, and its members for theirs.

    Args:
        view: of when.
        principal: who asks.
        registry: which registry.
        project: which project of it; None: what there is.

    Raises:
        Unauthenticated: no credentials were sent, and some are needed.
        Forbidden: the caller may not, or a member cannot be asked.
    """
    found = meant(view, lambda: members(view.policy, registry))
    if found is None:
        permit(view, principal, Action.READ, registry, project)
        return Reading(view, principal, registry, None)
    permit_composite(view, principal, registry, project)
    # A token limited to the composite is used for the composite; its owner needs the members' rights all the same.
    within = replace(principal, scope=replace(principal.scope, registries=()))
    if project is None:
        enter(view, within, found)
    return Reading(view, within, registry, found)


def owner(
    view: View, principal: Principal, found: Members, project: ProjectName, index: Index | None = None
) -> RegistryName | None:
    """Tell whose a name is, to who may read it there; None: nobody's.

    Raises:
        Unauthenticated: no credentials were sent, and some are needed.
        Forbidden: the caller may not read it, or several claim it. Only who may read all of them learns which.
    """
    claims = found.claims(view.policy, index or view.index, project)
    if not claims:
        enter(view, principal, found)
        return None
    for claim in claims:
        permit(view, principal, Action.READ, claim.registry, project)
    if len(claims) == 1:
        return claims[0].registry
    raise Forbidden(
        f"In this group, {' and '.join(claim.reason for claim in claims)}, so the name means neither. Remove the file "
        "that declares it, or take one registry out of the group (known_as in its registry.yaml)"
    )


def readable(view: View, principal: Principal, found: Members, index: Index) -> Iterator[ProjectName]:
    """List the names that somebody may read where they belong."""
    for name, registry in found.owned(view.policy, index):
        if isinstance(view.decide(principal, Action.READ, registry, name), Allowed):
            yield name


def enter(view: View, principal: Principal, found: Members) -> None:
    """Let in who may read one of the registries; nobody in particular must be able to read all.

    Else somebody without credentials would be told, by 404, which names private registries do not have.
    """
    if principal.name is None:
        for registry in found.registries:
            permit(view, principal, Action.READ, registry, None)
        return
    may = (one for one in found.registries if isinstance(view.decide(principal, Action.READ, one, None), Allowed))
    permit(view, principal, Action.READ, next(may, found.registries[0]), None)
