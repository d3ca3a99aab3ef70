"""Few packs without C git: sixteen of about one size become one of the next size, so an object moves only now and then.

A reader, of ours or C git, that misses a pack looks again and finds the objects in the new one.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from registry.store.packfile import OURS, Entry, read_entries, read_index
from registry.store.packs import drafted

FAN = 16
QUICK = 2**19  # bytes; merging packs below takes milliseconds, and the writer does it
LARGEST_MERGED = 2**23  # bytes; packs beyond stay as they are: what merging them saves is less than it costs


def due(folder: Path, below: int) -> list[Path]:
    """Find packs of ours that should be one.

    Args:
        folder: `objects/pack` of the git repository.
        below: leave packs of so many bytes alone.

    Returns:
        As many of one size as should be merged; empty when there is nothing to do.
    """
    sizes: defaultdict[int, list[Path]] = defaultdict(list)
    with os.scandir(folder) as found:
        names = [file.name for file in found if file.name.endswith(".idx")]
    for name in names:
        ours = OURS.match(name)
        if ours and int(ours[1]) < below:
            sizes[int(ours[1]).bit_length() // 4].append((folder / name).with_suffix(".pack"))
    return next((sorted(packs)[:FAN] for _, packs in sorted(sizes.items()) if len(packs) >= FAN), [])


def merge(folder: Path, packs: Sequence[Path], lock: AbstractContextManager[None]) -> None:
    """Make one pack of several: the new one is durable before the first of the old ones goes.

    Args:
        folder: `objects/pack` of the git repository.
        packs: ours, of fewer than `packs.LARGEST` bytes together.
        lock: the store's, taken at the end and only shortly; one that does nothing if the caller holds that.

    Raises:
        OSError: the disk refused, or a pack went away meanwhile; nothing was changed.
        Unavailable: a pack is damaged, or the lock was not free in time; nothing was changed.
    """
    ids = {object_id for pack in packs for _, object_id, _ in read_index(pack)}
    with drafted(folder, len(ids), _once(packs)) as draft, lock:
        keep = draft.place()
        _forget_multi_pack_index(folder, packs)
        for pack in packs:
            if pack.stem != draft.name:
                remove(pack)
        keep.unlink(missing_ok=True)


def remove(pack: Path) -> None:
    """Remove a pack; its index goes last, because alone that is of no use to anybody and safely swept."""
    for suffix in (".pack", ".keep", ".idx"):
        pack.with_suffix(suffix).unlink(missing_ok=True)


def _once(packs: Sequence[Path]) -> Iterator[Entry]:
    seen: set[bytes] = set()
    for pack in packs:
        for entry in read_entries(pack):
            if entry.id not in seen:
                seen.add(entry.id)
                yield entry


def _forget_multi_pack_index(folder: Path, packs: Sequence[Path]) -> None:
    """Remove an index over several packs, which C git made, if it may name one that goes."""
    index = folder / "multi-pack-index"
    with suppress(FileNotFoundError):
        if index.stat().st_mtime_ns >= min(pack.stat().st_mtime_ns for pack in packs):
            index.unlink()
