"""The store port: two branches of versioned files, read as snapshots and moved by compare-and-swap.

`git.py` keeps the promise on disk, `memory.py` in a dict; `tests/registry/store/test_contract.py` runs on both.
Not provided: merges, renames, working trees, tags. History of the two is linear and only grows; beside them lie the
branches of changes, which people push and the server removes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from registry.durable import LOCK_PATIENCE

POLICY = "main"  # decisions of people, by reviewed change
LEDGER = "ledger"  # facts, by the server alone
CHANGES = "change"  # the folder of branches that people push: change/<name>


@dataclass(frozen=True, slots=True)
class Signature:
    """Who a commit names as author or committer."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class NewCommit:
    """One commit to append: what changes, and what the log says about it."""

    changes: Mapping[str, bytes | None]  # path -> content; None removes
    message: str
    author: Signature
    committer: Signature
    time: int  # seconds since the epoch, UTC


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the history, as far as the log needs it."""

    id: str
    time: int
    author: Signature
    message: str
    parents: tuple[str, ...]  # more than one only where people merged, outside of our two branches


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds under one name; the id changes exactly when the content does."""

    id: str
    folder: bool


class Snapshot(Protocol):
    """All files of a branch at one commit."""

    @property
    def id(self) -> str:
        """The commit id, 40 hex digits."""

    @property
    def time(self) -> int:
        """When it was committed, seconds since the epoch."""

    def read(self, path: str) -> bytes | None:
        """Read one file; None where there is none."""

    def entry(self, path: str) -> Entry | None:
        """Look up the id of a file or folder, the fingerprint of all below it; None where there is none."""

    def entries(self, path: str) -> Mapping[str, Entry]:
        """List a folder by name; empty where there is none. The root is ''."""


class Batch(Protocol):
    """Commits for one branch, made one on the other, which nobody else sees before they are flushed. For one thread."""

    def add(self, *commits: NewCommit) -> Snapshot:
        """Make the next commits, at least one, and see what they lead to.

        Raises:
            Invalid: a path cannot be stored, or a name cannot be an author; none of them was added.
        """

    def flush(self) -> Snapshot:
        """Move the branch over all that was added in one durable step: after this, a power cut loses none of it.

        Raises:
            Moved: the branch is not where the batch began any more; nothing was changed.
            Unavailable: the disk refused; nothing was changed.
        """


class Store(Protocol):
    """The versioned files of one organization. Every method may be called from any thread."""

    def head(self, branch: str) -> Snapshot:
        """Read the newest commit of a branch.

        Raises:
            NotFound: the branch has no commit yet.
        """

    def at(self, commit: str) -> Snapshot:
        """Read the snapshot of a commit id of 40 hex digits, whether or not a branch holds it.

        Raises:
            NotFound: there is no such commit.
        """

    def batch(self, branch: str, parent: Snapshot | None) -> Batch:
        """Begin commits that are flushed together.

        Args:
            branch: the branch to move.
            parent: the head they are made for; None when they begin the branch.
        """

    def move(self, branch: str, parent: Snapshot, commit: str) -> Snapshot:
        """Move a branch to a commit that is there already, durably; that it follows, the caller has seen.

        Args:
            branch: the branch to move.
            parent: where it must be.
            commit: where it is to be; all that it needs must be durable.

        Raises:
            NotFound: there is no such commit.
            Moved: the branch is not at the parent any more; nothing was changed.
            Unavailable: the disk refused; nothing was changed.
        """

    def history(self, newest: Snapshot) -> Iterator[Commit]:
        """Walk back from a snapshot by first parents, newest commit first."""

    def branches(self, folder: str) -> Mapping[str, str]:
        """List the branches of a folder: by name without the folder, each with the id of its newest commit."""

    def drop(self, branch: str, tip: str) -> bool:
        """Remove a branch that is at this commit; both it and its absence are nothing that must survive a power cut.

        Returns:
            Whether it is gone; False when it is at another commit.
        """

    def lock(self, patience: float = LOCK_PATIENCE) -> AbstractContextManager[None]:
        """Hold the one writer's place, against all threads and processes of this installation. Not reentrant.

        Args:
            patience: seconds to wait for it.

        Raises:
            Unavailable: it was not free in time.
        """

    def append(self, branch: str, parent: Snapshot | None, commits: Sequence[NewCommit]) -> Snapshot:
        """Add at least one commit to a branch in one durable step; raises what `Batch` does."""
        batch = self.batch(branch, parent)
        for commit in commits:
            batch.add(commit)
        return batch.flush()
