"""Changing what is already there, without ever changing a file: yank and unyank (PEP 592)."""

from dataclasses import replace

from registry import credentials, names
from registry.errors import Forbidden, NotFound
from registry.index import release_folder
from registry.installation import OPERATOR, Installation, Trailer, Writing
from registry.model import Decision, Origin, Release, Yank
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Denied
from registry.policy.roles import Action, Principal
from registry.records import release_record

LONGEST_REASON = 500  # characters


def yank(
    installation: Installation,
    principal: Principal | None,
    registry: RegistryName,
    project: ProjectName,
    version: str,
    reason: str,
) -> Release:
    """Mark a release so that installers skip it unless it is pinned; its files stay.

    Args:
        installation: where.
        principal: who asks; None is the operator on the host.
        registry: in which registry.
        project: of which project.
        version: any PEP 440 spelling of the release's version.
        reason: shown to whoever installs it all the same; may be empty.

    Returns:
        The release as it is now; yanking it again only changes the reason.

    Raises:
        NotFound: there is no such release.
        Forbidden: the policy does not allow it.
    """
    return _set(installation, principal, registry, project, version, names.sentence("reason", reason, LONGEST_REASON))


def unyank(
    installation: Installation, principal: Principal | None, registry: RegistryName, project: ProjectName, version: str
) -> Release:
    """Take a yank back.

    Args:
        installation: where.
        principal: who asks; None is the operator on the host.
        registry: in which registry.
        project: of which project.
        version: any PEP 440 spelling of the release's version.

    Returns:
        The release as it is now.

    Raises:
        NotFound: there is no such release.
        Forbidden: the policy does not allow it.
    """
    return _set(installation, principal, registry, project, version, None)


def _set(
    installation: Installation,
    principal: Principal | None,
    registry: RegistryName,
    project: ProjectName,
    version: str,
    reason: str | None,
) -> Release:
    """Yank for a reason, or take it back; writes nothing when that is how it is already."""

    def record(writing: Writing) -> Release:
        release = _release(writing, registry, project, version)
        origin, decision = _allowed(writing, principal, registry, project)
        if (release.yank.reason if release.yank else None) == reason:
            return release
        state = Yank(reason, origin.principal, writing.now) if reason is not None else None
        event = "yank" if state else "unyank"
        trailers = [Trailer("Registry", registry), Trailer("Project", project), Trailer("Version", release.version)]
        if state and state.reason:
            trailers.append(Trailer("Declared-Reason", state.reason))
        path = f"{release_folder(registry, project, release.version)}/release.json"
        changes = {path: release_record(state)}
        writing.record(f"{event}: {project} {release.version}", trailers, changes, origin, decision)
        return replace(release, yank=state)

    return installation.write(principal, record)[0]


def _release(writing: Writing, registry: RegistryName, project: ProjectName, version: str) -> Release:
    versions = writing.index.versions(registry, project)
    found = next((v for v in versions if names.same_version(v, version)), None)
    release = writing.index.release(registry, project, found) if found else None
    if release is None or not release.live:
        known = f"it has {', '.join(versions[:10])}" if versions else "it has no project of this name"
        raise NotFound(f"Registry {registry} has no release {project} {version}; {known}")
    return release


def _allowed(
    writing: Writing, principal: Principal | None, registry: RegistryName, project: ProjectName
) -> tuple[Origin, Decision]:
    if principal is None:
        return Origin(OPERATOR, OPERATOR), Decision(writing.policy.commit, "operator on the host")
    verdict = writing.decide(principal, Action.YANK, registry, project)
    if isinstance(verdict, Denied):
        raise Forbidden(verdict.reason)
    return credentials.origin(principal), Decision(writing.policy.commit, verdict.statement.ref)
