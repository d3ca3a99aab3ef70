"""The format of git packs, as far as we write it: whole objects, no deltas, and an index of version 2.

See gitformat-pack(5). Our packs say in their names how long they are: `waybill-<bytes>-<sha1>.pack`.
"""

import hashlib
import os
import re
import struct
import zlib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, TypeAlias

from registry.errors import Unavailable

Raw: TypeAlias = tuple[int, bytes]  # git's number of the type, and the content

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
OURS = re.compile(r"waybill-(\d+)-[0-9a-f]{40}")
LARGEST = 2**31  # bytes; beyond, an index needs a table of long offsets
CHECKSUM = 20  # bytes at the end of a pack; two of them at the end of its index
# Trees are digests mostly, which do not shrink; more effort elsewhere costs time, and C git compresses anew anyhow.
_COMPRESSION = {TREE: 0}
_INDEX = b"\xfftOc" + struct.pack(">L", 2)
_IDS = len(_INDEX) + 4 * 256  # where the ids begin, after the numbers of those up to each first byte


class Entry(NamedTuple):
    """One object as it stands in a pack."""

    id: bytes
    crc: int
    raw: bytes


def pack_header(count: int) -> bytes:
    """Begin a pack of so many entries."""
    return b"PACK" + struct.pack(">LL", 2, count)


def make_entry(object_id: str, raw: Raw) -> Entry:
    """Make an object's entry."""
    kind, content = raw
    written = _entry_header(kind, len(content)) + zlib.compress(content, _COMPRESSION.get(kind, 1))
    return Entry(bytes.fromhex(object_id), zlib.crc32(written), written)


def index_row(entry: Entry, offset: int) -> bytes:
    """Say what an index has to know of an entry: id, checksum, and where it begins."""
    return entry.id + struct.pack(">LL", entry.crc, offset)


def make_index(rows: list[bytes], checksum: bytes) -> bytes:
    """Make the index of a pack.

    Args:
        rows: of each entry, what `index_row` gives.
        checksum: the pack's.
    """
    rows.sort()
    firsts = [0] * 256
    for row in rows:
        firsts[row[0]] += 1
    parts = [_INDEX, struct.pack(">256L", *accumulate(firsts))]
    parts += [row[:20] for row in rows] + [row[20:24] for row in rows] + [row[24:] for row in rows]
    body = b"".join([*parts, checksum])
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def is_whole(pack: Path) -> bool:
    """Tell whether one of our packs and its index are as long as they say they are.

    Raises:
        OSError: one of them is gone, or cannot be read.
    """
    with pack.with_suffix(".idx").open("rb") as stream:
        count = int.from_bytes(stream.read(_IDS)[-4:])
        whole = os.fstat(stream.fileno()).st_size == _IDS + 28 * count + 2 * CHECKSUM
    found = OURS.match(pack.name)
    return bool(whole and found and pack.stat().st_size == int(found[1]) + CHECKSUM)


def read_index(pack: Path) -> list[tuple[int, bytes, int]]:
    """Read from the index of one of our packs, for each object, where its entry begins, its id and checksum; in order.

    Raises:
        OSError: the index is gone, or cannot be read.
        Unavailable: it is damaged.
    """
    index = pack.with_suffix(".idx").read_bytes()
    if hashlib.sha1(index[:-CHECKSUM], usedforsecurity=False).digest() != index[-CHECKSUM:]:
        raise Unavailable(f"The index of {pack.name} is damaged; 'git fsck --full' lists all that is")
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
        stream.seek(len(pack_header(0)))
        for (offset, object_id, crc), end in zip(rows, ends, strict=True):
            raw = stream.read(end - offset)
            if zlib.crc32(raw) != crc:
                raise Unavailable(f"{pack.name} is damaged; 'git fsck --full' lists all that is")
            yield Entry(object_id, crc, raw)


def _entry_header(kind: int, size: int) -> bytes:
    """Write type and size; a byte's highest bit says that another follows."""
    byte, size = kind << 4 | size & 0x0F, size >> 4
    header = bytearray()
    while size:
        header.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    header.append(byte)
    return bytes(header)
