"""Changing what is said of files, and never a file: yank and unyank (PEP 592), a project's status (PEP 792)."""

from dataclasses import replace

from registry import names
from registry.errors import NotFound
from registry.index import project_folder, release_folder
from registry.installation import Installation, Trailer, Writing
from registry.model import Project, Release, Status, Yank
from registry.names import ProjectName, RegistryName
from registry.policy.roles import Action, Principal
from registry.records import project_record_with, release_record
from registry.warrant import warrant

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


def set_status(
    installation: Installation,
    principal: Principal | None,
    registry: RegistryName,
    project: ProjectName,
    status: Status,
    reason: str,
) -> Project:
    """Say what may be expected of a project, which decides whether it takes uploads and offers files (PEP 792).

    Args:
        installation: where.
        principal: who asks; None is the operator on the host.
        registry: in which registry.
        project: which one.
        status: as PEP 792 names it.
        reason: shown on the project's pages and to whoever is refused; may be empty.

    Returns:
        The project as it is now, without its releases; setting the same again writes nothing.

    Raises:
        NotFound: nothing was ever uploaded to it.
        Forbidden: the policy does not allow it.
    """
    said = names.sentence("reason", reason, LONGEST_REASON) or None

    def record(writing: Writing) -> Project:
        origin, decision = warrant(writing, principal, Action.ADMINISTER, registry, project)
        path = f"{project_folder(registry, project)}/project.json"
        before, text = writing.index.status(registry, project), writing.index.snapshot.read(path)
        if before is None or text is None:
            raise NotFound(f"Registry {registry} has no project '{project}'; its status begins with its first file")
        if (before.status, before.status_reason) == (status, said):
            return before
        trailers = [Trailer("Registry", registry), Trailer("Project", project), Trailer("Status", status.value)]
        if said:
            trailers.append(Trailer("Declared-Reason", said))
        changes = {path: project_record_with(text, status, said or "")}
        writing.record(f"status: {project} {status.value}", trailers, changes, origin, decision)
        return replace(before, status=status, status_reason=said)

    return installation.write(principal, record)[0]


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
        origin, decision = warrant(writing, principal, Action.YANK, registry, project)
        release = _release(writing, registry, project, version)
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
