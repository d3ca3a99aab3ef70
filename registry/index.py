"""A ledger snapshot -> projects, releases, files. A pure function of the commit: nothing is kept, nothing is stale."""

import hashlib
from dataclasses import replace

from registry.model import File, Project, Release
from registry.names import Distribution, ProjectName, RegistryName, version_order
from registry.records import parsed, read_file_record, read_project_record, read_release_record
from registry.store import Snapshot


def project_folder(registry: RegistryName, project: ProjectName) -> str:
    """Tell where a project's facts lie.

    A prefix of the hash spreads them: names of one organization share readable prefixes, and in one flat folder every
    upload would rewrite a tree with an entry per project.
    """
    return f"{registry}/{hashlib.sha256(project.encode()).hexdigest()[:2]}/{project}"


def release_folder(registry: RegistryName, project: ProjectName, version: str) -> str:
    """Tell where a release's facts lie."""
    return f"{project_folder(registry, project)}/{version}"


def file_path(registry: RegistryName, dist: Distribution) -> str:
    """Tell where a file's LFS pointer lies; its record and metadata lie beside it under longer names."""
    return f"{release_folder(registry, dist.project, dist.version)}/{dist.filename}"


class Index:
    """What the registries hold at one ledger commit."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def projects(self, registry: RegistryName) -> list[ProjectName]:
        """List the projects of a registry, by name."""
        shards = self.snapshot.entries(registry)
        return sorted(ProjectName(name) for shard in shards for name in self.snapshot.entries(f"{registry}/{shard}"))

    def project(self, registry: RegistryName, name: ProjectName) -> Project | None:
        """Read a project with all its releases and files; None where nothing was ever uploaded."""
        project = self.status(registry, name)
        if project is None:
            return None
        versions = sorted(self.versions(registry, name), key=version_order)
        return replace(project, releases=tuple(self.release(registry, name, v) for v in versions))

    def status(self, registry: RegistryName, name: ProjectName) -> Project | None:
        """Read a project without its releases; None where nothing was ever uploaded."""
        record = self.snapshot.read(f"{project_folder(registry, name)}/project.json")
        return read_project_record(record) if record is not None else None

    def created(self, registry: RegistryName, name: ProjectName) -> str | None:
        """Tell when a project's name was taken, as text that sorts; None where nothing was ever uploaded."""
        record = self.snapshot.read(f"{project_folder(registry, name)}/project.json")
        return str(parsed(record, "project record")["created"]["at"]) if record is not None else None

    def versions(self, registry: RegistryName, name: ProjectName) -> list[str]:
        """List the versions of a project without reading its files."""
        return [n for n, entry in self.snapshot.entries(project_folder(registry, name)).items() if entry.folder]

    def fingerprints(self, registry: RegistryName, name: ProjectName) -> dict[str, str]:
        """Give, by version, the ids that change exactly when what a page says of that release changes."""
        found = self.snapshot.entries(project_folder(registry, name))
        return {version: found[version].id for version in sorted(self.versions(registry, name), key=version_order)}

    def release(self, registry: RegistryName, name: ProjectName, version: str) -> Release:
        """Read one release; without files where there is none."""
        folder = release_folder(registry, name, version)
        names = self.snapshot.entries(folder)
        state = self.snapshot.read(f"{folder}/release.json") if "release.json" in names else None
        records = sorted(n for n in names if n.endswith((".whl.json", ".tar.gz.json")))
        files = tuple(read_file_record(self.snapshot.read(f"{folder}/{n}") or b"") for n in records)
        return Release(version, files, read_release_record(state) if state else None)

    def file(self, registry: RegistryName, dist: Distribution) -> File | None:
        """Read one file's record, also of a deleted file; None where the name was never used."""
        record = self.snapshot.read(f"{file_path(registry, dist)}.json")
        return read_file_record(record) if record is not None else None

    def metadata(self, registry: RegistryName, dist: Distribution) -> bytes | None:
        """Read the core metadata stored for a file (PEP 658); None where there is none."""
        return self.snapshot.read(f"{file_path(registry, dist)}.metadata")

    def attestations(self, registry: RegistryName, dist: Distribution) -> bytes | None:
        """Read what a file was uploaded with (PEP 740); None where there is nothing."""
        return self.snapshot.read(f"{file_path(registry, dist)}.attestations.json")

    def fingerprint(self, registry: RegistryName, name: ProjectName | None = None) -> str | None:
        """Give the id that changes exactly when the page of a project, or of the whole registry, changes."""
        entry = self.snapshot.entry(project_folder(registry, name) if name else registry)
        return entry.id if entry else None
