"""What nobody needs any more: artifacts that no file names, unfinished files, pages long unread.

An artifact goes in two steps, because the first look may be wrong: an upload links its artifact before its commit
names it. It is noted when it is first seen unnamed, and removed when it is still unnamed after the grace time, under
the writer's lock, in which an upload makes sure that its artifact is there before it commits.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from registry.errors import Unavailable
from registry.model import Sha256
from registry.records import pointer
from registry.store import LEDGER, Snapshot
from registry.store.git import GitStore

STALE = timedelta(days=1)  # nobody writes one file for so long
_AT_ONCE = 100  # artifacts removed while uploads wait
_SHA256 = re.compile(r"[0-9a-f]{64}")
_POINTER = re.compile(rb"oid sha256:([0-9a-f]{64})\n")


class Artifact(NamedTuple):
    """One stored artifact."""

    sha256: Sha256
    path: Path
    pointer: str  # the git object that names it
    changed: float  # seconds since the epoch


class Named:
    """The git objects that a ledger's newest commit names as artifacts; a later commit costs only its changes."""

    def __init__(self, store: GitStore) -> None:
        self._store = store
        self._seen: set[str] = set()
        self.pointers: set[str] = set()

    def read(self, head: Snapshot) -> None:
        """Add what a commit names; what an earlier one named stays."""
        root = head.entry("")
        if root:
            self._read(root.id)

    def _read(self, tree: str) -> None:
        if tree not in self._seen:
            self._seen.add(tree)
            for name, entry in self._store.objects.tree(tree).items():
                if entry.folder:
                    self._read(entry.id)
                elif name.endswith((".whl", ".tar.gz")):
                    self.pointers.add(entry.id)


def remove_artifacts(
    store: GitStore, artifacts: Path, noted: Mapping[str, float], now: datetime, grace: timedelta
) -> tuple[dict[str, float], int]:
    """Remove the artifacts that no file has named for the grace time.

    Args:
        store: policy and ledger.
        artifacts: the folder of artifacts, in the layout of Git LFS.
        noted: what an earlier run returned.
        now: the moment.
        grace: how long an artifact must have been without a name.

    Returns:
        The artifacts without a name that are still there, with the moment each was first seen so, and how many
        were removed.

    Raises:
        Unavailable: the ledger cannot be read; nothing was removed on a guess.
    """
    named = Named(store)
    named.read(store.head(LEDGER))
    stored = {artifact.pointer: artifact for artifact in _stored(artifacts)}
    # Names that lead to no artifact as it lies there: it is damaged, or written down in a form we do not know.
    kept = {_sha256(store, lost) for lost in named.pointers - stored.keys()}
    unnamed = {a.sha256: a for p, a in stored.items() if p not in named.pointers and a.sha256 not in kept}
    since: dict[str, float] = {sha256: noted.get(sha256, now.timestamp()) for sha256 in unnamed}
    latest = (now - grace).timestamp()
    ripe = [a for a in unnamed.values() if max(since[a.sha256], a.changed) <= latest]
    removed = 0
    for start in range(0, len(ripe), _AT_ONCE):
        with store.lock():
            named.read(store.head(LEDGER))
            for artifact in islice(ripe, start, start + _AT_ONCE):
                if artifact.pointer not in named.pointers:
                    artifact.path.unlink(missing_ok=True)
                    removed += 1
                del since[artifact.sha256]
    return since, removed


def remove_unfinished(git: Path, now: datetime) -> int:
    """Remove what killed C git processes left in a git repository more than a day ago; they never come back for it.

    Returns:
        How many files and folders.
    """
    objects, latest = git / "objects", (now - STALE).timestamp()
    patterns = ("pack/tmp_*", "pack/.tmp-*", "tmp_objdir-*", "info/commit-graphs/*.lock", "info/commit-graphs/tmp_*")
    old = [path for pattern in patterns for path in objects.glob(pattern) if path.lstat().st_mtime < latest]
    for path in old:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(old)


def evict(folder: Path, most: int) -> int:
    """Remove the least recently used files of a folder of what can be made again.

    Args:
        folder: with folders in it or not; there may be none yet.
        most: bytes that may stay.

    Returns:
        How many bytes went.
    """
    files = []
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except FileNotFoundError:  # replaced just now
            continue
        if not path.is_dir():
            files.append((max(found.st_atime, found.st_mtime), found.st_size, path))
    excess, evicted = sum(size for _, size, _ in files) - most, 0
    for _, size, path in sorted(files):
        if evicted >= excess:
            break
        path.unlink(missing_ok=True)
        evicted += size
    return evicted


def _stored(artifacts: Path) -> Iterator[Artifact]:
    for first in artifacts.iterdir():
        for second in first.iterdir():
            for file in os.scandir(second):
                if _SHA256.fullmatch(file.name):
                    found, sha256 = file.stat(follow_symlinks=False), Sha256(file.name)
                    content = pointer(sha256, found.st_size)
                    named = hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
                    yield Artifact(sha256, Path(file.path), named, found.st_mtime)


def _sha256(store: GitStore, pointer_id: str) -> str:
    found = _POINTER.search(store.objects.blob(pointer_id))
    if not found:
        raise Unavailable(f"Object {pointer_id} should name an artifact and does not; no artifact is removed")
    return found[1].decode()
