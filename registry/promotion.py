"""A release goes on from one registry of the installation to another: the same bytes, by a new decision."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from registry import names
from registry.acceptance import Entrant, accept
from registry.admission import Candidate, admit, vacant
from registry.entries import Beside, beside, enter
from registry.errors import Conflict, Forbidden, Invalid, Moved, NotFound, Unavailable
from registry.installation import Installation, Trailer, View, Writing
from registry.model import Decision, File, Origin, Promotion, Release, Status
from registry.names import ProjectName, RegistryName
from registry.policy.roles import Action, Principal
from registry.upload import inspected
from registry.warrant import warrant

_MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Route:
    """What goes from where to where."""

    source: RegistryName
    target: RegistryName
    project: ProjectName
    version: str  # any PEP 440 spelling
    filename: str | None = None  # None: every file of the release


@dataclass(frozen=True, slots=True)
class Promoted:
    """What a promotion came to."""

    files: tuple[File, ...]  # those that entered the target, as it records them
    there: tuple[File, ...]  # those that were there already with the same content
    commit: str | None  # the last one it led to; None: nothing was written


def promote(installation: Installation, principal: Principal | None, route: Route) -> Promoted:
    """Let the files of a release enter another registry, all in one flush or none; again does no harm.

    Their origin stays what it was; what allows them to enter, and who let them, is new. The rules and checks of the
    target apply as to an upload.

    Args:
        installation: where.
        principal: who promotes, and may read the source and publish to the target; None is the operator on the host.
        route: what goes where.

    Raises:
        Invalid: source and target are one, or a rule or check of the target refuses a file.
        NotFound: the source has no such release, or file of it.
        Forbidden: the policy, or the project's status, does not allow it.
        Conflict: the release is yanked, or a name is taken in the target.
    """
    if route.source == route.target:
        raise Invalid(f"{route.source} is where it is already; name another registry to promote it to")
    for _ in range(_MOST_TRIES):
        view = installation.view()
        files = _offered(view, principal, route)
        fit = [file for file in files if _is_fit(installation, view, principal, route, file)]
        kept = {file.filename: beside(view.index, route.source, file) for file in fit}
        try:
            (entered, there), commit = installation.write(
                principal, partial(_promoted, installation, principal, route, (view, files, kept))
            )
        except Moved:
            continue
        return Promoted(entered, there, commit)
    raise Unavailable(f"{route.project} {route.version} changed again and again meanwhile; try again in a few seconds")


def _offered(view: View, principal: Principal | None, route: Route) -> Sequence[File]:
    """List the files that go.

    Raises:
        NotFound: there are none.
        Forbidden: the promoter may not read them, or nobody may.
        Conflict: the release is yanked.
    """
    warrant(view, principal, Action.READ, route.source, route.project)
    status = view.index.status(route.source, route.project)
    if status and status.status is Status.QUARANTINED:
        raise Forbidden(f"Project {route.project} is quarantined in {route.source}; its files are withheld (PEP 792)")
    release = _release(view, route)
    files = [file for file in release.live if route.filename in {None, file.filename}]
    if not files:
        what = route.filename or f"{route.project} {route.version}"
        raise NotFound(f"Registry {route.source} has no file of {what} to promote")
    if release.yank:
        why = release.yank.reason or "no reason given"
        raise Conflict(f"{route.project} {release.version} is yanked in {route.source} ({why}); unyank it there first")
    return files


def _release(view: View, route: Route) -> Release:
    for version in view.index.versions(route.source, route.project):
        if names.same_version(version, route.version):
            return view.index.release(route.source, route.project, version)
    return Release(route.version, ())


def _admitted(
    view: View, principal: Principal | None, route: Route, file: File
) -> tuple[tuple[Origin, Decision], File | None]:
    """Decide as of an upload to the target.

    Returns:
        Who lets it in and what allows that, and the file itself if it is there already.
    """
    by = warrant(view, principal, Action.PUBLISH, route.target, route.project)
    if principal is not None:
        return by, admit(Candidate(route.target, file.dist, principal, file.sha256), view)[1]
    found = view.policy.registry(route.target)
    if found is None or found.kind != "source":
        raise Forbidden(f"There is no registry {route.target} that takes files; publish to a source registry")
    return by, vacant(view, route.target, file.dist, file.sha256)


def _is_fit(installation: Installation, view: View, principal: Principal | None, route: Route, file: File) -> bool:
    """Look into a file as if it were uploaded to the target, and refuse it; False: it is there already."""
    (_, _), existing = _admitted(view, principal, route, file)
    if existing:
        return False
    if installation.blobs.size(file.sha256) != file.size:
        raise _lost(file)
    with installation.blobs.incoming(file.size) as draft:
        with installation.blobs.open(file.sha256) as stored:
            shutil.copyfileobj(stored, draft, 2**20)
        if (draft.sha256, draft.size) != (file.sha256, file.size):
            raise _lost(file)
        inspected(installation, view, route.target, file.dist, draft, file.origin)
    return True


def _promoted(
    installation: Installation,
    principal: Principal | None,
    route: Route,
    seen: tuple[View, Sequence[File], Mapping[str, Beside]],
    writing: Writing,
) -> tuple[tuple[File, ...], tuple[File, ...]]:
    """Decide once more, now that it counts, and record.

    Raises:
        Moved: the source, or the policy, is another one than was looked at.
    """
    view, files, kept = seen
    if list(_offered(writing, principal, route)) != list(files):
        raise Moved("The release changed while it was looked at")
    if writing.policy.commit != view.policy.commit:
        raise Moved("The policy changed while the files were looked into")
    entered, there = [], []
    for file in files:
        by, existing = _admitted(writing, principal, route, file)
        if existing:
            there.append(existing)
            continue
        if file.filename not in kept:
            raise Moved("A file that was there already, and not looked into, went meanwhile")
        accept(Entrant(route.target, file.dist, file.sha256, file.size), {}, writing)
        if installation.blobs.size(file.sha256) != file.size:
            raise _lost(file)
        new = replace(file, uploaded=writing.now, decision=by[1], promoted=Promotion(route.source, by[0]))
        said = _facts(route.source, file.origin, by[0])
        who = replace(by[0], verified={}, declared={}, resolved={}), by[1]
        enter(writing, "promote", route.target, new, kept[file.filename], by=who, more=said)
        entered.append(new)
    return tuple(entered), tuple(there)


def _lost(file: File) -> Unavailable:
    return Unavailable(f"The artifact of {file.filename} is lost or damaged; 'waybill scrub' tells what to do")


def _facts(source: RegistryName, origin: Origin, promoter: Origin) -> Iterator[Trailer]:
    """Say where the file came from: what is asked of a pipeline must also find what it made here."""
    yield Trailer("Promoted-From", source)
    yield Trailer("Published-By", origin.principal)
    yield Trailer("Published-Trust", origin.trust)
    yield from (Trailer(name, value) for name, value in origin.verified.items())
    yield from (Trailer(f"Resolved-{name}", value) for name, value in origin.resolved.items())
    yield from (Trailer(f"Declared-{name}", value) for name, value in origin.declared.items())
    yield from (Trailer(f"Promoter-{name}", value) for name, value in promoter.verified.items())
