"""The store on a bare git repository, from snapshot to durable commit.

dulwich makes and reads objects (`objects.py`). `loose.py` writes them, because dulwich flushes neither existing objects
nor directories and takes an empty file left by a crash for the object itself; `refs.py` keeps the branches.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from dulwich.objects import Blob, ObjectID, ShaFile, Tree
from dulwich.objects import Commit as GitCommit
from dulwich.repo import Repo

from registry.durable import Turn, make_folders, sync_all
from registry.errors import Invalid, Moved, NotFound, Unavailable
from registry.store import Commit, Entry, NewCommit, Signature, Snapshot
from registry.store.loose import write_objects
from registry.store.objects import FILE_MODE, FOLDER_MODE, GitObjects
from registry.store.paths import Changes, nested
from registry.store.refs import Branches
from registry.store.snapshot import TreeSnapshot

LOCK = "waybill.lock"
_ID = re.compile(r"[0-9a-f]{40}")
# What git runs for each branch a push would move; a push by hand to the ledger would be a fact nobody verified.
_UPDATE_HOOK = """\
#!/bin/sh
if [ "$1" = refs/heads/main ]; then exit 0; fi
echo "waybill: $1 takes no pushes: people push branch main, the server alone writes the ledger" >&2
exit 1
"""
_CONFIG = {
    (b"core",): {b"fsync": b"all", b"fsyncMethod": b"fsync"},  # what C git writes here
    (b"gc",): {b"auto": b"0"},  # packing is maintenance under our lock, never a side effect of a push
    (b"receive",): {b"denyNonFastForwards": b"true", b"denyDeletes": b"true", b"fsckObjects": b"true"},
    (b"transfer",): {b"fsckObjects": b"true"},
}


class GitStore:
    """The versioned files of one organization in one bare git repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = GitObjects(path)
        self._turn = Turn(path / LOCK)
        self._branches = Branches(path)

    @classmethod
    def create(cls, path: Path) -> "GitStore":
        """Make the bare git repository; a folder that holds one already is left as it is."""
        if not (path / "HEAD").exists():
            make_folders(path)
            with Repo.init_bare(str(path), default_branch=b"main") as repo:
                config = repo.get_config()
                for section, values in _CONFIG.items():
                    for key, value in values.items():
                        config.set(section, key, value)
                config.write_to_path()
            hook = path / "hooks" / "update"
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(_UPDATE_HOOK)
            hook.chmod(0o755)
            sync_all(path)
        return cls(path)

    def lock(self) -> AbstractContextManager[None]:
        """Hold the one writer's place (see the port)."""
        return self._turn.held()

    def head(self, branch: str) -> Snapshot:
        """Read the newest commit of a branch (see the port)."""
        tip = self._branches.tip(branch)
        if tip is None:
            raise NotFound(f"The git repository has no branch '{branch}'; was it made by 'waybill init'?")
        return self._snapshot(tip)

    def at(self, commit: str) -> Snapshot:
        """Read the snapshot of a commit id (see the port)."""
        if not (_ID.fullmatch(commit) and self.objects.is_commit(commit)):
            raise NotFound(f"There is no commit {commit[:40]!a} in the git repository")
        return self._snapshot(commit)

    def history(self, newest: Snapshot) -> Iterator[Commit]:
        """Walk back from a snapshot, newest commit first (see the port)."""
        commit: str | None = newest.id
        while commit is not None:
            read = self.objects.commit(commit)
            yield Commit(commit, read.commit_time, _signature(read.author), read.message.decode("utf-8", "replace"))
            commit = read.parents[0].decode() if read.parents else None

    def append(self, branch: str, parent: Snapshot | None, commits: Sequence[NewCommit]) -> Snapshot:
        """Add commits to a branch in one durable step (see the port)."""
        new: dict[str, ShaFile] = {}
        tip = parent.id if parent else None
        root = self.objects.commit(parent.id).tree.decode() if parent else None
        for commit in commits:
            root = self._changed(root, nested(commit.changes), new) or _add(Tree(), new)
            tip = _add(_git_commit(commit, root, tip), new)
        if tip is None:
            raise ValueError("append() needs at least one commit")
        try:
            write_objects(self.path / "objects", {id_: obj.as_legacy_object() for id_, obj in new.items()})
            moved = self._branches.move(branch, parent.id if parent else None, tip)
        except OSError as error:
            raise Unavailable(
                f"The git repository could not be written ({error.strerror}); try again, once more does no harm"
            ) from error
        if not moved:
            raise Moved(f"Branch '{branch}' moved while the commit was made")
        return self._snapshot(tip)

    def _snapshot(self, commit: str) -> Snapshot:
        read = self.objects.commit(commit)
        return TreeSnapshot(self.objects, commit, read.tree.decode(), read.commit_time)

    def _changed(self, tree_id: str | None, changes: Changes, new: dict[str, ShaFile]) -> str | None:
        """Write a tree with changes applied, and those below it; None when nothing is left in it."""
        old = dict(self._new_or_stored(tree_id, new)) if tree_id else {}
        for name, change in changes.items():
            before = old.pop(name, None)
            if isinstance(change, bytes):
                if before and before.folder:
                    raise Invalid(f"'{name}' is a folder and cannot be overwritten by a file")
                old[name] = Entry(_add(Blob.from_string(change), new), folder=False)
            elif change is not None:
                if before and not before.folder:
                    raise Invalid(f"'{name}' is a file and cannot hold files")
                below = self._changed(before.id if before else None, change, new)
                if below:
                    old[name] = Entry(below, folder=True)
        if not old:
            return None
        tree = Tree()
        for name, entry in old.items():
            tree.add(name.encode(), FOLDER_MODE if entry.folder else FILE_MODE, ObjectID(entry.id.encode()))
        tree.check()
        return _add(tree, new)

    def _new_or_stored(self, tree_id: str, new: Mapping[str, ShaFile]) -> Mapping[str, Entry]:
        made = new.get(tree_id)
        if isinstance(made, Tree):
            return {i.path.decode(): Entry(i.sha.decode(), i.mode == FOLDER_MODE) for i in made.iteritems()}
        return self.objects.tree(tree_id)


def _add(obj: ShaFile, new: dict[str, ShaFile]) -> str:
    id_ = obj.id.decode()
    new[id_] = obj
    return id_


def _git_commit(commit: NewCommit, tree: str, parent: str | None) -> GitCommit:
    made = GitCommit()
    made.tree = ObjectID(tree.encode())
    made.parents = [ObjectID(parent.encode())] if parent else []
    made.author = _identity(commit.author)
    made.committer = _identity(commit.committer)
    made.author_time = made.commit_time = commit.time
    made.author_timezone = made.commit_timezone = 0
    made.encoding = None
    made.message = commit.message.encode()
    return made


def _identity(who: Signature) -> bytes:
    if any(c in "<>" or not c.isprintable() for c in who.name + who.email):
        raise Invalid(f"{who.name!a} <{who.email!a}> cannot be an author: control characters and <> are not accepted")
    return f"{who.name} <{who.email}>".encode()


def _signature(raw: bytes) -> Signature:
    name, _, email = raw.decode("utf-8", "replace").partition(" <")
    return Signature(name, email.rstrip(">"))
