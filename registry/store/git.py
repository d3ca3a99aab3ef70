"""The store on a bare git repository, from snapshot to durable commit.

`objects.py` reads objects, by dulwich; `staging.py` makes them and `packs.py` writes them, because dulwich flushes
neither files nor directories and looks through every pack for each it adds; `refs.py` keeps the branches.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import count
from pathlib import Path

from dulwich.repo import Repo

from registry.durable import LOCK_PATIENCE, Turn, make_folders, sync_all
from registry.errors import Moved, NotFound, Unavailable
from registry.store import Batch, Commit, NewCommit, Signature, Snapshot, Store
from registry.store.merging import FAN, LARGEST_MERGED, QUICK, due, merge
from registry.store.objects import GitObjects
from registry.store.packs import write_pack
from registry.store.refs import Branches
from registry.store.snapshot import TreeSnapshot
from registry.store.staging import Staging

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


class GitStore(Store):
    """The versioned files of one organization in one bare git repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = GitObjects(path)
        self._packs = path / "objects" / "pack"
        self._turn = Turn(path / LOCK)
        self._branches = Branches(path)
        self._flushes = count()

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

    def history(self, newest: Snapshot) -> Iterator[Commit]:
        """Walk back from a snapshot, newest commit first (see the port)."""
        commit: str | None = newest.id
        while commit is not None:
            read = self.objects.commit(commit)
            yield Commit(commit, read.commit_time, _signature(read.author), read.message.decode("utf-8", "replace"))
            commit = read.parents[0].decode() if read.parents else None

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

    def add(self, commit: NewCommit) -> Snapshot:
        """Make the next commit (see the port)."""
        return self._staging.add(commit)

    def flush(self) -> Snapshot:
        """Move the branch over all that was added (see the port)."""
        return self._store.flush(self._branch, self._parent, self._staging)


def _signature(raw: bytes) -> Signature:
    name, _, email = raw.decode("utf-8", "replace").partition(" <")
    return Signature(name, email.rstrip(">"))
