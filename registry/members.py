"""Several registries read as one: each name has one owner among them, and it alone answers.

The owner does not depend on who asks: whoever may not read what it has gets nothing from another registry instead, as
that would be the way to slip a package under a name of others.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from registry.errors import Forbidden
from registry.index import Index
from registry.names import ProjectName, RegistryName
from registry.policy.files import BadFile
from registry.policy.policy import Policy, project_path


@dataclass(frozen=True, slots=True)
class Claim:
    """A registry that a name belongs to, and why."""

    registry: RegistryName
    reason: str


@dataclass(frozen=True, slots=True)
class Members:
    """The registries of a composite, or of a group."""

    registries: tuple[RegistryName, ...]
    ordered: bool  # whether the first of several that claim a name has it; else nobody has

    def claims(self, policy: Policy, index: Index, project: ProjectName) -> list[Claim]:
        """List who owns a name: nobody, one registry, or several, of which none may answer then.

        A claim has who had files of the name first, and whoever declares it. Which of these was there first cannot be
        told from what holds now, and either could take the name of another registry: by an upload, or by a file that
        only its own owners have seen. A reviewed order says whom to believe, and an upload never moves a name.
        """
        having = [(at, name) for name in self.registries if (at := index.created(name, project)) is not None]
        found = {name: Claim(name, f"registry {name} has files of '{project}'") for _, name in sorted(having)[:1]}
        for name in self.registries:
            if name not in found and policy.declares(name, project):
                found[name] = Claim(name, f"{project_path(name, project)} declares '{project}'")
        claims = sorted(found.values(), key=lambda claim: self.registries.index(claim.registry))
        return claims[:1] if self.ordered else claims

    def owned(self, policy: Policy, index: Index) -> Iterator[tuple[ProjectName, RegistryName]]:
        """List all names that have one owner, and that owner."""
        known: dict[ProjectName, list[RegistryName]] = {}
        for registry in self.registries:
            for name in {*index.projects(registry), *policy.declared(registry)}:
                known.setdefault(name, []).append(registry)
        for name in sorted(known):
            owners = known[name]
            if len(owners) > 1:
                owners = [claim.registry for claim in self.claims(policy, index, name)]
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
    names = dict.fromkeys(RegistryName(upstream.registry) for upstream in found.upstreams if upstream.registry)
    for name in names:
        if wrong := _unasked(policy, name):
            raise Forbidden(f"Registry {composite} takes its projects from registry {name}, {wrong}")
    return Members(tuple(names), ordered=True)


def _unasked(policy: Policy, name: RegistryName) -> str | None:
    """Say why a registry cannot be a member."""
    try:
        found = policy.registry(name)
    except BadFile as bad:
        return f"whose file cannot be read. {bad.problems[0]}"
    if found is None:
        return f"and registries/{name}/registry.yaml does not exist"
    if found.kind == "composite":
        return "which is a composite itself; list its registries instead"
    return None if found.kind == "source" else f"of kind {found.kind}, which this version reads and does not serve yet"
