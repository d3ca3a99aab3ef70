"""Durable git packs: what stands between written objects and a power cut.

A flush is one pack, however many objects it has, so it costs three flushes of the disk.
"""

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from registry.durable import DRAFT, flush, sync_folder
from registry.errors import Unavailable
from registry.store.packfile import CHECKSUM, LARGEST, Entry, Raw, index_row, make_entry, make_index, pack_header

OUR_DRAFT = f"{DRAFT}waybill_"


@dataclass(frozen=True, slots=True)
class Draft:
    """A flushed pack that nobody sees until it has its name."""

    pack: Path
    index: Path
    name: str

    def place(self) -> Path:
        """Give the pack its name, durably; the caller holds the store's lock.

        Returns:
            Its `.keep` file, which stops `git repack` from dropping what no branch names yet; the caller removes it
            once a branch does.

        Raises:
            OSError: the disk refused.
        """
        keep = self.pack.with_name(f"{self.name}.keep")
        keep.touch()
        self.pack.rename(keep.with_suffix(".pack"))
        self.index.rename(keep.with_suffix(".idx"))  # last, because git looks for this one
        sync_folder(keep.parent)
        return keep


def write_pack(folder: Path, objects: Mapping[str, Raw]) -> Path:
    """Write objects so that they survive a power cut; the caller holds the store's lock.

    All are written, also those that are stored already: what is there may be torn, or about to be pruned.

    Args:
        folder: `objects/pack` of the git repository.
        objects: by id.

    Returns:
        The pack's `.keep` file (see `Draft.place`).

    Raises:
        OSError: the disk refused.
        Unavailable: what was read back is not what was written.
    """
    with drafted(folder, len(objects), (make_entry(*item) for item in objects.items())) as draft:
        return draft.place()


@contextmanager
def drafted(folder: Path, count: int, entries: Iterable[Entry]) -> Iterator[Draft]:
    """Write a pack and its index, flushed and read back; what is not placed within the block is removed.

    Args:
        folder: `objects/pack` of the git repository.
        count: how many entries there are.
        entries: each object once.

    Raises:
        OSError: the disk refused.
        Unavailable: what was read back is not what was written.
    """
    # Without a suffix: git would open a file that ends with .idx.
    pack, index = (folder / f"{OUR_DRAFT}{os.getpid()}_{threading.get_ident()}_{kind}" for kind in ("pack", "idx"))
    try:
        with _new_file(pack) as stream:
            name, checksum, rows = _write_entries(stream, count, entries)
        content = make_index(rows, checksum)
        with _new_file(index) as stream:
            stream.write(content)
        if _digest_of(pack) != checksum or index.read_bytes() != content:
            raise Unavailable("New objects could not be read back from disk; nothing was stored; check the disk")
        yield Draft(pack, index, name)
    finally:
        pack.unlink(missing_ok=True)
        index.unlink(missing_ok=True)


def _write_entries(stream: BinaryIO, count: int, entries: Iterable[Entry]) -> tuple[str, bytes, list[bytes]]:
    """Write a pack.

    Returns:
        Its name, its checksum, and the rows of its index.
    """
    header = pack_header(count)
    digest = hashlib.sha1(header, usedforsecurity=False)
    offset = stream.write(header)
    rows = []
    for entry in entries:
        rows.append(index_row(entry, offset))
        digest.update(entry.raw)
        offset += stream.write(entry.raw)
    if offset >= LARGEST:
        raise ValueError(f"a pack of {offset} bytes is too large")
    stream.write(digest.digest())
    return f"waybill-{offset}-{digest.hexdigest()}", digest.digest(), rows


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is flushed at the end of the block."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o444)
    with os.fdopen(fd, "wb") as stream:
        yield stream
        stream.flush()
        flush(stream.fileno(), path)


def _digest_of(pack: Path) -> bytes | None:
    """Digest a pack as it lies on disk; None if its end says another."""
    digest = hashlib.sha1(usedforsecurity=False)
    left = pack.stat().st_size - CHECKSUM
    with pack.open("rb") as stream:
        while left and (some := stream.read(min(left, 1 << 20))):
            digest.update(some)
            left -= len(some)
        return digest.digest() if stream.read() == digest.digest() else None
