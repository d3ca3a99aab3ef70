"""Which files two policies differ in, and what kind of file each is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from registry.names import ProjectName, RegistryName
from registry.policy.content import Content
from registry.policy.policy import Policy


class Kind(Enum):
    """What a path of the policy says something about."""

    ORGANIZATION = "organization"
    PEOPLE = "people"
    TEAM = "team"
    LINKED_REPOSITORY = "linked repository"
    REGISTRY = "registry"
    PROJECT = "project"
    CASES = "cases"
    BESIDE = "beside"  # read by nobody here: README.md, rules/, what a forge keeps


@dataclass(frozen=True, slots=True)
class Object:
    """A file of the policy, by what it is about."""

    path: str
    kind: Kind
    name: str = ""  # of the team, linked repository, registry, project or file of cases
    registry: str = ""  # the one whose folder it is in

    @property
    def of_registry(self) -> RegistryName:
        """The registry, as a name to ask the policy for."""
        return RegistryName(self.registry)

    @property
    def of_project(self) -> ProjectName:
        """The project, as a name to ask the policy for."""
        return ProjectName(self.name)

    def said(self, policy: Policy) -> Any:
        """Read what the file says in a policy; None where there is none, or nothing that a right can stand in.

        Raises:
            BadFile: it cannot be read.
        """
        read: dict[Kind, Callable[[], Any]] = {
            Kind.ORGANIZATION: policy.organization,
            Kind.PEOPLE: policy.accounts,
            Kind.TEAM: lambda: policy.team(self.name),
            Kind.LINKED_REPOSITORY: lambda: policy.linked_repository(self.name),
            Kind.REGISTRY: lambda: policy.registry(self.of_registry),
            Kind.PROJECT: lambda: policy.project(self.of_registry, self.of_project),
        }
        return read[self.kind]() if self.kind in read else None


_FILES = {"waybill.yaml": Kind.ORGANIZATION, "people.yaml": Kind.PEOPLE}
_FOLDERS = {"teams": Kind.TEAM, "repositories": Kind.LINKED_REPOSITORY, "cases": Kind.CASES}


def object_at(path: str) -> Object:
    """Tell what a file of the policy is about, by its path alone."""
    match path.split("/"):
        case [file] if file in _FILES:
            return Object(path, _FILES[file])
        case [folder, file] if folder in _FOLDERS and file.endswith(".yaml"):
            return Object(path, _FOLDERS[folder], file.removesuffix(".yaml"))
        case ["registries", registry, "registry.yaml"]:
            return Object(path, Kind.REGISTRY, registry, registry)
        case ["registries", registry, "projects", file] if file.endswith(".yaml"):
            return Object(path, Kind.PROJECT, file.removesuffix(".yaml"), registry)
        case ["registries", registry, _, *_]:
            return Object(path, Kind.BESIDE, registry=registry)
    return Object(path, Kind.BESIDE)


def touched(before: Policy, after: Policy) -> list[Object]:
    """List what is added, changed or removed between two policies, by path."""
    return [object_at(path) for path in sorted({*_different(before, after, "")})]


def every_path(policy: Policy, folder: str = "") -> Iterator[str]:
    """List all files of a policy, also those that mean nothing to it."""
    for name, entry in policy.entries(folder).items():
        path = f"{folder}/{name}" if folder else name
        if entry.folder:
            yield from every_path(policy, path)
        else:
            yield path


def _different(before: Policy, after: Policy, folder: str) -> Iterator[str]:
    old, new = before.entries(folder), after.entries(folder)
    for name in {**old, **new}:
        one, other = old.get(name), new.get(name)
        if one is not None and other is not None and (one.id, one.folder) == (other.id, other.folder):
            continue
        path = f"{folder}/{name}" if folder else name
        if one and other and one.folder and other.folder:
            yield from _different(before, after, path)
        else:
            yield from (*_below(before, path, one), *_below(after, path, other))


def _below(policy: Policy, path: str, entry: Content | None) -> Iterator[str]:
    """List the files that an entry stands for."""
    if entry is None:
        return
    if entry.folder:
        yield from every_path(policy, path)
    else:
        yield path
