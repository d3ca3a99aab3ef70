"""One 512-byte tar header, read strictly: ustar (POSIX.1-1988) and the GNU spelling of it."""

import re
from dataclasses import dataclass

from registry.errors import Invalid

BLOCK = 512

# Where numbers stand. Readers stop silently at a header with a number they cannot read, so all must be readable.
_NUMBERS = {"mode": (100, 108), "uid": (108, 116), "gid": (116, 124), "size": (124, 136), "mtime": (136, 148),
            "devmajor": (329, 337), "devminor": (337, 345)}  # fmt: skip
_MAY_BE_BINARY = frozenset({"uid", "gid", "mtime"})
_OCTAL = re.compile(rb" *([0-7]*)[ \0]*")
_CHECKSUM = slice(148, 156)


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says by itself, before extended headers change the name."""

    name: bytes
    kind: bytes  # the type flag: one byte
    size: int


def checksum_fits(block: bytes) -> bool:
    """Tell whether a reader would take this block for a tar header."""
    if len(block) < BLOCK:
        return False
    stored = _OCTAL.fullmatch(block[_CHECKSUM])
    if not stored or not stored[1]:
        return False
    return int(stored[1], 8) == sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")


def read_header(block: bytes, where: str) -> Header:
    """Read a header.

    Args:
        block: 512 bytes.
        where: its place, for messages.

    Raises:
        Invalid: it is not a header that every reader understands alike.
    """
    if not checksum_fits(block):
        raise Invalid(f"{where}: not a tar header, or a damaged one; an sdist is a .tar.gz file (PEP 625)")
    magic = block[257:265]
    if magic not in (b"ustar\00000", b"ustar  \0"):
        raise Invalid(f"{where}: the tar header is neither POSIX nor GNU; write the sdist in pax format")
    numbers = {field: _number(block[start:stop], field, where) for field, (start, stop) in _NUMBERS.items()}
    name = _text(block[:100])
    prefix = _text(block[345:500])
    if prefix and magic == b"ustar  \0":
        raise Invalid(f"{where}: the GNU tar header has fields that readers take for a folder name; use pax format")
    return Header(prefix + b"/" + name if prefix else name, block[156:157], numbers["size"])


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes, what: str, where: str) -> int:
    """Read an octal number; the binary form is for values that octal cannot hold, and no size is that large."""
    if field[0] in (0x80, 0xFF):
        if what in _MAY_BE_BINARY:
            return 0
        raise Invalid(f"{where}: the {what} in the tar header is negative or beyond 8 GiB")
    octal = _OCTAL.fullmatch(field)
    if not octal:
        raise Invalid(f"{where}: the {what} in the tar header is not an octal number")
    return int(octal[1] or b"0", 8)
