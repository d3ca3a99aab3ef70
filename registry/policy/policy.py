"""The policy at one commit: its files, read when first asked for and kept as long as the commit is."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from registry.names import ProjectName, RegistryName
from registry.policy import parse
from registry.policy.files import (
    Account,
    BadFile,
    LinkedRepository,
    Organization,
    Problem,
    ProjectFile,
    RegistryFile,
    Team,
)

T = TypeVar("T")


class Files(Protocol):
    """The files of one commit of branch `main`."""

    @property
    def id(self) -> str:
        """The commit id."""

    def read(self, path: str) -> bytes | None:
        """Read one file; None where there is none."""

    def entries(self, path: str) -> Mapping[str, Any]:
        """List a folder by name; empty where there is none."""


class Policy:
    """What the reviewed files of one commit say.

    Every method that reads a file raises `BadFile` when it cannot be used: the caller denies what depends on it.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._read: dict[str, Any] = {}
        self._derived: dict[str, Any] = {}

    @property
    def commit(self) -> str:
        """The commit of branch `main`, which decisions name."""
        return self._files.id

    def organization(self) -> Organization:
        """Read `waybill.yaml`, without which nothing is allowed."""
        found = self._parsed("waybill.yaml", parse.organization)
        if found is None:
            raise BadFile(
                (Problem("waybill.yaml", 1, "the file is missing; restore it from the history of branch main"),)
            )
        return found

    def accounts(self) -> Mapping[str, Account]:
        """Read `people.yaml`; nobody where there is none."""
        return self._parsed("people.yaml", parse.people) or {}

    def team(self, name: str) -> Team | None:
        """Read a team; None where there is none."""
        return self._parsed(f"teams/{name}.yaml", lambda text, file: parse.team(text, file, name))

    def linked_repository(self, name: str) -> LinkedRepository | None:
        """Read a linked repository; None where there is none."""
        path = f"repositories/{name}.yaml"
        return self._parsed(path, lambda text, file: parse.linked_repository(text, file, name))

    def registry(self, name: RegistryName) -> RegistryFile | None:
        """Read a registry; None where there is none."""
        path = f"registries/{name}/registry.yaml"
        return self._parsed(path, lambda text, file: parse.registry_file(text, file, name))

    def project(self, registry: RegistryName, name: ProjectName) -> ProjectFile | None:
        """Read what a project's own file says; None where it has none."""
        return self._parsed(project_path(registry, name), lambda text, file: parse.project_file(text, file, name))

    def registries(self) -> list[RegistryName]:
        """List the registries by the name of their folder."""
        found = sorted(self._files.entries("registries"))
        return [RegistryName(name) for name in found if self._files.entries(f"registries/{name}")]

    def declared(self, registry: RegistryName) -> list[ProjectName]:
        """List the projects that have a file of their own."""
        return [ProjectName(stem) for stem in self._stems(f"registries/{registry}/projects")]

    def problems(self) -> list[Problem]:
        """Read every file and list what would have to be repaired, for health and for whoever changed something."""
        found: list[Problem] = []
        for read in self._all():
            try:
                read()
            except BadFile as bad:
                found.extend(bad.problems)
        return found

    def derived(self, what: str, make: Callable[[], T]) -> T:
        """Keep what follows from the files of this commit alone, made when first asked for.

        Args:
            what: names it, unlike any other.
            make: makes it; what it raises is passed on, and nothing is kept.
        """
        if what not in self._derived:
            self._derived[what] = make()
        return self._derived[what]  # type: ignore[no-any-return]  # as below

    def _all(self) -> Iterator[Callable[[], object]]:
        yield self.organization
        yield self.accounts
        yield from (partial(self.team, name) for name in self._stems("teams"))
        yield from (partial(self.linked_repository, name) for name in self._stems("repositories"))
        for registry in self.registries():
            yield partial(self.registry, registry)
            yield from (partial(self.project, registry, project) for project in self.declared(registry))

    def _stems(self, folder: str) -> list[str]:
        return sorted(n.removesuffix(".yaml") for n in self._files.entries(folder) if n.endswith(".yaml"))

    def _parsed(self, path: str, parser: Callable[[bytes, str], T]) -> T | None:
        """Parse a file once; a bad one is remembered too and raised each time it is asked for."""
        if path not in self._read:
            text = self._files.read(path)
            try:
                self._read[path] = None if text is None else parser(text, path)
            except BadFile as bad:
                self._read[path] = bad
        known = self._read[path]
        if isinstance(known, BadFile):
            raise BadFile(known.problems)
        return known  # type: ignore[no-any-return]  # one dict for all kinds: the path decides the type


def project_path(registry: RegistryName, project: ProjectName) -> str:
    """Tell where a project's policy file stands, also where it would have to be made."""
    return f"registries/{registry}/projects/{project}.yaml"
