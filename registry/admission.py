"""May this file enter under this name? Authorisation, the project's status, and whether the name is free."""

from dataclasses import dataclass

from registry import names
from registry.errors import Conflict, Forbidden
from registry.index import Index
from registry.installation import View
from registry.model import File, Sha256
from registry.names import Distribution, RegistryName
from registry.policy.decide import Denied
from registry.policy.files import Statement
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
        Conflict: the name is taken.
    """
    registry, dist = candidate.registry, candidate.dist
    verdict = view.decide(candidate.principal, Action.PUBLISH, registry, dist.project)
    if isinstance(verdict, Denied):
        raise Forbidden(verdict.reason)
    project = view.index.status(registry, dist.project)
    if project and not project.status.accepts_uploads:
        raise Forbidden(
            f"Project {dist.project} is {project.status.value} and takes no uploads ({project.status_reason})"
        )
    existing = view.index.file(registry, dist)
    if existing is None:
        _refuse_second_spelling(candidate, view.index)
        return verdict.statement, None
    if existing.deleted:
        _refuse_other_bytes_again(candidate, existing, view)
        return verdict.statement, None
    if existing.sha256 != candidate.sha256:
        raise Conflict(
            f"File already exists: '{dist.filename}' has sha256 {existing.sha256}, yours is {candidate.sha256}. "
            "Files never change; raise the version"
        )
    return verdict.statement, existing


def _refuse_second_spelling(candidate: Candidate, index: Index) -> None:
    """Keep one release one folder: 1.0 and 1.0.0 are the same version (PEP 440), and a yank must reach all of it."""
    for version in index.versions(candidate.registry, candidate.dist.project):
        if version != candidate.dist.version and names.same_version(version, candidate.dist.version):
            raise Conflict(
                f"Version {candidate.dist.version} equals {version}, under which this project has a release; "
                f"build with version {version}, or raise it"
            )


def _refuse_other_bytes_again(candidate: Candidate, tombstone: File, view: View) -> None:
    """Apply the registry's `republish` setting to a name whose file was deleted."""
    registry = view.policy.registry(candidate.registry)
    setting = registry.republish if registry else "never"
    if setting == "allowed" or (setting == "same-bytes" and tombstone.sha256 == candidate.sha256):
        return
    raise Conflict(
        f"File already exists in history: '{tombstone.filename}' was deleted, and "
        f"registries/{candidate.registry}/registry.yaml says republish: {setting}. Raise the version"
    )
