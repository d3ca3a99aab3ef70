"""What a crash can leave in a git repository, put right at start, before anything is served.

A branch moves only after its objects are flushed, so what is reachable is whole; what a crash leaves is unreachable
objects, unfinished packs, and lock files that nobody would ever remove. Everything here may run while another
server works in the same folder.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice, pairwise
from pathlib import Path

from registry.errors import Unavailable
from registry.store import LEDGER, POLICY, Entry
from registry.store.git import LOCK, GitStore
from registry.store.merging import remove
from registry.store.packfile import is_whole
from registry.store.packs import OUR_DRAFT
from registry.store.refs import remove_stale

ABANDONED = 24 * 3600  # seconds; no push takes so long
CHECKED_COMMITS = 20  # newest of each branch whose files are read at start
CHECKED_OBJECTS = 5_000  # of each branch; an import may have put a whole registry into one commit


def repair(path: Path, store: GitStore) -> list[str]:
    """Remove what killed processes left behind; the caller holds the store's lock.

    Args:
        path: the bare git repository.
        store: on the same.

    Returns:
        What was put right, for the log.

    Raises:
        Unavailable: an object was lost that is needed.
    """
    stale = [lock.relative_to(path) for lock in _lock_files(path) if remove_stale(lock)]
    done = [f"Removed {lock}, which a killed process left behind" for lock in stale]
    unfinished = _sweep(path / "objects" / "pack")
    if unfinished:
        done.append(f"Removed {unfinished} unfinished packs of killed processes")
    abandoned = _sweep_pushes(path / "objects")
    if abandoned:
        done.append(f"Removed what {abandoned} pushes brought that were never let in")
    _refuse_cut(path / "objects" / "pack")
    empty = _empty(path / "objects")
    if empty:
        _refuse_needed(store, {p.parent.name + p.name for p in empty})
    for loose in empty:
        loose.unlink()
        done.append(f"Removed {loose.relative_to(path)}, which is empty")
    return done


def newest_files(store: GitStore, branch: str) -> dict[str, Entry]:
    """Read what the newest commits of a branch changed, so that damage is found before anybody is served around it.

    Args:
        store: where.
        branch: which branch.

    Returns:
        The files they changed, by path.

    Raises:
        Unavailable: a needed object is missing or damaged.
    """
    commits = list(islice(store.history(store.head(branch)), CHECKED_COMMITS + 1))
    files: dict[str, Entry] = {}
    trees = [store.at(commit.id).entry("") for commit in commits]
    if len(commits) <= CHECKED_COMMITS:
        trees.append(None)  # before the first commit
    changed = (found for new, old in pairwise(trees) for found in _changed(store, "", new, old))
    for name, entry in islice(changed, CHECKED_OBJECTS):
        if not entry.folder:
            store.objects.blob(entry.id)
            files[name] = entry
    return files


def _lock_files(path: Path) -> Iterator[Path]:
    for folder in (path, path / "objects" / "info", path / "objects" / "pack"):
        yield from (lock for lock in folder.glob("*.lock") if lock.name != LOCK)
    yield from (path / "refs").rglob("*.lock")


def _sweep(folder: Path) -> int:
    """Remove packs that were never finished: a crash before the branch moved, or after a merge, needs none of them.

    Returns:
        How many.
    """
    drafts = list(folder.glob(f"{OUR_DRAFT}*_pack"))
    for draft in folder.glob(f"{OUR_DRAFT}*"):
        draft.unlink(missing_ok=True)
    nameless = [pack for keep in folder.glob("waybill-*.keep") if not (pack := keep.with_suffix(".idx")).exists()]
    gone = [index for index in folder.glob("waybill-*.idx") if not index.with_suffix(".pack").exists()]
    for pack in [*nameless, *gone]:
        remove(pack)
    for keep in folder.glob("waybill-*.keep"):  # the pack is whole, and whether a branch names it is decided
        keep.unlink(missing_ok=True)
    return len(drafts) + len(nameless) + len(gone)


def _sweep_pushes(objects: Path) -> int:
    """Remove what git had unpacked of pushes when it was killed; a push that is under way is younger.

    Returns:
        How many.
    """
    drafts = [draft for kind in ("tmp_objdir-incoming-*", "incoming-*") for draft in objects.glob(kind)]
    old = [draft for draft in drafts if time.time() - draft.stat().st_mtime > ABANDONED]
    for draft in old:
        shutil.rmtree(draft, ignore_errors=True)
    return len(old)


def _refuse_cut(folder: Path) -> None:
    for pack in folder.glob("waybill-*.pack"):
        with suppress(FileNotFoundError):  # a repack took it away
            if not is_whole(pack):
                raise Unavailable(f"{pack.name} or its index was cut")


def _empty(objects: Path) -> list[Path]:
    """Find empty loose objects, which C git's own tools would take for the object itself.

    By names relative to an open folder, because there may be 100,000 and nothing is served meanwhile.
    """
    empty = []
    for folder in objects.glob("[0-9a-f][0-9a-f]"):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            files = os.scandir(fd)
            empty += [folder / file.name for file in files if file.stat(follow_symlinks=False).st_size == 0]
        finally:
            os.close(fd)
    return empty


def _refuse_needed(store: GitStore, lost: set[str]) -> None:
    """Walk all of history: only an object that nothing needs may be removed."""
    for branch in (POLICY, LEDGER):
        seen: set[str] = set()
        for commit in store.history(store.head(branch)):
            root = store.at(commit.id).entry("")
            needed = next((e.id for e in _below(store, root, seen) if e.id in lost), None) if root else None
            if needed:
                raise Unavailable(f"Object {needed} is empty, and commit {commit.id} of branch {branch} needs it")


def _below(store: GitStore, entry: Entry, seen: set[str]) -> Iterator[Entry]:
    if entry.id not in seen:
        seen.add(entry.id)
        yield entry
        if entry.folder:
            for below in store.objects.tree(entry.id).values():
                yield from _below(store, below, seen)


def _changed(store: GitStore, name: str, new: Entry | None, old: Entry | None) -> Iterator[tuple[str, Entry]]:
    if new is None or new == old:
        return
    yield name, new
    if new.folder:
        before = store.objects.tree(old.id) if old and old.folder else {}
        for below, entry in store.objects.tree(new.id).items():
            yield from _changed(store, f"{name}/{below}".lstrip("/"), entry, before.get(below))
