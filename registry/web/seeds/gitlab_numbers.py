"""GitLab numbers packages and files. Here, a number says which commit of the ledger brought one.

It holds which commit that was, counted from the first, some bits of the commit's own id, and whether a package or a
file is meant. So nothing of it is stored, it stays as long as history does, and what was made up, counted on, or kept
from GitLab itself means nothing, not something else.

A package there is a release here. Its number is that of the first file it ever had: it names the release, whatever is
added, deleted or restored. The number of a file is that of these bytes under this name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from registry.errors import NotFound, Unavailable
from registry.index import release_folder
from registry.installation import Installation, View
from registry.kept import Kept
from registry.model import Release
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Denied
from registry.policy.roles import Action, Principal
from registry.records import read_message
from registry.store import LEDGER

_KEPT = 10_000  # releases whose numbers are remembered
_CHECK = 24  # bits of the commit's id; with one for the kind, this leaves 28 of those that every JSON reader keeps
_LONGEST = 16  # digits
_BRINGS = {"publish", "promote"}  # the events by which something is new in a registry


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a release."""

    package: int
    files: Mapping[str, int]  # by the filename of each that was not deleted


class Numbering:
    """Tells the number of what there is, and what a number means."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._kept: Kept[tuple[str, str], Numbers] = Kept(_KEPT)

    def of(self, view: View, registry: RegistryName, project: ProjectName, release: Release) -> Numbers:
        """Give the numbers of a release.

        Raises:
            Unavailable: history does not say where it came from.
        """
        folder = release_folder(registry, project, release.version)
        entry = view.index.snapshot.entry(folder)
        key = folder, entry.id if entry else ""
        return self._kept.get(key, lambda: self._numbers(registry, project, release))

    def meant(self, view: View, principal: Principal, registry: RegistryName, text: str) -> tuple[ProjectName, Release]:
        """Tell which package of a registry is meant by a number.

        Raises:
            NotFound: none that the caller may read. Numbers can be tried one by one, so which there are is not told.
        """
        facts = self._brought(text)
        if facts is not None and facts.get("Registry") == registry:
            project = ProjectName(facts["Project"])
            release = view.index.release(registry, project, facts["Version"])
            if isinstance(view.decide(principal, Action.READ, registry, project), Denied):
                raise NotFound(_no_package(registry, text))
            if release.live and self.of(view, registry, project, release).package == int(text):
                return project, release
        raise NotFound(_no_package(registry, text))

    def _brought(self, text: str) -> Mapping[str, str] | None:
        """Read what the commit says whose place is in a number; None where that is none, or brought nothing."""
        if not (text.isascii() and text.isdecimal()) or len(text) > _LONGEST:
            return None
        commit = self._installation.trail.at(LEDGER, int(text) >> (_CHECK + 1))
        return self._said(commit) if commit else None

    def _numbers(self, registry: RegistryName, project: ProjectName, release: Release) -> Numbers:
        package, files = 0, {}
        there = {(file.filename, f"sha256:{file.sha256}") for file in release.live}
        facts = {"Project": project, "Version": release.version}
        for place, commit in self._installation.trail.placed(LEDGER, facts):
            said = self._said(commit)  # newest first, so the oldest of each is what remains
            if said and (said.get("Registry"), said["Version"]) == (registry, release.version):
                package = _number(place, commit)
                if (said["File"], said["Digest"]) in there:
                    files[said["File"]] = _number(place, commit, file=True)
        if len(files) < len(there):
            raise Unavailable(f"The ledger's history does not say how {project} {release.version} came to {registry}")
        return Numbers(package, files)

    def _said(self, commit: str) -> Mapping[str, str] | None:
        """Read what a commit says, if it brought a file."""
        for found in islice(self._installation.store.history(self._installation.store.at(commit)), 1):
            _, facts = read_message(found.message)
            if facts.get("Waybill-Event") in _BRINGS and {"Project", "Version", "File", "Digest"} <= facts.keys():
                return facts
        return None


def _no_package(registry: RegistryName, text: str) -> str:
    return f"Registry {registry} has no package with the number {text[:_LONGEST]!a}"


def _number(place: int, commit: str, *, file: bool = False) -> int:
    return place << (_CHECK + 1) | int(commit[: _CHECK // 4], 16) << 1 | file
