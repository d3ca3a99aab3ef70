"""Does this registry take what was found in a file, and may the file stand beside those of its release?"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from registry.errors import Conflict, Invalid
from registry.index import Index, release_folder
from registry.installation import View
from registry.model import Sha256
from registry.names import Distribution, RegistryName
from registry.policy.peculiar import PECULIARITIES
from registry.records import pointer


@dataclass(frozen=True, slots=True)
class Entrant:
    """A file that is to enter a registry, by an upload or from another one."""

    registry: RegistryName
    dist: Distribution
    sha256: Sha256
    size: int  # bytes


def accept(entrant: Entrant, peculiar: Mapping[str, str], view: View) -> None:
    """Refuse what one registry may accept and this one does not, and a second name for what is there.

    Everything it looks at is in the policy commit, the ledger commit, the filename and the metadata, so the same answer
    can be found again from history.

    Args:
        entrant: the file.
        peculiar: what was found in it.
        view: policy and ledger that decide.

    Raises:
        Invalid: the registry does not accept it.
        Conflict: another file of the release has these bytes, or this name in another case.
    """
    registry = view.policy.registry(entrant.registry)
    accepted = registry.accepts if registry else ()
    for word, what in {**peculiar, **_named_like_a_module(entrant, view.index)}.items():
        if word not in accepted:
            raise Invalid(
                f"{what}, and registry {entrant.registry} takes none of these ({PECULIARITIES[word]}). Build it "
                f"without, or propose {word} under accepts in registries/{entrant.registry}/registry.yaml"
            )
    refuse_twin(entrant, view.index)


def _named_like_a_module(entrant: Entrant, index: Index) -> dict[str, str]:
    project = entrant.dist.project
    if project.replace("-", "_") not in sys.stdlib_module_names or index.status(entrant.registry, project):
        return {}
    return {"stdlib-names": f"Project {project} has the name of a module of the standard library"}


def refuse_twin(entrant: Entrant, index: Index) -> None:
    """Keep one file one name: one would be yanked or deleted, and the other still installed.

    Raises:
        Conflict: another file of the release has these bytes, or this name in another case.
    """
    dist = entrant.dist
    for name in _files(index, entrant.registry, dist):
        if name.lower() == dist.filename.lower():
            raise Conflict(
                f"File already exists: '{name}' differs from '{dist.filename}' only in case; raise the version"
            )
        content = index.snapshot.read(f"{release_folder(entrant.registry, dist.project, dist.version)}/{name}")
        if content == pointer(entrant.sha256, entrant.size):
            raise Conflict(
                f"File already exists: '{name}' has the same bytes as '{dist.filename}'; upload it under one name"
            )


def _files(index: Index, registry: RegistryName, dist: Distribution) -> list[str]:
    """List the other live files of a release."""
    names = index.snapshot.entries(release_folder(registry, dist.project, dist.version))
    return [name for name in names if name.endswith((".whl", ".tar.gz")) and name != dist.filename]
