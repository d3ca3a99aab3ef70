"""The end records of a zip file: where its central directory lies.

Source: APPNOTE.TXT 6.3.10, sections 4.3.14-4.3.16.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from registry.errors import Invalid

FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF  # "see the ZIP64 record"

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_MOST_COMMENT = 65_535  # bytes


@dataclass(frozen=True, slots=True)
class End:
    """How many members there are, and where the directory of them lies, in bytes."""

    count: int
    size: int
    offset: int


def read_end(file: BinaryIO, length: int) -> End:
    """Read the end record from the last 22 bytes, the only place where all readers look.

    Args:
        file: the zip file.
        length: its size in bytes.

    Raises:
        Invalid: it is not there, or readers could find the central directory elsewhere.
    """
    file.seek(max(0, length - _END.size - _LOCATOR.size))
    tail = file.read()
    at = len(tail) - _END.size
    if at < 0 or tail[at : at + 4] != b"PK\5\6":
        raise _without_end(file, length)
    _, disk, first_disk, here, count, size, offset, comment = _END.unpack_from(tail, at)
    if comment:
        raise Invalid("The zip end record announces a comment that is not there; upload the file again")
    if disk not in (0, FULL16) or first_disk not in (0, FULL16) or here != count:
        raise Invalid("The zip archive is one part of several; upload one whole file")
    end = End(count, size, offset)
    end_at = length - _END.size
    if tail[:at].startswith(b"PK\6\7"):
        end, end_at = _read_end64(file, end, end_at)
    elif count == FULL16 or FULL32 in (size, offset):
        raise Invalid("The end record asks for a ZIP64 record and there is none; build the wheel again")
    if end.offset + end.size != end_at:
        raise Invalid(
            "The zip end record disagrees with where the central directory lies: data was put before or inside it"
        )
    return end


def _without_end(file: BinaryIO, length: int) -> Invalid:
    """Say what stands at the end of the file in place of the end record."""
    file.seek(max(0, length - _END.size - _MOST_COMMENT))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        return Invalid("The file is not a zip archive: it has no end record; a wheel is a zip file (PEP 427)")
    if _END.unpack_from(tail, at)[-1] == len(tail) - at - _END.size:
        return Invalid("The zip archive has a comment, in which a second archive can hide; remove it")
    return Invalid("Data follows the zip archive's end record; build the wheel again without appending to it")


def _read_end64(file: BinaryIO, end: End, end_at: int) -> tuple[End, int]:
    """Read the ZIP64 end record, which must stand directly before its locator, and that before the end record."""
    at = end_at - _LOCATOR.size - _END64.size
    file.seek(max(0, at))
    data = file.read(_END64.size + _LOCATOR.size)
    if at < 0 or not data.startswith(b"PK\6\6"):
        raise Invalid("The ZIP64 locator does not stand directly behind a ZIP64 end record; build the wheel again")
    _, size, _made, _needed, disk, first_disk, here, count, directory, offset = _END64.unpack_from(data)
    _, locator_disk, pointed, disks = _LOCATOR.unpack_from(data, _END64.size)
    if size != _END64.size - 12:
        raise Invalid("The ZIP64 end record carries extra data, which readers do not agree on; build the wheel again")
    if pointed != at or (disk, first_disk, locator_disk) != (0, 0, 0) or disks > 1 or here != count:
        raise Invalid("The ZIP64 locator points elsewhere than to its record; build the wheel again")
    wide = (count, directory, offset)
    for narrow, full, value in zip((end.count, end.size, end.offset), (FULL16, FULL32, FULL32), wide, strict=True):
        if narrow not in (full, value):
            raise Invalid("The two zip end records disagree on the members; build the wheel again")
    return End(*wide), at
