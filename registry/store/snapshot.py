"""Reading a commit's files by walking its trees; the same for every store that keeps content by id."""

from collections.abc import Mapping
from typing import Protocol

from registry.store import Entry


class Objects(Protocol):
    """Content by id: what never changes once written."""

    def tree(self, tree_id: str) -> Mapping[str, Entry]:
        """Read one folder."""

    def blob(self, blob_id: str) -> bytes:
        """Read one file's content."""


class TreeSnapshot:
    """All files of a branch at one commit (see the port)."""

    def __init__(self, objects: Objects, commit: str, tree: str, time: int) -> None:
        self._objects = objects
        self._id = commit
        self._tree = tree
        self._time = time

    @property
    def id(self) -> str:
        """The commit id."""
        return self._id

    @property
    def time(self) -> int:
        """When it was committed, seconds since the epoch."""
        return self._time

    def read(self, path: str) -> bytes | None:
        """Read one file; None where there is none."""
        entry = self.entry(path)
        return self._objects.blob(entry.id) if entry and not entry.folder else None

    def entry(self, path: str) -> Entry | None:
        """Look up a file or folder; None where there is none."""
        found = Entry(self._tree, folder=True)
        for name in path.split("/") if path else ():
            below = self._objects.tree(found.id).get(name) if found.folder else None
            if below is None:
                return None
            found = below
        return found

    def entries(self, path: str) -> Mapping[str, Entry]:
        """List a folder by name; empty where there is none."""
        entry = self.entry(path)
        return self._objects.tree(entry.id) if entry and entry.folder else {}
