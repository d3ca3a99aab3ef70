"""Deleting a file, a release or a whole project, and taking that back while the bytes are there.

A deletion leaves tombstones, so that no name ever means something else unnoticed. Many files go, or come back, in one
flush: all of them or none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from registry import names
from registry.acceptance import Entrant, refuse_twin
from registry.admission import require_open
from registry.entries import Beside, beside_deleted, come_back, leave
from registry.errors import Conflict, Invalid, Moved, NotFound, Unavailable
from registry.index import Index
from registry.installation import Installation, View, Writing
from registry.model import Decision, Deletion, File, Origin
from registry.names import ProjectName, RegistryName, version_order
from registry.policy.roles import Action, Principal
from registry.records import timestamp
from registry.warrant import warrant

LONGEST_REASON = 500  # characters
_MOST_TRIES = 5
# Restoring this brings back what was deleted as that: the same, or more.
_RESTORED_BY = {"file": ("file", "release", "project"), "release": ("release", "project"), "project": ("project",)}


@dataclass(frozen=True, slots=True)
class Whole:
    """What is deleted or restored as one: a file, a release, or a project."""

    registry: RegistryName
    project: ProjectName
    version: str | None = None  # any PEP 440 spelling; None: every release
    filename: str | None = None  # None: every file

    @property
    def kind(self) -> str:
        """The word for it."""
        return "file" if self.filename else "release" if self.version else "project"

    @property
    def action(self) -> Action:
        """What must be allowed: whoever may publish must not take a whole project away."""
        return Action.ADMINISTER if self.kind == "project" else Action.DELETE

    def __str__(self) -> str:
        return self.filename or (f"{self.project} {self.version}" if self.version else self.project)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a deletion, or a restoration, came to."""

    files: tuple[File, ...]  # those that changed, as they are now; none: that was so already
    commit: str | None  # the last one it led to; None: nothing was written


def delete(installation: Installation, principal: Principal | None, whole: Whole, reason: str) -> Outcome:
    """Take files away for good; their names stay taken, as the registry's `republish` says.

    Args:
        installation: where.
        principal: who asks; None is the operator on the host.
        whole: what is deleted.
        reason: kept in the tombstones and shown to whoever asks for the files; may be empty.

    Raises:
        Forbidden: the policy does not allow it.
        NotFound: there never was such a thing.
    """
    said = names.sentence("reason", reason, LONGEST_REASON)

    def record(writing: Writing) -> tuple[File, ...]:
        by = warrant(writing, principal, whole.action, whole.registry, whole.project)
        gone = Deletion(by[0].principal, said, writing.now, whole.kind)
        tombstones = tuple(replace(f, deleted=gone) for f in meant(writing.index, whole) if not f.deleted)
        leave(writing, whole.registry, tombstones, by, gone)
        return tombstones

    return Outcome(*installation.write(principal, record))


def restore(installation: Installation, principal: Principal | None, whole: Whole) -> Outcome:
    """Bring back what was deleted as this whole, or as a larger one, with the very same bytes.

    A file that was deleted by name comes back only by name: somebody meant it, when the rest stayed. What the registry
    accepted once is not asked again whether it would be today.

    Args:
        installation: where.
        principal: who asks; None is the operator on the host.
        whole: what is restored.

    Raises:
        Forbidden: the policy does not allow it.
        NotFound: there never was such a thing, or it went by another name.
        Conflict: the bytes are gone, as the grace time is over.
    """
    for _ in range(_MOST_TRIES):
        _, tombstones = _allowed(installation.view(), principal, whole)
        _require_bytes(installation, tombstones)
        kept = beside_deleted(installation, whole.registry, tombstones)
        try:
            written = installation.write(principal, partial(_restored, installation, principal, whole, kept))
        except Moved:
            continue
        return Outcome(*written)
    raise Unavailable(f"{whole} changed again and again while it was restored; try again in a few seconds")


def _restored(
    installation: Installation,
    principal: Principal | None,
    whole: Whole,
    kept: Mapping[str, Beside],
    writing: Writing,
) -> tuple[File, ...]:
    """Look once more, now that nothing can change, and record.

    Raises:
        Moved: there is another file to restore now.
    """
    by, tombstones = _allowed(writing, principal, whole)
    if any(f.filename not in kept or not kept[f.filename].belongs_to(f) for f in tombstones):
        raise Moved(f"{whole} changed while it was restored")
    _require_bytes(installation, tombstones)  # maintenance removes them in the writer's place, where we are
    files = tuple(replace(file, deleted=None) for file in tombstones)
    come_back(writing, whole.registry, files, kept, by, whole.kind)
    return files


def _allowed(view: View, principal: Principal | None, whole: Whole) -> tuple[tuple[Origin, Decision], list[File]]:
    """Tell who restores what. What went with its project comes back by whoever may delete that."""
    by = warrant(view, principal, whole.action, whole.registry, whole.project)
    tombstones = _restorable(view, whole)
    if any(file.deleted and file.deleted.whole == "project" for file in tombstones):
        by = warrant(view, principal, Action.ADMINISTER, whole.registry, whole.project)
    if tombstones:
        require_open(view, whole.registry, whole.project)
    for file in tombstones:
        refuse_twin(Entrant(whole.registry, file.dist, file.sha256, file.size), view.index)
    return by, tombstones


def meant(index: Index, whole: Whole) -> tuple[File, ...]:
    """List the files of a whole, tombstones among them, oldest release first.

    Raises:
        NotFound: there never was such a thing.
    """
    versions = index.versions(whole.registry, whole.project)
    asked = _version(whole)
    found = sorted((v for v in versions if asked is None or names.same_version(v, asked)), key=version_order)
    files = [file for version in found for file in index.release(whole.registry, whole.project, version).files]
    files = [file for file in files if whole.filename in {None, file.filename}]
    if files or (whole.kind == "project" and index.status(whole.registry, whole.project)):
        return tuple(files)
    known = f"it has {', '.join(versions[:10])}" if versions else "it has no project of this name"
    if found and whole.filename:
        known = f"{whole.project} {found[0]} has no such file"
    raise NotFound(f"Registry {whole.registry} has no {whole.kind} {whole}; {known}")


def _version(whole: Whole) -> str | None:
    """Tell the version that is meant, which a filename says too.

    Raises:
        Invalid: they do not agree.
    """
    if whole.filename is None:
        return whole.version
    dist = names.distribution(whole.filename)
    version = whole.version or dist.version
    if dist.project != whole.project or not names.same_version(dist.version, version):
        raise Invalid(
            f"'{whole.filename}' is a file of {dist.project} {dist.version}, not of {whole.project} {version}"
        )
    return version


def _restorable(view: View, whole: Whole) -> list[File]:
    """List the tombstones of a whole.

    Raises:
        NotFound: it has some, and each went by a narrower name.
    """
    tombstones = [file for file in meant(view.index, whole) if file.deleted]
    fitting = [file for file in tombstones if file.deleted and file.deleted.whole in _RESTORED_BY[whole.kind]]
    if tombstones and not fitting:
        first = tombstones[0]
        said = f"as a {first.deleted.whole}" if first.deleted else ""
        raise NotFound(
            f"{whole} was not deleted as a {whole.kind}, but {_few(tombstones)} {said}; restore that by its own name"
        )
    return fitting


def _require_bytes(installation: Installation, tombstones: Iterable[File]) -> None:
    """Refuse to restore what is not there any more.

    Raises:
        Conflict: the bytes of a file were removed.
    """
    lost = [file for file in tombstones if installation.blobs.size(file.sha256) != file.size]
    if lost and (gone := lost[0].deleted):
        raise Conflict(
            f"{_few(lost)} cannot be restored: deleted at {timestamp(gone.at)}, and the bytes were removed after the "
            "grace time. Where the registry's republish allows it, upload the same file again; else raise the version"
        )


def _few(files: list[File]) -> str:
    """Name what a message has room for."""
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return ", ".join(file.filename for file in files[:3]) + more
