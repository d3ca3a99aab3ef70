"""What the registries hold, for whoever looks around: registries, projects, releases, files, as plain JSON values."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypedDict

from packaging.version import Version

from registry import names
from registry.answers import FileAnswer, file_json
from registry.errors import Invalid, NotFound
from registry.index import Index, file_path, project_folder
from registry.installation import View
from registry.model import File, Release
from registry.names import Distribution, ProjectName, RegistryName, same_version, version_order
from registry.policy.decide import Allowed
from registry.policy.roles import Action, Principal
from registry.records import parsed, timestamp


class RegistryAnswer(TypedDict):
    """A registry."""

    name: str
    kind: str
    visibility: str
    projects: str  # open or declared
    upstreams: list[str]  # of a composite: its registries in their order, as far as the caller may read something there


class ListedProject(TypedDict):
    """A project in a list."""

    name: str
    status: str
    latest: str | None


class ProjectAnswer(TypedDict):
    """A project."""

    registry: str
    name: str
    status: str
    reason: str | None
    created: dict[str, str] | None
    latest: str | None
    releases: int


class ListedRelease(TypedDict):
    """A release in a list."""

    version: str
    yanked: bool
    reason: str | None
    files: int
    size: int
    uploaded: str | None


class DetailedFile(FileAnswer):
    """A file and where its bytes are."""

    registry: str
    project: str
    version: str
    kind: str
    requires_python: str | None
    url: str | None


def registries(view: View, principal: Principal) -> Iterator[RegistryAnswer]:
    """List the registries of which the caller may read something, by name."""
    for name in sorted(view.policy.registries()):
        if not _reads(view, principal, name):
            continue
        found = view.policy.registry(name)
        if found:
            upstreams = [RegistryName(one.registry) for one in found.upstreams if one.registry]
            yield RegistryAnswer(
                name=name,
                kind=found.kind,
                visibility=found.visibility,
                projects=found.projects,
                upstreams=[one for one in upstreams if _reads(view, principal, one)],
            )


def _reads(view: View, principal: Principal, registry: RegistryName) -> bool:
    return isinstance(view.decide(principal, Action.READ, registry, None), Allowed)


def projects(
    view: View, principal: Principal, registry: RegistryName, containing: str = "", after: str = ""
) -> Iterator[ProjectName]:
    """List the projects of a registry that the caller may read, by name, those still without files included.

    Args:
        view: of when.
        principal: who asks.
        registry: of which.
        containing: what the name must have in it.
        after: the name that the list goes on after.
    """
    for name in sorted({*view.index.projects(registry), *view.policy.declared(registry)}):
        wanted = name > after and containing in name
        if wanted and isinstance(view.decide(principal, Action.READ, registry, name), Allowed):
            yield name


def listed(index: Index, registry: RegistryName, name: ProjectName) -> ListedProject:
    """Show a project in a list."""
    found = index.status(registry, name)
    return ListedProject(
        name=name, status=found.status.value if found else "active", latest=latest(index, registry, name)
    )


def project(view: View, registry: RegistryName, name: ProjectName) -> ProjectAnswer:
    """Show a project.

    Raises:
        NotFound: there is none of this name.
    """
    found = view.index.status(registry, name)
    if found is None and not view.policy.declares(registry, name):
        raise NotFound(f"Registry {registry} has no project '{name}'")
    record = view.index.snapshot.read(f"{project_folder(registry, name)}/project.json")
    return ProjectAnswer(
        registry=registry,
        name=name,
        status=found.status.value if found else "active",
        reason=found.status_reason if found else None,
        created=parsed(record, "project record").get("created") if record else None,
        latest=latest(view.index, registry, name),
        releases=len(view.index.versions(registry, name)),
    )


def latest(index: Index, registry: RegistryName, name: ProjectName) -> str | None:
    """Tell which release an installer would choose that asks for nothing in particular; None where there is none."""
    fallback = None
    for version in sorted(index.versions(registry, name), key=version_order, reverse=True):
        release = index.release(registry, name, version)
        if release.live and not release.yank:
            if not Version(version).is_prerelease:
                return version
            fallback = fallback or version
    return fallback


def release_listed(release: Release) -> ListedRelease:
    """Show a release in a list."""
    live = release.live
    return ListedRelease(
        version=release.version,
        yanked=bool(release.yank),
        reason=release.yank.reason if release.yank else None,
        files=len(live),
        size=sum(file.size for file in live),
        uploaded=timestamp(min(file.uploaded for file in live)) if live else None,
    )


def version_of(index: Index, registry: RegistryName, name: ProjectName, version: str) -> str:
    """Find a release by any spelling of its version.

    Raises:
        NotFound: there is none.
    """
    with suppress(Invalid):  # what is no version is none of its releases
        wanted = names.version(version)
        for one in index.versions(registry, name):
            if same_version(one, wanted):
                return one
    raise NotFound(f"Registry {registry} has no release {name} {version[:80]}")


def file(index: Index, registry: RegistryName, dist: Distribution) -> File:
    """Find a file, perhaps a deleted one.

    Raises:
        NotFound: there is none.
    """
    found = index.file(registry, dist)
    if found is None:
        raise NotFound(f"Registry {registry} has no file '{dist.filename}'")
    return found


def file_shown(registry: RegistryName, found: File) -> DetailedFile:
    """Show a file."""
    url = None if found.deleted else f"/{registry}/files/{found.sha256}/{found.filename}"
    return DetailedFile(
        **file_json(found),
        registry=registry,
        project=found.dist.project,
        version=found.dist.version,
        kind=found.dist.kind,
        requires_python=found.requires_python,
        url=url,
    )


def provenance(index: Index, registry: RegistryName, found: File) -> dict[str, Any]:
    """Give the in-toto statement that the ledger has of a file."""
    record = index.snapshot.read(f"{file_path(registry, found.dist)}.json")
    statement: dict[str, Any] = parsed(record or b"", "file record").get("provenance", {})
    return statement
