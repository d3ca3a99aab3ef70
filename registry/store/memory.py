"""The store in a dict: the same promises without a disk, for tests of what stands on a store."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from registry.errors import Invalid, Moved, NotFound, Unavailable
from registry.store import Commit, Entry, NewCommit, Snapshot
from registry.store.paths import Changes, nested
from registry.store.snapshot import TreeSnapshot


class MemoryStore:
    """The versioned files of one organization, gone with the process."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._blobs: dict[str, bytes] = {}
        self._trees: dict[str, Mapping[str, Entry]] = {}
        self._commits: dict[str, tuple[str | None, str, Commit]] = {}  # id -> parent, tree, what the log shows
        self._heads: dict[str, str] = {}

    def head(self, branch: str) -> Snapshot:
        """Read the newest commit of a branch (see the port)."""
        if branch not in self._heads:
            raise NotFound(f"There is no branch '{branch}'")
        return self.at(self._heads[branch])

    def at(self, commit: str) -> Snapshot:
        """Read the snapshot of a commit id (see the port)."""
        if commit not in self._commits:
            raise NotFound(f"There is no commit {commit!r}")
        _, tree, shown = self._commits[commit]
        return TreeSnapshot(self, commit, tree, shown.time)

    def history(self, newest: Snapshot) -> Iterator[Commit]:
        """Walk back from a snapshot, newest commit first (see the port)."""
        commit: str | None = newest.id
        while commit is not None:
            parent, _, shown = self._commits[commit]
            yield shown
            commit = parent

    def append(self, branch: str, parent: Snapshot | None, commits: Sequence[NewCommit]) -> Snapshot:
        """Add commits to a branch in one step (see the port)."""
        tip = parent.id if parent else None
        if self._heads.get(branch) != tip:
            raise Moved(f"Branch '{branch}' moved while the commit was made")
        root = self._commits[tip][1] if tip else None
        for commit in commits:
            root = self._changed(root, nested(commit.changes)) or self._keep_tree({})
            made = _id(f"{root} {tip} {commit.time} {commit.author} {commit.message}".encode())
            self._commits[made] = (tip, root, Commit(made, commit.time, commit.author, commit.message))
            tip = made
        if tip is None:
            raise ValueError("append() needs at least one commit")
        self._heads[branch] = tip
        return self.at(tip)

    def lock(self) -> AbstractContextManager[None]:
        """Hold the one writer's place (see the port)."""
        return self._held()

    def tree(self, tree_id: str) -> Mapping[str, Entry]:
        """Read one folder."""
        return self._trees[tree_id]

    def blob(self, blob_id: str) -> bytes:
        """Read one file's content."""
        return self._blobs[blob_id]

    @contextmanager
    def _held(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=30):
            raise Unavailable(
                "Another upload is being committed and has not finished in time; try again in a few seconds"
            )
        try:
            yield
        finally:
            self._turn.release()

    def _changed(self, tree_id: str | None, changes: Changes) -> str | None:
        tree = dict(self._trees[tree_id]) if tree_id else {}
        for name, change in changes.items():
            before = tree.pop(name, None)
            if isinstance(change, bytes):
                if before and before.folder:
                    raise Invalid(f"'{name}' is a folder and cannot be overwritten by a file")
                blob = _id(change)
                self._blobs[blob] = change
                tree[name] = Entry(blob, folder=False)
            elif change is not None:
                if before and not before.folder:
                    raise Invalid(f"'{name}' is a file and cannot hold files")
                below = self._changed(before.id if before else None, change)
                if below:
                    tree[name] = Entry(below, folder=True)
        return self._keep_tree(tree) if tree else None

    def _keep_tree(self, tree: Mapping[str, Entry]) -> str:
        id_ = _id(json.dumps(sorted((name, e.id, e.folder) for name, e in tree.items())).encode())
        self._trees[id_] = tree
        return id_


def _id(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
