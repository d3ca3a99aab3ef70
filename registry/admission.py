"""May this file enter under this name? Authorisation, the project's status, and whether the name is free."""

from dataclasses import dataclass
from datetime import timedelta

from registry import names
from registry.errors import Conflict, Forbidden, Invalid, Reserved
from registry.index import Index
from registry.installation import View
from registry.model import File, Sha256
from registry.names import Distribution, ProjectName, RegistryName
from registry.policy.decide import Denied
from registry.policy.files import Statement
from registry.policy.namespaces import reserved
from registry.policy.roles import Action, Principal


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that somebody wants to store."""

    registry: RegistryName
    dist: Distribution
    principal: Principal
    sha256: Sha256


def admit(candidate: Candidate, view: View) -> tuple[Statement, File | None]:
    """Authorise, and find out whether the name is free.

    Returns:
        The statement that allows it, and the file itself if the same bytes are here already.

    Raises:
        Forbidden: the policy, or the project's status, does not allow it.
        Conflict: the name is taken, or reserved for others.
        Invalid: the release takes no more files.
    """
    registry, dist = candidate.registry, candidate.dist
    verdict = view.decide(candidate.principal, Action.PUBLISH, registry, dist.project)
    if isinstance(verdict, Denied):
        raise Forbidden(verdict.reason)
    refusal = reserved(view.policy, candidate.principal, registry, dist.project, verdict.statement)
    if refusal and view.index.status(registry, dist.project) is None:
        raise Reserved(refusal)
    return verdict.statement, vacant(view, registry, dist, candidate.sha256)


def require_open(view: View, registry: RegistryName, project: ProjectName) -> None:
    """Let no file enter a project whose status says so (PEP 792), by whatever way.

    Raises:
        Forbidden: it is archived or quarantined.
    """
    found = view.index.status(registry, project)
    if found and not found.status.accepts_uploads:
        reason = f" ({found.status_reason})" if found.status_reason else ""
        raise Forbidden(f"Project {project} is {found.status.value} and takes no uploads{reason}")


def vacant(view: View, registry: RegistryName, dist: Distribution, sha256: Sha256) -> File | None:
    """Find out whether a name is free for these bytes, whoever brings them.

    Returns:
        The file itself, if the same bytes are here already.

    Raises:
        Forbidden: the project's status does not allow it.
        Conflict: the name is taken.
        Invalid: the release takes no more files.
    """
    require_open(view, registry, dist.project)
    existing = view.index.file(registry, dist)
    if existing and not existing.deleted:
        if existing.sha256 != sha256:
            raise Conflict(
                f"File already exists: '{dist.filename}' has sha256 {existing.sha256}, yours is {sha256}. "
                "Files never change; raise the version"
            )
        return existing
    setting = view.policy.registry(registry)
    if existing:
        _refuse_other_bytes_again(existing, sha256, registry, setting.republish if setting else "never")
    else:
        _refuse_second_spelling(view.index, registry, dist)
    if setting and setting.closes_after_days and not (existing and existing.sha256 == sha256):
        _refuse_late(view, registry, dist, setting.closes_after_days)
    return None


def _refuse_second_spelling(index: Index, registry: RegistryName, dist: Distribution) -> None:
    """Keep one release one folder: 1.0 and 1.0.0 are the same version (PEP 440), and a yank must reach all of it."""
    for version in index.versions(registry, dist.project):
        if version != dist.version and names.same_version(version, dist.version):
            raise Conflict(
                f"Version {dist.version} equals {version}, under which this project has a release; "
                f"build with version {version}, or raise it"
            )


def _refuse_other_bytes_again(tombstone: File, sha256: Sha256, registry: RegistryName, republish: str) -> None:
    """Apply the registry's `republish` setting to a name whose file was deleted."""
    if republish == "allowed" or (republish == "same-bytes" and tombstone.sha256 == sha256):
        return
    raise Conflict(
        f"File already exists in history: '{tombstone.filename}' was deleted, and "
        f"registries/{registry}/registry.yaml says republish: {republish}. Raise the version"
    )


def _refuse_late(view: View, registry: RegistryName, dist: Distribution, days: int) -> None:
    """Close an old release: who pinned it by version alone would install what is added to it now."""
    files = view.index.release(registry, dist.project, dist.version).files
    first = min((file.uploaded for file in files), default=view.now)
    if view.now - first >= timedelta(days=days):
        raise Invalid(
            f"Release {dist.project} {dist.version} is closed: its first file is of {first:%Y-%m-%d}, and "
            f"registries/{registry}/registry.yaml says closes_after_days: {days}. Raise the version"
        )
