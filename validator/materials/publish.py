"""Files that are about to be uploaded as subjects, each with what is in it and what the policy says of its project."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from registry import archive, names
from registry.errors import Invalid
from registry.names import Distribution, RegistryName
from registry.policy.policy import Policy
from validator.materials.rights import Rights
from validator.members import Members
from validator.metadata import CoreMetadata
from validator.rule import Situation
from validator.subject import Absent, Fixtures, Material, Subject
from validator.things import Distributed, Provenance

_OF_FILES = ("answer", "file", "archive", "metadata", "provenance")
_KINDS = {**dict.fromkeys(_OF_FILES, "file"), "release": "release", "project": "file", "registry": "file"}
_OFFERS = {
    "answer",
    "file",
    "archive",
    "metadata",
    "provenance",
    "project",
    "release",
    "policy",
    "facts",
    "registry",
    "now",
    "today",
}


@dataclass(frozen=True)
class Destination:
    """Where the files are to go."""

    policy: Policy
    registry: RegistryName


@dataclass(frozen=True)
class Released:
    """All files of one release that are looked at together."""

    project: str
    version: str
    files: Sequence[Distributed]
    metadata: Mapping[str, CoreMetadata]  # by filename, of those that can be read


@dataclass(frozen=True)
class Parcel:
    """One file that is looked at: what it is called, where its bytes are, and what is known of it already."""

    path: Path
    dist: Distribution | None  # None: its name is none
    file: Distributed
    contents: archive.Contents | None  # None: no registry would take it
    provenance: Provenance | None = None
    ask: Callable[[Path], str] | None = None  # asks the registry; gives its refusal, or nothing

    @classmethod
    def of(cls, path: Path, provenance: Provenance | None = None, ask: Callable[[Path], str] | None = None) -> "Parcel":
        """Look into a file of somebody's folder, as a registry would."""
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = path.stat().st_size
        try:
            dist = names.distribution(path.name)
        except Invalid as error:
            return cls(path, None, Distributed(path.name, "", "", "", size, digest, refusal=str(error)), None)
        contents, refusal = None, ""
        try:
            contents = archive.inspect(path, dist)
        except Invalid as error:
            refusal = str(error)
        file = Distributed(dist.filename, dist.project, dist.version, dist.kind, size, digest, refusal=refusal)
        return cls(path, dist, file, contents, provenance, ask)


def publish_material(parcels: Iterable[Parcel], now: datetime, destination: Destination | None = None) -> Material:
    """Make subjects of files.

    Args:
        parcels: the files.
        now: the moment.
        destination: where they are to go; None: nothing is known of that.
    """
    found = list(parcels)
    made: dict[str, Any] = {"now": now, "today": now.date()}
    lazy: dict[str, Callable[[], Any]] = {}
    if destination:
        rights = Rights(destination.policy)
        made |= {"policy": destination.policy}
        lazy = {"facts": lambda: rights.facts, "registry": lambda: destination.policy.registry(destination.registry)}
    common = Fixtures(made, lazy)
    releases: defaultdict[tuple[str, str], list[Parcel]] = defaultdict(list)
    for parcel in found:
        releases[parcel.file.project, parcel.file.version].append(parcel)
    subjects = [
        _file(parcel, releases[parcel.file.project, parcel.file.version], destination, common) for parcel in found
    ]
    for (project, version), together in releases.items():
        if project:
            one = {"release": _released(together)}
            label = f"{project} {version}"
            subjects.append(Subject("release", label, Fixtures(one, {}, common), str(together[0].path)))
    return Material(Situation.PUBLISH, _KINDS, subjects, common, frozenset(_OFFERS), title="distributions")


def _file(parcel: Parcel, together: Sequence[Parcel], destination: Destination | None, common: Fixtures) -> Subject:
    def readable(make: Callable[[archive.Contents], Any]) -> Callable[[], Any]:
        def given() -> Any:
            if parcel.contents is None:
                raise Absent("the file cannot be read; WB401 says why")
            return make(parcel.contents)

        return given

    def project() -> Any:
        if destination is None or parcel.dist is None:
            raise Absent("it is not known where the file is to go; give the policy")
        return Rights(destination.policy).project(destination.registry, parcel.dist.project)

    def provenance() -> Provenance:
        if parcel.provenance is None:
            raise Absent("who publishes is known once it is published")
        return parcel.provenance

    def answer() -> str:
        if parcel.ask is None:
            raise Absent("no registry is asked; give its URL")
        return parcel.ask(parcel.path)

    lazy = {
        "answer": answer,
        "archive": readable(lambda contents: Members(parcel.path, parcel.file.kind, contents.members)),
        "metadata": readable(lambda contents: CoreMetadata(contents.metadata)),
        "project": project,
        "provenance": provenance,
        "release": lambda: _released(together),
    }
    return Subject("file", parcel.file.filename, Fixtures({"file": parcel.file}, lazy, common), str(parcel.path))


def _released(together: Sequence[Parcel]) -> Released:
    files = [parcel.file for parcel in together]
    metadata = {p.file.filename: CoreMetadata(p.contents.metadata) for p in together if p.contents}
    return Released(files[0].project, files[0].version, files, metadata)
