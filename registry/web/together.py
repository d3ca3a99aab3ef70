"""Reading a registry over HTTP, be it one by itself or several as one: who may, and which of them answers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from registry.errors import Forbidden, Unauthenticated
from registry.index import Index
from registry.installation import View
from registry.members import Members, contested, members
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed
from registry.policy.given import readable
from registry.policy.policy import Policy
from registry.policy.roles import Action, Principal
from registry.web.auth import meant, permit, permit_composite
from registry.web.doors import passed


@dataclass(frozen=True, slots=True)
class Reading:
    """A caller who may read the registry that they named, and whom that leads to."""

    view: View
    principal: Principal
    registry: RegistryName  # as it was named
    composite: Members | None  # None: it answers by itself
    policy: Policy  # that says whose a name is
    behind: tuple[RegistryName, ...] = ()  # what a token that is limited to the composite reads through it, as of now

    @property
    def registries(self) -> tuple[RegistryName, ...]:
        """All whose facts make the answer."""
        return self.composite.registries if self.composite else (self.registry,)

    def then(self, policy: Policy) -> "Reading":
        """Read what the registry was made up of by a past policy; rights are always those of now."""
        found = meant(self.view, lambda: members(policy, self.registry))
        if found is None and self.composite is not None:
            found = Members((self.registry,))
        return replace(self, composite=found, policy=policy)

    def declares(self, registry: RegistryName, project: ProjectName) -> bool:
        """Tell whether a project is declared, now or at the moment that is shown: then it is never "not found"."""
        return self.view.policy.declares(registry, project) or self.policy.declares(registry, project)

    def owner(self, project: ProjectName, index: Index | None = None) -> RegistryName | None:
        """Tell which registry answers for a project; None: nobody has it.

        Who may not read all that could have a name is not told that it is unknown: that would tell which names there
        are, and on "not found" a client takes the package from elsewhere.

        Args:
            project: about what.
            index: of the past, where that is asked about.

        Raises:
            Unauthenticated: no credentials were sent, and some are needed.
            Forbidden: the caller may not read it there, or several claim it.
        """
        if self.composite is None:
            return self.registry
        claims = self.composite.claims(self.policy, index or self.view.index, project)
        self._require([claim.registry for claim in claims] or self.composite.registries, project)
        if len(claims) > 1:
            raise Forbidden(contested(self.registry, claims, project))
        return claims[0].registry if claims else None

    def projects(self, index: Index) -> Iterator[ProjectName]:
        """List what the caller may read where it belongs."""
        found = self.composite or Members((self.registry,))
        policy = self.policy if self.composite else self.view.policy
        return (name for name, registry in found.owned(policy, index) if self._may(registry, name))

    def enter(self) -> None:
        """Let in who may read one of the registries; nobody in particular must be able to read all.

        Raises:
            Unauthenticated: no credentials were sent, and some are needed. `Forbidden` where the caller may not.
        """
        if self.principal.name is None:
            self._require(self.registries, None)
        elif not any(self._may(one, None) for one in self.registries):
            self._refuse(None)
        passed(Action.READ)

    def _require(self, registries: Iterable[RegistryName], project: ProjectName | None) -> None:
        if not all(self._may(one, project) for one in registries):
            self._refuse(project)
        passed(Action.READ)

    def _may(self, registry: RegistryName, project: ProjectName | None) -> bool:
        who = self.principal
        if registry in self.behind:  # its owner needs the right there all the same
            who = replace(who, scope=replace(who.scope, registries=()))
        return isinstance(self.view.decide(who, Action.READ, registry, project), Allowed)

    def _refuse(self, project: ProjectName | None) -> None:
        """Refuse in words that are the same whichever registry is behind it, and whether the name is known."""
        if self.principal.name is None:
            raise Unauthenticated(
                f"To read in registry {self.registry}, give a token as password, with user name __token__"
            )
        if project is None:
            raise Forbidden(f"{self.principal} may read in none of the registries that make up {self.registry}")
        raise Forbidden(
            f"{self.principal} may not read {project} in {self.registry}: a registry behind it, which has that name "
            f"or could have it, may not be read; who administers it can ask 'waybill explain {self.principal} read "
            f"{project} --registry {self.registry}' for the reason"
        )


def reading(view: View, principal: Principal, registry: RegistryName, project: ProjectName | None) -> Reading:
    """Let a caller read a registry; a composite asks for a right of its own, and its members for theirs.

    Args:
        view: of when.
        principal: who asks.
        registry: which registry.
        project: which project of it; None: what there is.

    Raises:
        Unauthenticated: no credentials were sent, and some are needed.
        Forbidden: the caller may not, or a member cannot be asked.
    """
    file = readable(view.policy.registry, registry)
    if file is None or file.kind != "composite":
        permit(view, principal, Action.READ, registry, project)
        return Reading(view, principal, registry, None, view.policy)
    permit_composite(view, principal, registry, project)
    found = meant(view, lambda: members(view.policy, registry))
    asked = Reading(view, principal, registry, found, view.policy, found.registries if found else ())
    if project is None:
        asked.enter()
    return asked


def seen(view: View, principal: Principal, found: Members, policy: Policy, index: Index) -> Iterator[ProjectName]:
    """List the names that somebody may read where they belong.

    Args:
        view: whose rights count.
        principal: who asks.
        found: the registries.
        policy: that says whose a name is.
        index: what there is.
    """
    for name, registry in found.owned(policy, index):
        if isinstance(view.decide(principal, Action.READ, registry, name), Allowed):
            yield name
