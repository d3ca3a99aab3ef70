"""The policy at one commit: its files, read when first asked for and kept as long as the commit is."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from registry.names import ProjectName, RegistryName
from registry.policy import parse
from registry.policy.case import Case
from registry.policy.content import Content, Files, Memory
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


class Policy:
    """What the reviewed files of one commit say.

    Every method that reads a file raises `BadFile` when it cannot be used: the caller denies what depends on it.
    """

    def __init__(self, files: Files, memory: Memory | None = None) -> None:
        """Nothing is read yet.

        Args:
            files: of the commit.
            memory: shared with policies that this one is compared with; None: it is read alone.
        """
        self._files = files
        self._memory = memory
        self._folders: dict[str, Mapping[str, Content]] = {}
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

    def teams(self) -> list[str]:
        """List the teams by name."""
        return self._stems("teams")

    def linked_repositories(self) -> list[str]:
        """List the linked repositories by name."""
        return self._stems("repositories")

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
        return [RegistryName(name) for name, found in sorted(self._entries("registries").items()) if found.folder]

    def declared(self, registry: RegistryName) -> list[ProjectName]:
        """List the projects that have a file of their own."""
        return [ProjectName(stem) for stem in self._stems(f"registries/{registry}/projects")]

    def declares(self, registry: RegistryName, name: ProjectName) -> bool:
        """Tell whether a project has a file of its own, also one that cannot be read."""
        found = self._entries(f"registries/{registry}/projects").get(f"{name}.yaml")
        return found is not None and not found.folder

    def cases(self, name: str) -> tuple[Case, ...]:
        """Read one file of cases; none where there is no such file."""
        return self._parsed(f"cases/{name}.yaml", lambda text, file: parse.cases(text, file, name)) or ()

    def files_of_cases(self) -> list[str]:
        """List the files of cases by name."""
        return self._stems("cases")

    def content(self, path: str) -> str:
        """Give the id of what is in a file or folder, equal where the content is; empty where there is none."""
        folder, _, name = path.rpartition("/")
        found = self._entries(folder).get(name)
        return found.id if found else ""

    def entries(self, folder: str = "") -> Mapping[str, Content]:
        """List a folder by name, with all that lies in it; the root is ''."""
        return self._entries(folder)

    def texts(self, folder: str, ending: str) -> dict[str, bytes]:
        """Read the files of a folder whose names end in a certain way, by path."""
        names = sorted(n for n, found in self._entries(folder).items() if n.endswith(ending) and not found.folder)
        paths = [f"{folder}/{name}" if folder else name for name in names]
        read = {path: self._files.read(path) for path in paths}
        return {path: text for path, text in read.items() if text is not None}

    def problems(self) -> list[Problem]:
        """Read every file and list what would have to be repaired, for health and for whoever changed something."""
        found: list[Problem] = []
        for read in self.readers():
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

    def derived_from(self, folders: tuple[str, ...], what: str, make: Callable[[], T]) -> T:
        """Keep what follows from some folders alone, also for those policies that share this one's memory.

        Args:
            folders: everything that is looked at lies in them.
            what: names it, unlike any other.
            make: makes it; what it raises is passed on, and nothing is kept.
        """
        if self._memory is None:
            return make()
        ids = [self.content(path) for path in folders]
        return self._memory.derived.get((what, *folders, *ids), make)  # type: ignore[no-any-return]  # as below

    def readers(self) -> Iterator[Callable[[], Any]]:
        """Give for every file that says something the call that reads it."""
        yield self.organization
        yield self.accounts
        yield from (partial(self.team, name) for name in self.teams())
        yield from (partial(self.linked_repository, name) for name in self.linked_repositories())
        yield from (partial(self.cases, name) for name in self.files_of_cases())
        for registry in self.registries():
            yield partial(self.registry, registry)
            yield from (partial(self.project, registry, project) for project in self.declared(registry))

    def _stems(self, folder: str) -> list[str]:
        return sorted(n.removesuffix(".yaml") for n in self._entries(folder) if n.endswith(".yaml"))

    def _entries(self, folder: str) -> Mapping[str, Content]:
        if folder not in self._folders:
            self._folders[folder] = self._files.entries(folder)
        return self._folders[folder]

    def _parsed(self, path: str, parser: Callable[[bytes, str], T]) -> T | None:
        """Parse a file once; a bad one is remembered too and raised each time it is asked for."""
        if path not in self._read:
            if self._memory is None:
                self._read[path] = self._parse(path, parser)[0]
            else:
                self._read[path] = self._memory.files.get(
                    (path, self.content(path)), lambda: self._parse(path, parser)
                )[0]
        known = self._read[path]
        if isinstance(known, BadFile):
            raise BadFile(known.problems)
        return known  # type: ignore[no-any-return]  # one dict for all kinds: the path decides the type

    def _parse(self, path: str, parser: Callable[[bytes, str], T]) -> tuple[T | BadFile | None, int]:
        """Read a file.

        Returns:
            What it says, None where there is none; and its size.
        """
        text = self._files.read(path)
        if text is None:
            return None, 0
        try:
            return parser(text, path), len(text)
        except BadFile as bad:
            return bad, len(text)


def project_path(registry: RegistryName, project: ProjectName) -> str:
    """Tell where a project's policy file stands, also where it would have to be made."""
    return f"registries/{registry}/projects/{project}.yaml"
