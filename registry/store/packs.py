"""Durable git packs: what stands between written objects and a power cut.

A flush is one pack, however many objects it has. Formats: gitformat-pack(5), pack and index version 2. Our packs hold
whole objects, no deltas, and their names say how long they are: `waybill-<bytes>-<sha1>.pack`.
"""

import hashlib
import os
import re
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

from registry.durable import DRAFT, sync_folder
from registry.errors import Unavailable

Raw: TypeAlias = tuple[int, bytes]  # git's number of the type, and the content

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
OURS = re.compile(r"waybill-(\d+)-[0-9a-f]{40}")
OUR_DRAFT = f"{DRAFT}waybill_"
LARGEST = 2**31  # bytes; beyond, an index needs a table of long offsets
# Trees are digests mostly, which do not shrink; more effort elsewhere costs time, and C git compresses anew anyhow.
_COMPRESSION = {TREE: 0}
_HEADER, CHECKSUM = 12, 20  # bytes before and after the entries
_INDEX = b"\xfftOc" + struct.pack(">L", 2)
_IDS = len(_INDEX) + 4 * 256  # where the ids begin, after the numbers of those up to each first byte


class Entry(NamedTuple):
    """One object as it stands in a pack."""

    id: bytes
    crc: int
    raw: bytes


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
    with drafted(folder, len(objects), map(_entry, objects.items())) as draft:
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
        content = _index(rows, checksum)
        with _new_file(index) as stream:
            stream.write(content)
        if _digest_of(pack) != checksum or index.read_bytes() != content:
            raise Unavailable("New objects could not be read back from disk; nothing was stored; check the disk")
        yield Draft(pack, index, name)
    finally:
        pack.unlink(missing_ok=True)
        index.unlink(missing_ok=True)


def read_index(pack: Path) -> list[tuple[int, bytes, int]]:
    """Read from the index of one of our packs, for each object, where its entry begins, its id and checksum; in order.

    Raises:
        OSError: the index is gone, or cannot be read.
    """
    index = pack.with_suffix(".idx").read_bytes()
    (count,) = struct.unpack_from(">L", index, _IDS - 4)
    numbers = struct.unpack_from(f">{2 * count}L", index, _IDS + 20 * count)
    ids = (index[at : at + 20] for at in range(_IDS, _IDS + 20 * count, 20))
    return sorted(zip(numbers[count:], ids, numbers[:count], strict=True))


def read_entries(pack: Path) -> Iterator[Entry]:
    """Read the entries of one of our packs as they stand there.

    Raises:
        OSError: the pack is gone, or cannot be read.
        Unavailable: it is damaged.
    """
    rows = read_index(pack)
    ends = [offset for offset, _, _ in rows[1:]] + [pack.stat().st_size - CHECKSUM]
    with pack.open("rb") as stream:
        stream.seek(_HEADER)
        for (offset, object_id, crc), end in zip(rows, ends, strict=True):
            raw = stream.read(end - offset)
            if zlib.crc32(raw) != crc:
                raise Unavailable(f"{pack.name} is damaged; 'git fsck --full' lists all that is")
            yield Entry(object_id, crc, raw)


def _entry(item: tuple[str, Raw]) -> Entry:
    object_id, (kind, content) = item
    raw = _entry_header(kind, len(content)) + zlib.compress(content, _COMPRESSION.get(kind, 1))
    return Entry(bytes.fromhex(object_id), zlib.crc32(raw), raw)


def _entry_header(kind: int, size: int) -> bytes:
    """Write type and size; a byte's highest bit says that another follows."""
    byte, size = kind << 4 | size & 0x0F, size >> 4
    header = bytearray()
    while size:
        header.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    header.append(byte)
    return bytes(header)


def _write_entries(stream: BinaryIO, count: int, entries: Iterable[Entry]) -> tuple[str, bytes, list[bytes]]:
    """Write a pack.

    Returns:
        Its name, its checksum, and for its index a row of each object's id, checksum and offset.
    """
    header = b"PACK" + struct.pack(">LL", 2, count)
    digest = hashlib.sha1(header, usedforsecurity=False)
    offset = stream.write(header)
    rows = []
    for entry in entries:
        rows.append(entry.id + struct.pack(">LL", entry.crc, offset))
        digest.update(entry.raw)
        offset += stream.write(entry.raw)
    if offset >= LARGEST:
        raise ValueError(f"a pack of {offset} bytes is too large")
    stream.write(digest.digest())
    return f"waybill-{offset}-{digest.hexdigest()}", digest.digest(), rows


def _index(rows: list[bytes], checksum: bytes) -> bytes:
    rows.sort()
    firsts = [0] * 256
    for row in rows:
        firsts[row[0]] += 1
    parts = [_INDEX, struct.pack(">256L", *accumulate(firsts))]
    parts += [row[:20] for row in rows] + [row[20:24] for row in rows] + [row[24:] for row in rows]
    body = b"".join([*parts, checksum])
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is flushed at the end of the block."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o444)
    with os.fdopen(fd, "wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def _digest_of(pack: Path) -> bytes | None:
    """Digest a pack as it lies on disk; None if its end says another."""
    digest = hashlib.sha1(usedforsecurity=False)
    left = pack.stat().st_size - CHECKSUM
    with pack.open("rb") as stream:
        while left and (some := stream.read(min(left, 1 << 20))):
            digest.update(some)
            left -= len(some)
        return digest.digest() if stream.read() == digest.digest() else None
