"""Several registries read as one: each name has one owner among them, and it alone answers.

The owner does not depend on who asks: whoever may not read what it has gets nothing from another registry instead, as
that would be the way to slip a package under a name of others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from registry.errors import Forbidden
from registry.index import Index
from registry.names import ProjectName, RegistryName
from registry.policy import given
from registry.policy.decide import Allowed, Denied, decide
from registry.policy.files import BadFile
from registry.policy.policy import Policy, project_path
from registry.policy.rights import covers
from registry.policy.roles import Action, Principal


@dataclass(frozen=True, slots=True)
class Claim:
    """A registry that a name belongs to, and why."""

    registry: RegistryName
    reason: str


@dataclass(frozen=True, slots=True)
class Members:
    """The registries of a composite, or of a group."""

    registries: tuple[RegistryName, ...]
    owns: tuple[tuple[str, RegistryName], ...] = ()  # patterns of names, and whose these are; the first counts

    def claims(
        self, policy: Policy, index: Index, project: ProjectName, among: list[RegistryName] | None = None
    ) -> list[Claim]:
        """List who owns a name: nobody, one registry, or several, of which none may answer then.

        What the composite's own file says counts first. Else a claim has who had files of the name before the others,
        and whoever declares it. Neither goes before the other: either could take the name of another registry, by an
        upload, or by a file that only its own owners have seen.

        Args:
            policy: where it is written.
            index: what there is.
            project: the name.
            among: the registries that can have a claim, where that is known; None: all.
        """
        for pattern, registry in self.owns:
            if covers((pattern,), project):
                return [Claim(registry, f"it owns {pattern}")]
        asked = self.registries if among is None else among
        having = {name: at for name in asked if (at := index.created(name, project)) is not None}
        first = min(having.values(), default=None)
        found = {name: f"registry {name} has files of '{project}'" for name, at in having.items() if at == first}
        for name in asked:
            if name not in found and policy.declares(name, project):
                found[name] = f"{project_path(name, project)} declares '{project}'"
        return [Claim(name, reason) for name, reason in found.items()]

    def owned(self, policy: Policy, index: Index) -> Iterator[tuple[ProjectName, RegistryName]]:
        """List all names that have one owner which has them, and that owner."""
        known: dict[ProjectName, list[RegistryName]] = {}
        for registry in self.registries:
            for name in {*index.projects(registry), *policy.declared(registry)}:
                known.setdefault(name, []).append(registry)
        for name in sorted(known):
            owners = known[name]
            if len(owners) > 1 or self.owns:
                claims = self.claims(policy, index, name, owners)
                owners = [claim.registry for claim in claims if claim.registry in owners]
            if len(owners) == 1:
                yield name, owners[0]


def members(policy: Policy, composite: RegistryName) -> Members | None:
    """Tell which registries a composite has; None: it is none.

    Args:
        policy: where it is written.
        composite: its name.

    Raises:
        Forbidden: one of them cannot be asked, so that nobody knows what is its own: nothing is answered for it by
            another, and nothing is "not found", on which a client would look elsewhere.
    """
    try:
        found = policy.registry(composite)
    except BadFile:
        return None
    if found is None or found.kind != "composite":
        return None
    taken = [(RegistryName(one.registry), one.owns) for one in found.upstreams if one.registry]
    names = tuple(dict.fromkeys(name for name, _ in taken))
    for name in names:
        if wrong := unasked(policy, name):
            raise Forbidden(f"Registry {composite} takes its projects from registry {name}, {wrong}")
    return Members(names, tuple((pattern, name) for name, patterns in taken for pattern in patterns))


def unasked(policy: Policy, name: RegistryName) -> str | None:
    """Say why a registry cannot be a member; None: it can."""
    try:
        found = policy.registry(name)
    except BadFile as bad:
        return f"whose file cannot be read. {bad.problems[0]}"
    if found is None:
        return f"and registries/{name}/registry.yaml does not exist"
    if found.kind == "composite":
        return "which is a composite itself; list its registries instead"
    return None if found.kind == "source" else f"of kind {found.kind}, which this version reads and does not serve yet"


def unserved(policy: Policy, name: RegistryName, *, together: bool = False) -> str | None:
    """Say why nothing is done in a registry itself, whoever may; None: something is, or its file cannot be read.

    Args:
        policy: where it is written.
        name: the registry.
        together: whether what it does for its members counts: reading.
    """
    found = given.readable(policy.registry, name)
    if found is None or found.kind == "source" or (together and found.kind == "composite"):
        return None
    if found.kind == "composite":
        return f"Registry {name} is a composite: an index of what others have; ask those for this"
    return f"Registry {name} is of kind {found.kind}, which this version reads and does not serve yet"


def readable(
    policy: Policy, index: Index, who: Principal, composite: RegistryName, project: ProjectName, now: datetime
) -> Allowed | Denied:
    """Tell whether somebody may read a project of a registry, and if that is a composite, where it comes from, too.

    Args:
        policy: in force.
        index: what there is.
        who: who asks.
        composite: the registry, of any kind.
        project: which project.
        now: the moment of use.
    """
    own = decide(policy, who, Action.READ, composite, project, now)
    if isinstance(own, Denied):
        return own
    try:
        found = members(policy, composite)
    except Forbidden as error:
        return Denied(str(error))
    if found is None:
        return own
    claims = found.claims(policy, index, project)
    asked = [claim.registry for claim in claims] or found.registries
    verdicts = [decide(policy, who, Action.READ, one, project, now) for one in asked]
    refused = next((verdict for verdict in verdicts if isinstance(verdict, Denied)), None)
    if refused is None and len(claims) > 1:
        return Denied(contested(composite, claims, project))
    return refused or (verdicts[0] if claims else own)


def contested(composite: RegistryName, claims: list[Claim], project: ProjectName) -> str:
    """Say why a name of a composite means nothing, and how to end that."""
    return (
        f"In registry {composite}, {' and '.join(claim.reason for claim in claims)}, so the name means neither. Say "
        f"whose it is by 'owns: [{project}]' beside one of them under upstreams in registries/{composite}/registry.yaml"
    )
