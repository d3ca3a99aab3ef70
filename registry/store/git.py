"""The store on a bare git repository, from snapshot to durable commit.

`objects.py` reads objects, by dulwich; `staging.py` makes them and `packs.py` writes them, because dulwich flushes
neither files nor directories and looks through every pack for each it adds; `refs.py` keeps the branches.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import count
from pathlib import Path

from dulwich.config import ConfigFile
from dulwich.repo import Repo

from registry.durable import LOCK_PATIENCE, Turn, make_folders, sync_all
from registry.errors import Moved, NotFound, Unavailable
from registry.store import Batch, Commit, NewCommit, Signature, Snapshot, Store, hooks
from registry.store.merging import FAN, LARGEST_MERGED, QUICK, due, merge
from registry.store.objects import GitObjects
from registry.store.packs import write_pack
from registry.store.refs import Branches
from registry.store.snapshot import TreeSnapshot
from registry.store.staging import Staging

LOCK = "waybill.lock"
MOST_PUSHED = 32 * 2**20  # bytes of one push, packed
_ID = re.compile(r"[0-9a-f]{40}")
_CONFIG = {
    (b"core",): {b"fsync": b"all", b"fsyncMethod": b"fsync"},  # what C git writes here
    (b"gc",): {b"auto": b"0"},  # packing is maintenance under our lock, never a side effect of a push
    (b"receive",): {
        b"denyNonFastForwards": b"true",
        b"denyDeletes": b"true",
        b"fsckObjects": b"true",
        b"unpackLimit": b"1",  # what was pushed stays one pack, which is cheap to refuse
        b"maxInputSize": str(MOST_PUSHED).encode(),
        b"autogc": b"false",
    },
    (b"transfer",): {b"fsckObjects": b"true"},
}


class GitStore(Store):
    """The versioned files of one organization in one bare git repository."""

    def __init__(self, path: Path, arrived: Path | None = None) -> None:
        """Open what is there.

        Args:
            path: the bare git repository.
            arrived: a folder of objects that a push brought and git has not let in yet.
        """
        self.path = path
        self.objects = GitObjects(path, arrived)
        self._packs = path / "objects" / "pack"
        self._turn = Turn(path / LOCK)
        self._branches = Branches(path)
        self._flushes = count()

    @classmethod
    def create(cls, path: Path) -> "GitStore":
        """Make the bare git repository; a folder that holds one already is left as it is."""
        if not (path / "HEAD").exists():
            make_folders(path)
            Repo.init_bare(str(path), default_branch=b"main").close()
            cls(path).equip()
            sync_all(path)
        return cls(path)

    def equip(self) -> None:
        """Set what git and its hooks are to do here, also where an earlier version set something else."""
        with Repo(str(self.path)) as repo:
            config = repo.get_config()
            wanted = [(section, key, value) for section, of in _CONFIG.items() for key, value in of.items()]
            if any(_set_to(config, section, key) != value for section, key, value in wanted):
                for section, key, value in wanted:
                    config.set(section, key, value)
                config.write_to_path()
        hooks.put(self.path)

    def lock(self, patience: float = LOCK_PATIENCE) -> AbstractContextManager[None]:
        """Hold the one writer's place (see the port)."""
        return self._turn.held(patience)

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

    def move(self, branch: str, parent: Snapshot, commit: str) -> Snapshot:
        """Move a branch to a commit that is there already (see the port)."""
        there = self.at(commit)
        try:
            moved = self._branches.move(branch, parent.id, commit)
        except OSError as error:
            raise Unavailable(f"Branch '{branch}' could not be moved ({error.strerror}); try again") from error
        if not moved:
            raise Moved(f"Branch '{branch}' moved meanwhile")
        return there

    def history(self, newest: Snapshot) -> Iterator[Commit]:
        """Walk back from a snapshot, newest commit first (see the port)."""
        commit: str | None = newest.id
        while commit is not None:
            read = self.objects.commit(commit)
            parents = tuple(parent.decode() for parent in read.parents)
            text = read.message.decode("utf-8", "replace")
            yield Commit(commit, read.commit_time, _signature(read.author), text, parents)
            commit = parents[0] if parents else None

    def branches(self, folder: str) -> Mapping[str, str]:
        """List the branches of a folder (see the port)."""
        return self._branches.under(folder)

    def drop(self, branch: str, tip: str) -> bool:
        """Remove a branch that is at this commit (see the port)."""
        try:
            return self._branches.drop(branch, tip)
        except OSError as error:
            raise Unavailable(f"Branch '{branch}' could not be removed ({error.strerror}); try again") from error

    def batch(self, branch: str, parent: Snapshot | None) -> Batch:
        """Begin commits that are flushed together (see the port)."""
        return _GitBatch(self, branch, parent)

    def flush(self, branch: str, parent: str | None, staging: Staging) -> Snapshot:
        """Make staged commits durable and move the branch to the last of them (see the port's `Batch`)."""
        if staging.tip is None or staging.tip == parent:
            raise ValueError("a batch has at least one commit")
        try:
            keep = write_pack(self._packs, staging.objects)
            try:
                moved = self._branches.move(branch, parent, staging.tip)
            finally:
                with suppress(OSError):  # the next start removes it; what was decided stays so
                    keep.unlink()
        except OSError as error:
            raise Unavailable(
                f"The git repository could not be written ({error.strerror}); try again, once more does no harm"
            ) from error
        if not moved:
            raise Moved(f"Branch '{branch}' moved while the commit was made")
        self.objects.keep(staging.objects, staging.trees)
        if next(self._flushes) % FAN == 0:  # sooner, there can hardly be anything to merge
            with suppress(OSError, Unavailable):  # the commits are durable; who writes later tries again
                self._merge(QUICK)
        return self._snapshot(staging.tip)

    def consolidate(self) -> None:
        """Merge packs that have become many, also large ones, beside running uploads; the caller holds no lock.

        Without it, and without C git repacking, their number grows by one per some hundred uploads.

        Raises:
            Unavailable: the disk refused, or a pack is damaged; nothing was lost.
        """
        try:
            self._merge(LARGEST_MERGED, self.lock)
        except OSError as error:
            raise Unavailable(f"Packs could not be merged ({error.strerror}); try again later") from error

    def _merge(self, below: int, lock: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        while packs := due(self._packs, below):
            merge(self._packs, packs, lock())

    def _snapshot(self, commit: str) -> Snapshot:
        read = self.objects.commit(commit)
        return TreeSnapshot(self.objects, commit, read.tree.decode(), read.commit_time)


class _GitBatch:
    """Staged commits, and where they go (see the port)."""

    def __init__(self, store: GitStore, branch: str, parent: Snapshot | None) -> None:
        self._store = store
        self._branch = branch
        self._parent = parent.id if parent else None
        self._staging = Staging(store.objects, parent)

    def add(self, *commits: NewCommit) -> Snapshot:
        """Make the next commits (see the port)."""
        return self._staging.add(*commits)

    def flush(self) -> Snapshot:
        """Move the branch over all that was added (see the port)."""
        return self._store.flush(self._branch, self._parent, self._staging)


def _set_to(config: ConfigFile, section: tuple[bytes, ...], key: bytes) -> bytes | None:
    try:
        return config.get(section, key)
    except KeyError:
        return None


def _signature(raw: bytes) -> Signature:
    name, _, email = raw.decode("utf-8", "replace").partition(" <")
    return Signature(name, email.rstrip(">"))
