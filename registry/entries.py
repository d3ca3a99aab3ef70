"""How a file enters the ledger, leaves it, and comes back: which of its files change, and what the commit says."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.errors import Unavailable
from registry.index import Index, file_path, project_folder
from registry.installation import Installation, Trailer, Writing
from registry.model import Decision, Deletion, File, Origin
from registry.names import RegistryName
from registry.records import ATTRIBUTES, file_record, pointer, project_record
from registry.store import LEDGER

PROJECT = "project"
Changes = dict[str, bytes | None]


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
    dist, changes = file.dist, _there(registry, file, beside)
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


def leave(
    writing: Writing, registry: RegistryName, tombstones: Sequence[File], by: tuple[Origin, Decision], gone: Deletion
) -> None:
    """Record what makes files be deleted: all goes but their records. A whole project goes by one event.

    Args:
        writing: the writer's place.
        registry: where they were.
        tombstones: their records, with the deletion.
        by: who does it, and what allows that.
        gone: the deletion.
    """
    more = [Trailer("Whole", gone.whole), *([Trailer("Declared-Reason", gone.reason)] if gone.reason else [])]
    if gone.whole == PROJECT:
        _as_one(writing, "delete", registry, [(file, _gone(registry, file)) for file in tombstones], (by, more))
        return
    for file in tombstones:
        writing.record(_subject("delete", file), [*_trailers(registry, file), *more], _gone(registry, file), *by)


def come_back(
    writing: Writing,
    registry: RegistryName,
    files: Sequence[File],
    kept: Mapping[str, Beside],
    by: tuple[Origin, Decision],
    whole: str,
) -> None:
    """Record what makes deleted files be there again; the other side of `leave`.

    Args:
        writing: the writer's place.
        registry: where they were.
        files: their records, without the deletion.
        kept: by filename, what else is kept of each.
        by: who does it, and what allows that.
        whole: what is restored as one: file, release or project.
    """
    more = [Trailer("Whole", whole)]
    if whole == PROJECT:
        entering = [(file, _there(registry, file, kept[file.filename])) for file in files]
        _as_one(writing, "restore", registry, entering, (by, more))
        return
    for file in files:
        enter(writing, "restore", registry, file, kept[file.filename], by=by, more=more)


def _as_one(
    writing: Writing,
    event: str,
    registry: RegistryName,
    files: Sequence[tuple[File, Changes]],
    said: tuple[tuple[Origin, Decision], list[Trailer]],
) -> None:
    """Record one event for all files of a project: thousands of commits would each write its large folder anew."""
    if not files:
        return
    project, (by, more) = files[0][0].dist.project, said
    trailers = [Trailer("Registry", registry), Trailer("Project", project), Trailer("Files", str(len(files)))]
    changes = {path: content for _, each in files for path, content in each.items()}
    writing.record(f"{event}: {project}", [*trailers, *more], changes, *by)


def _there(registry: RegistryName, file: File, beside: Beside) -> Changes:
    path = file_path(registry, file.dist)
    return {
        path: pointer(file.sha256, file.size),
        f"{path}.json": file_record(file, registry),
        f"{path}.metadata": beside.metadata,
        f"{path}.attestations.json": beside.attestations,
    }


def _gone(registry: RegistryName, tombstone: File) -> Changes:
    path = file_path(registry, tombstone.dist)
    kept = {f"{path}.json": file_record(tombstone, registry)}
    return {path: None, f"{path}.metadata": None, f"{path}.attestations.json": None, **kept}


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
        tombstones: their records, all of one project.

    Returns:
        By filename, what each record speaks of.

    Raises:
        Unavailable: history does not have it.
    """
    found = {file.filename: Beside() for file in tombstones if Beside().belongs_to(file)}
    # Back in time, the file that was deleted last is there again first; every event of a file names its project.
    wanted = sorted((file for file in tombstones if file.filename not in found), key=_deleted_at)
    facts = {"Registry": registry, "Project": wanted[-1].dist.project} if wanted else {}
    for commit in installation.trail.mentioning(LEDGER, facts) if wanted else ():
        then = Index(installation.store.at(commit))
        while wanted and (kept := beside(then, registry, wanted[-1])).belongs_to(wanted[-1]):
            found[wanted.pop().filename] = kept
        if not wanted:
            break
    if wanted:
        raise Unavailable(f"What was kept of {wanted[-1].filename} is not in the ledger's history; upload it again")
    return found


def _deleted_at(tombstone: File) -> datetime:
    return tombstone.deleted.at if tombstone.deleted else tombstone.uploaded


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
