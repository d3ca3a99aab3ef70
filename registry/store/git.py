"""The store on a bare git repository, through dulwich's object plumbing; the only file that imports dulwich.

dulwich reads objects and moves refs; loose objects are written by `loose.py`, because dulwich flushes neither existing
objects nor directories, and treats an empty file left by a crash as the object itself.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from dulwich.errors import NotCommitError, ObjectFormatException
from dulwich.file import FileLocked
from dulwich.objects import Blob, ObjectID, ShaFile, Tree, parse_tree
from dulwich.objects import Commit as GitCommit
from dulwich.refs import Ref
from dulwich.repo import Repo

from registry.durable import Turn, sync_folder
from registry.errors import Invalid, Moved, NotFound, Unavailable
from registry.store import Commit, Entry, NewCommit, Signature, Snapshot
from registry.store.loose import write_objects
from registry.store.paths import Changes, nested
from registry.store.snapshot import TreeSnapshot

FILE_MODE = 0o100644
FOLDER_MODE = 0o040000
CACHED_TREES = 20_000
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
        self._turn = Turn(path / "waybill.lock")
        self._local = threading.local()  # dulwich keeps open packs in plain dicts: one Repo per thread
        self._trees: OrderedDict[str, Mapping[str, Entry]] = OrderedDict()
        self._trees_lock = threading.Lock()

    @classmethod
    def create(cls, path: Path) -> "GitStore":
        """Make the bare git repository; a folder that holds one already is left as it is."""
        if not (path / "HEAD").exists():
            path.mkdir(parents=True, exist_ok=True)
            with Repo.init_bare(str(path), default_branch=b"main") as repo:
                config = repo.get_config()
                for section, values in _CONFIG.items():
                    for key, value in values.items():
                        config.set(section, key, value)
                config.write_to_path()
        return cls(path)

    def lock(self) -> AbstractContextManager[None]:
        """Hold the one writer's place (see the port)."""
        return self._turn.held()

    def head(self, branch: str) -> Snapshot:
        """Read the newest commit of a branch (see the port)."""
        commit = self._repo().refs.read_ref(_ref(branch))
        if commit is None:
            raise NotFound(f"The git repository has no branch '{branch}'; was it made by 'waybill init'?")
        return self.at(commit.decode())

    def at(self, commit: str) -> Snapshot:
        """Read the snapshot of a commit id (see the port)."""
        read = self._commit(commit)
        return TreeSnapshot(self, commit, read.tree.decode(), read.commit_time)

    def history(self, newest: Snapshot) -> Iterator[Commit]:
        """Walk back from a snapshot, newest commit first (see the port)."""
        commit: str | None = newest.id
        while commit is not None:
            read = self._commit(commit)
            yield Commit(commit, read.commit_time, _signature(read.author), read.message.decode("utf-8", "replace"))
            commit = read.parents[0].decode() if read.parents else None

    def append(self, branch: str, parent: Snapshot | None, commits: Sequence[NewCommit]) -> Snapshot:
        """Add commits to a branch in one durable step (see the port)."""
        new: dict[str, ShaFile] = {}
        tip = parent.id if parent else None
        root = self._commit(parent.id).tree.decode() if parent else None
        for commit in commits:
            root = self._changed(root, nested(commit.changes), new) or _add(Tree(), new)
            tip = _add(_git_commit(commit, root, tip), new)
        if tip is None:
            raise ValueError("append() needs at least one commit")
        try:
            write_objects(self.path / "objects", {id_: obj.as_legacy_object() for id_, obj in new.items()})
            self._move(branch, parent.id if parent else None, tip)
        except OSError as error:
            raise Unavailable(
                f"The git repository could not be written ({error.strerror}); nothing was stored"
            ) from error
        return self.at(tip)

    def tree(self, tree_id: str) -> Mapping[str, Entry]:
        """Read one tree object; kept in memory, as ids never change their content."""
        with self._trees_lock:
            known = self._trees.get(tree_id)
            if known is not None:
                self._trees.move_to_end(tree_id)
                return known
        _, raw = self._repo().object_store.get_raw(ObjectID(tree_id.encode()))
        read = {n.decode(): Entry(i.decode(), mode == FOLDER_MODE) for n, mode, i in parse_tree(raw, sha_len=20)}
        with self._trees_lock:
            self._trees[tree_id] = read
            while len(self._trees) > CACHED_TREES:
                self._trees.popitem(last=False)
        return read

    def blob(self, blob_id: str) -> bytes:
        """Read one blob object."""
        return self._repo().object_store.get_raw(ObjectID(blob_id.encode()))[1]

    def _repo(self) -> Repo:
        repo: Repo | None = getattr(self._local, "repo", None)
        if repo is None:
            repo = self._local.repo = Repo(str(self.path))
        return repo

    def _commit(self, commit: str) -> GitCommit:
        try:
            read = self._repo().object_store[ObjectID(commit.encode())]
        except (KeyError, ValueError, AssertionError, NotCommitError, ObjectFormatException):
            read = None
        if not isinstance(read, GitCommit):
            raise NotFound(f"There is no commit {commit!r} in the git repository")
        return read

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
        return self.tree(tree_id)

    def _move(self, branch: str, old: str | None, new: str) -> None:
        refs, ref = self._repo().refs, _ref(branch)

        def swap() -> bool:
            if old is None:  # set_if_equals(None) would overwrite
                return refs.add_if_new(ref, ObjectID(new.encode()))
            return refs.set_if_equals(ref, ObjectID(old.encode()), ObjectID(new.encode()))

        try:
            moved = swap()
        except FileLocked as busy:
            # Callers hold our kernel lock, so nobody alive writes this ref: a killed process left its lock file.
            Path(busy.lockfilename.decode() if isinstance(busy.lockfilename, bytes) else busy.lockfilename).unlink(
                missing_ok=True
            )
            moved = swap()
        if not moved:
            raise Moved(f"Branch '{branch}' moved while the commit was made")
        sync_folder(self.path / "refs" / "heads")


def _ref(branch: str) -> Ref:
    return Ref(b"refs/heads/" + branch.encode())


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
        raise Invalid(
            f"{who.name!a} <{who.email!a}> cannot be an author: control characters and <> are not accepted"
        )
    return f"{who.name} <{who.email}>".encode()


def _signature(raw: bytes) -> Signature:
    name, _, email = raw.decode("utf-8", "replace").partition(" <")
    return Signature(name, email.rstrip(">"))
