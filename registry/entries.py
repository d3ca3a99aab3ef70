"""How a file enters the ledger, leaves it, and comes back: which of its files change, and what the commit says."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from registry.errors import Unavailable
from registry.index import Index, file_path, project_folder
from registry.installation import Installation, Trailer, Writing
from registry.model import Decision, File, Origin
from registry.names import RegistryName
from registry.records import ATTRIBUTES, file_record, pointer, project_record
from registry.store import LEDGER


@dataclass(frozen=True, slots=True)
class Beside:
    """What the ledger keeps of a file beside its record."""

    metadata: bytes | None = None  # as in the artifact (PEP 658)
    attestations: bytes | None = None  # as uploaded (PEP 740)

    def belongs_to(self, file: File) -> bool:
        """Tell whether it is what the record of a file speaks of."""
        wanted = file.metadata_sha256, file.attested.sha256 if file.attested else None
        return (_digest(self.metadata), _digest(self.attestations)) == wanted


def enter(
    writing: Writing,
    event: str,
    registry: RegistryName,
    file: File,
    beside: Beside,
    *,
    by: tuple[Origin, Decision],
    more: Iterable[Trailer] = (),
) -> None:
    """Record what makes a file exist.

    Args:
        writing: the writer's place.
        event: publish, promote or restore.
        registry: where it enters.
        file: its record.
        beside: what else is kept of it.
        by: who does it, and what allows that.
        more: what else the commit says.
    """
    path, dist = file_path(registry, file.dist), file.dist
    changes: dict[str, bytes | None] = {
        path: pointer(file.sha256, file.size),
        f"{path}.json": file_record(file, registry),
        f"{path}.metadata": beside.metadata,
        f"{path}.attestations.json": beside.attestations,
    }
    if not writing.events:  # else an earlier event of the same verb has done so
        if writing.index.status(registry, dist.project) is None:
            new = project_record(dist.project, by=by[0].principal, at=writing.now)
            changes[f"{project_folder(registry, dist.project)}/project.json"] = new
        if writing.index.snapshot.entry(".gitattributes") is None:
            changes[".gitattributes"] = ATTRIBUTES
    trailers = _trailers(registry, file)
    if file.attested:
        trailers.append(Trailer("Attestations", f"sha256:{file.attested.sha256}"))
    writing.record(_subject(event, file), [*trailers, *more], changes, *by)


def leave(writing: Writing, registry: RegistryName, tombstone: File, by: tuple[Origin, Decision]) -> None:
    """Record what makes a file be deleted: all goes but its record.

    Args:
        writing: the writer's place.
        registry: where it was.
        tombstone: its record, with its deletion.
        by: who does it, and what allows that.
    """
    if tombstone.deleted is None:
        raise ValueError("a tombstone says who deleted the file")
    path, gone = file_path(registry, tombstone.dist), tombstone.deleted
    kinds = ("", ".metadata", ".attestations.json")
    changes: dict[str, bytes | None] = {f"{path}{kind}": None for kind in kinds}
    changes[f"{path}.json"] = file_record(tombstone, registry)
    trailers = [*_trailers(registry, tombstone), Trailer("Whole", gone.whole)]
    if gone.reason:
        trailers.append(Trailer("Declared-Reason", gone.reason))
    writing.record(_subject("delete", tombstone), trailers, changes, *by)


def beside(index: Index, registry: RegistryName, file: File) -> Beside:
    """Read what is kept of a file that is there."""
    return Beside(index.metadata(registry, file.dist), index.attestations(registry, file.dist))


def beside_deleted(
    installation: Installation, registry: RegistryName, tombstones: Sequence[File]
) -> Mapping[str, Beside]:
    """Find what was kept of deleted files, in the history that keeps everything.

    Args:
        installation: where.
        registry: where the files were.
        tombstones: their records.

    Returns:
        By filename, what each record speaks of.

    Raises:
        Unavailable: history does not have it.
    """
    found = {file.filename: Beside() for file in tombstones if Beside().belongs_to(file)}
    for version in {file.dist.version: file.dist.project for file in tombstones}.items():
        wanted = {f.filename: f for f in tombstones if f.dist.version == version[0] and f.filename not in found}
        facts = {"Registry": registry, "Project": version[1], "Version": version[0]}
        commits = installation.trail.mentioning(LEDGER, facts) if wanted else iter(())
        for commit in commits:
            then = Index(installation.store.at(commit))
            for file in list(wanted.values()):
                if (kept := beside(then, registry, file)).belongs_to(file):
                    found[file.filename] = kept
                    del wanted[file.filename]
            if not wanted:
                break
        if wanted:
            raise Unavailable(f"What was kept of {next(iter(wanted))} is not in the ledger's history; upload it again")
    return found


def _trailers(registry: RegistryName, file: File) -> list[Trailer]:
    return [
        Trailer("Registry", registry),
        Trailer("Project", file.dist.project),
        Trailer("Version", file.dist.version),
        Trailer("File", file.filename),
        Trailer("Digest", f"sha256:{file.sha256}"),
    ]


def _subject(event: str, file: File) -> str:
    return f"{event}: {file.dist.project} {file.dist.version} {file.filename}"


def _digest(content: bytes | None) -> str | None:
    return hashlib.sha256(content).hexdigest() if content is not None else None
