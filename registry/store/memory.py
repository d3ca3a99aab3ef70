"""The store in a dict: the same promises without a disk, for tests of what stands on a store."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from registry.durable import LOCK_PATIENCE
from registry.errors import Invalid, Moved, NotFound, Unavailable
from registry.store import Batch, Commit, Entry, NewCommit, Snapshot, Store
from registry.store.paths import Changes, nested
from registry.store.snapshot import TreeSnapshot


class _Made(NamedTuple):
    parent: str | None
    tree: str
    shown: Commit  # what the log shows


class MemoryStore(Store):
    """The versioned files of one organization, gone with the process."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._blobs: dict[str, bytes] = {}
        self._trees: dict[str, Mapping[str, Entry]] = {}
        self._commits: dict[str, _Made] = {}
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
        return self.snapshot(self._commits[commit])

    def batch(self, branch: str, parent: Snapshot | None) -> Batch:
        """Begin commits that are flushed together (see the port)."""
        return _MemoryBatch(self, branch, self._commits[parent.id] if parent else None)

    def move(self, branch: str, parent: Snapshot, commit: str) -> Snapshot:
        """Move a branch to a commit that is there already (see the port)."""
        there = self.at(commit)
        if self._heads.get(branch) != parent.id:
            raise Moved(f"Branch '{branch}' moved meanwhile")
        self._heads[branch] = commit
        return there

    def history(self, newest: Snapshot) -> Iterator[Commit]:
        """Walk back from a snapshot, newest commit first (see the port)."""
        commit: str | None = newest.id
        while commit is not None:
            parent, _, shown = self._commits[commit]
            yield shown
            commit = parent

    def branches(self, folder: str) -> Mapping[str, str]:
        """List the branches of a folder (see the port)."""
        found = {name.partition("/"): tip for name, tip in self._heads.items()}
        return {name: tip for (above, _, name), tip in found.items() if above == folder and name}

    def drop(self, branch: str, tip: str) -> bool:
        """Remove a branch that is at this commit (see the port)."""
        if self._heads.get(branch, tip) != tip:
            return False
        self._heads.pop(branch, None)
        return True

    def lock(self, patience: float = LOCK_PATIENCE) -> AbstractContextManager[None]:
        """Hold the one writer's place (see the port)."""
        return self._held(patience)

    def tree(self, tree_id: str) -> Mapping[str, Entry]:
        """Read one folder."""
        return self._trees[tree_id]

    def blob(self, blob_id: str) -> bytes:
        """Read one file's content."""
        return self._blobs[blob_id]

    def snapshot(self, made: _Made) -> Snapshot:
        """See the files of a commit, whether or not a branch holds it."""
        return TreeSnapshot(self, made.shown.id, made.tree, made.shown.time)

    def changed(self, tree_id: str | None, changes: Changes) -> str:
        """Keep a tree with changes applied."""
        return self._changed(tree_id, changes) or self._keep_tree({})

    def extend(self, branch: str, old: str | None, commits: list[_Made]) -> None:
        """Move a branch over commits made for it."""
        if self._heads.get(branch) != old:
            raise Moved(f"Branch '{branch}' moved while the commit was made")
        self._commits.update({made.shown.id: made for made in commits})
        self._heads[branch] = commits[-1].shown.id

    @contextmanager
    def _held(self, patience: float) -> Iterator[None]:
        if not self._turn.acquire(timeout=patience):
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


class _MemoryBatch:
    """Commits that no branch holds yet (see the port)."""

    def __init__(self, store: MemoryStore, branch: str, parent: _Made | None) -> None:
        self._store = store
        self._branch = branch
        self._parent = parent
        self._made: list[_Made] = []

    def add(self, *commits: NewCommit) -> Snapshot:
        """Make the next commits (see the port)."""
        before = len(self._made)
        try:
            return [self._add(commit) for commit in commits][-1]
        except Invalid:
            del self._made[before:]
            raise

    def _add(self, commit: NewCommit) -> Snapshot:
        last = self._made[-1] if self._made else self._parent
        tree = self._store.changed(last.tree if last else None, nested(commit.changes))
        parent = last.shown.id if last else None
        made = _id(f"{tree} {parent} {commit.time} {commit.author} {commit.message}".encode())
        parents = (parent,) if parent else ()
        self._made.append(_Made(parent, tree, Commit(made, commit.time, commit.author, commit.message, parents)))
        return self._store.snapshot(self._made[-1])

    def flush(self) -> Snapshot:
        """Move the branch over all that was added (see the port)."""
        self._store.extend(self._branch, self._parent.shown.id if self._parent else None, self._made)
        return self._store.head(self._branch)


def _id(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
