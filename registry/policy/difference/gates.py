"""Switches of registries and projects compared: what lets more through than before, and what less."""

from collections.abc import Iterator

from registry.names import ProjectName, RegistryName
from registry.policy.addresses import joined
from registry.policy.difference.pipelines import pipelines
from registry.policy.difference.settings import settings
from registry.policy.difference.shifts import Direction, Opened, Shift, frozen, ordered
from registry.policy.files import ProjectFile, Publisher, RegistryFile, Statement, Upstream
from registry.policy.given import readable
from registry.policy.known_as import Address, System
from registry.policy.policy import Policy, project_path
from registry.policy.roles import Role

_REPUBLISH = ("never", "same-bytes", "allowed")  # from narrow to wide
_DECLARED = "declared"


def gates(before: Policy, after: Policy) -> list[Shift]:
    """List what changed beside rights and offices: the organization first, then registry by registry."""
    shifts = settings(before, after)
    for name in sorted({*before.registries(), *after.registries()}):
        folder = f"registries/{name}"
        if before.content(folder) != after.content(folder):
            shifts += _registry(name, readable(before.registry, name), readable(after.registry, name))
            shifts += _groups(name, before, after)
            shifts += _projects(name, before, after)
    return shifts


def _registry(name: RegistryName, old: RegistryFile | None, new: RegistryFile | None) -> Iterator[Shift]:
    what = f"registry {name}"
    if old is None or new is None:
        if new:
            of = f" of {', '.join(map(_source, new.upstreams))}" if new.upstreams else ""
            yield Shift(Direction.OTHER, what, None, f"{new.visibility}, {new.kind}{of}", new.statement)
            yield from _known_as(what, (), new)
            yield from pipelines(what, (), new.publishers)
        elif old:
            yield Shift(Direction.NARROWER, what, f"{old.visibility}, {old.kind}", None, old.statement)
            yield from pipelines(what, old.publishers, ())
        return
    yield from frozen(f"{what}: ", old.frozen, new.frozen)
    if old.kind != new.kind:
        opens = Opened(name, None) if new.kind == "source" else None
        yield Shift(Direction.OTHER, f"{what}: kind", old.kind, new.kind, new.kind_statement, opens, gate=True)
    if old.projects != new.projects:
        wider = old.projects == _DECLARED
        direction = Direction.WIDER if wider else Direction.NARROWER
        opens = Opened(name, None) if wider else None
        yield Shift(
            direction, f"{what}: projects", old.projects, new.projects, new.projects_statement, opens, gate=True
        )
    if old.republish != new.republish:
        direction = ordered(_REPUBLISH.index(old.republish), _REPUBLISH.index(new.republish))
        yield Shift(direction, f"{what}: republish", old.republish, new.republish, new.statement)
    if old.closes_after_days != new.closes_after_days:
        never = 10**9  # days: left out, a release takes files for ever
        direction = ordered(old.closes_after_days or never, new.closes_after_days or never)
        was, now = (str(side.closes_after_days) if side.closes_after_days else None for side in (old, new))
        yield Shift(direction, f"{what}: closes_after_days", was, now, new.statement)
    if set(old.accepts) != set(new.accepts):
        yield _accepts(what, set(old.accepts), set(new.accepts), new.statement)
    yield from _upstreams(what, old, new)
    yield from _known_as(what, old.known_as, new)
    yield from pipelines(what, old.publishers, new.publishers)


def _accepts(what: str, had: set[str], have: set[str], place: Statement) -> Shift:
    """Compare what may be published though PyPI would refuse it."""
    direction = Direction.WIDER if had < have else Direction.NARROWER if have < had else Direction.OTHER
    was, now = (", ".join(sorted(side)) or "nothing" for side in (had, have))
    return Shift(direction, f"{what}: accepts", was, now, place)


def _upstreams(what: str, old: RegistryFile, new: RegistryFile) -> Iterator[Shift]:
    """Compare where projects are taken from, and whose a name is there."""
    had, have = ([_source(u) for u in found.upstreams] for found in (old, new))
    if had == have:
        return
    direction = Direction.OTHER
    if set(had) < set(have):
        direction = Direction.WIDER
    elif set(have) < set(had):
        direction = Direction.NARROWER
    yield Shift(direction, f"{what}: upstreams", ", ".join(had) or None, ", ".join(have) or None, new.statement)


def _known_as(what: str, old: tuple[Address, ...], new: RegistryFile) -> Iterator[Shift]:
    """Compare other addresses: who asks there gets the packages of this registry, or gets nothing any more."""
    had, have = (
        {f"{one.system.value} {one.text}" for one in side if one.system is not System.GITLAB_GROUP}
        for side in (old, new.known_as)
    )
    for address in sorted(had ^ have):
        was, now = (address if address in side else None for side in (had, have))
        yield Shift(Direction.OTHER, f"{what}: known_as", was, now, new.statement)


def _groups(name: RegistryName, before: Policy, after: Policy) -> Iterator[Shift]:
    """Compare the GitLab groups it is below: who asks there gets its packages beside those of other registries."""
    new = readable(after.registry, name)
    if new is None:
        return
    for old, now, was, says in ((before, after, None, "joins it"), (after, before, "is below it", "leaves it")):
        for group in joined(old, now, name) if readable(before.registry, name) or says == "joins it" else ():
            yield Shift(Direction.OTHER, f"registry {name}: GitLab group {group}", was, says, new.statement)


def _source(upstream: Upstream) -> str:
    owning = f" (owns {', '.join(upstream.owns)})" if upstream.owns else ""
    return upstream.url or f"registry {upstream.registry}{owning}"


def _projects(registry: RegistryName, before: Policy, after: Policy) -> Iterator[Shift]:
    """Compare the files of a registry's projects, of which most are the same."""
    own = readable(before.registry, registry), readable(after.registry, registry)
    declared = all(found is not None and found.projects == _DECLARED for found in own)
    behind = _publishers(own[0]), _publishers(own[1])
    for name in sorted({*before.declared(registry), *after.declared(registry)}):
        path = project_path(registry, name)
        if before.content(path) != after.content(path):
            old, new = (readable(side.project, registry, name) for side in (before, after))
            shut = [bool(side.content(path)) and found is None for side, found in ((before, old), (after, new))]
            yield from _project(registry, name, (old, new), shut, declared=declared)
            what = f"project {name} in {registry}"
            yield from pipelines(what, _publishers(old), _publishers(new), behind)


def _publishers(found: RegistryFile | ProjectFile | None) -> tuple[Publisher, ...]:
    return found.publishers if found else ()


def _project(
    registry: RegistryName,
    name: ProjectName,
    files: tuple[ProjectFile | None, ProjectFile | None],
    shut: list[bool],
    *,
    declared: bool,
) -> Iterator[Shift]:
    """Compare what one project's file says; one that cannot be read lets nobody do anything."""
    old, new = files
    what = f"project {name} in {registry}"
    place = Statement(project_path(registry, name), "", 1)
    if shut[0] != shut[1]:
        direction = Direction.NARROWER if shut[1] else Direction.WIDER
        was, now = ("cannot be read" if closed else "can be read" for closed in shut)
        yield Shift(direction, what, was, now, place, None if shut[1] else Opened(registry, name, Role.READ), gate=True)
    elif declared and (old is None) != (new is None):
        yield Shift(
            Direction.WIDER if new else Direction.NARROWER,
            f"{what}: {_DECLARED}",
            None if old is None else "yes",
            None if new is None else "yes",
            place,
            gate=True,
        )
    had, have = (bool(found and found.protected) for found in files)
    if had != have and not (declared and None in files):
        said = (new and new.protected_statement) or place
        was, now = ("true" if protected else "false" for protected in (had, have))
        direction = Direction.NARROWER if have else Direction.WIDER
        yield Shift(direction, f"{what}: protected", was, now, said, Opened(registry, name) if had else None, gate=True)
