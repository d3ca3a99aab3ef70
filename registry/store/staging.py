"""Commits that are made and not yet written: the objects of each, on top of those that are stored."""

import hashlib
from collections.abc import Mapping

from registry.errors import Invalid
from registry.store import Entry, NewCommit, Signature, Snapshot
from registry.store.objects import GitObjects
from registry.store.packfile import BLOB, COMMIT, NAMES, TREE, Raw
from registry.store.paths import Changes, nested
from registry.store.snapshot import TreeSnapshot
from registry.store.trees import Tree


class Staging:
    """A branch as it will be, which nobody else sees."""

    def __init__(self, stored: GitObjects, parent: Snapshot | None) -> None:
        self._stored = stored
        self._root = stored.commit(parent.id).tree.decode() if parent else None
        self.objects: dict[str, Raw] = {}
        self.trees: dict[str, Tree] = {}
        self.tip = parent.id if parent else None

    def add(self, *commits: NewCommit) -> Snapshot:
        """Make commits on top of those before them.

        Raises:
            Invalid: a path cannot be stored, or a name cannot be an author; the branch is as it was.
        """
        before = self._root, self.tip
        try:
            return [self._add(commit) for commit in commits][-1]
        except Invalid:
            self._root, self.tip = before
            raise

    def _add(self, commit: NewCommit) -> Snapshot:
        making = _Making(self)
        root = making.folder(self._root, nested(commit.changes)) or making.tree(Tree([]))
        tip = making.keep(COMMIT, _commit(commit, root, self.tip))
        self.objects.update(making.objects)
        self.trees.update(making.trees)
        self._root, self.tip = root, tip
        return TreeSnapshot(self, tip, root, commit.time)

    def tree(self, tree_id: str) -> Mapping[str, Entry]:
        """Read one folder."""
        return self.folder(tree_id).entries

    def folder(self, tree_id: str) -> Tree:
        """Read one folder as git has it."""
        return self.trees[tree_id] if tree_id in self.trees else self._stored.folder(tree_id)

    def blob(self, blob_id: str) -> bytes:
        """Read one file's content."""
        made = self.objects.get(blob_id)
        return made[1] if made else self._stored.blob(blob_id)


class _Making:
    """The objects of one commit, until all of it is known to be good."""

    def __init__(self, below: Staging) -> None:
        self._below = below
        self.objects: dict[str, Raw] = {}
        self.trees: dict[str, Tree] = {}

    def keep(self, kind: int, content: bytes) -> str:
        header = b"%s %d\0" % (NAMES[kind], len(content))
        object_id = hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
        self.objects[object_id] = (kind, content)
        return object_id

    def tree(self, tree: Tree) -> str:
        object_id = self.keep(TREE, tree.raw())
        self.trees[object_id] = tree
        return object_id

    def folder(self, tree_id: str | None, changes: Changes) -> str | None:
        """Make a tree with changes applied, and those below it; None when nothing is left in it."""
        old = self._below.folder(tree_id) if tree_id else Tree([])
        new: dict[str, Entry | None] = {}
        for name, change in changes.items():
            before = old.entries.get(name)
            if isinstance(change, bytes):
                if before and before.folder:
                    raise Invalid(f"'{name}' is a folder and cannot be overwritten by a file")
                new[name] = Entry(self.keep(BLOB, change), folder=False)
            elif change is None:
                new[name] = None
            else:
                if before and not before.folder:
                    raise Invalid(f"'{name}' is a file and cannot hold files")
                below = self.folder(before.id if before else None, change)
                new[name] = Entry(below, folder=True) if below else None
        made = old.changed(new)
        return self.tree(made) if len(made) else None


def _commit(commit: NewCommit, tree: str, parent: str | None) -> bytes:
    """Write a commit as git stores it (gitformat-commit: headers, an empty line, the message); times are UTC."""
    lines = [f"tree {tree}"]
    if parent:
        lines.append(f"parent {parent}")
    lines.append(f"author {_identity(commit.author)} {commit.time} +0000")
    lines.append(f"committer {_identity(commit.committer)} {commit.time} +0000")
    return "\n".join([*lines, "", commit.message]).encode()


def _identity(who: Signature) -> str:
    text = who.name + who.email
    if not text.isprintable() or "<" in text or ">" in text:
        raise Invalid(f"{who.name!a} <{who.email!a}> cannot be an author: control characters and <> are not accepted")
    return f"{who.name} <{who.email}>"
