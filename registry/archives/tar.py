"""A strict reader of .tar.gz files: one gzip stream, files and directories, zeros to the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from registry.archives.inflate import GZIP, inflate
from registry.archives.limits import CHUNK, Limits
from registry.archives.members import Names, shown
from registry.archives.pax import PATH, SIZE, read_pax
from registry.archives.stream import Stream
from registry.archives.tar_header import BLOCK, Header, read_header
from registry.errors import Invalid, TooLarge

_LONGEST_EXTENSION = 1 << 16  # bytes of an extended header
_ZIP_END = 22  # bytes of a zip end record
_MOST_COMMENT = 65_535  # bytes that may follow it

_FILE = (b"0", b"\0")
_DIRECTORY = b"5"
_PAX, _PAX_GLOBAL, _GNU_NAME = b"x", b"g", b"L"
_SPECIAL = {
    b"1": "is a hard link; store the file itself",
    b"2": "is a symbolic link; store the file itself",
    b"3": "is a device; only files and directories are accepted",
    b"4": "is a device; only files and directories are accepted",
    b"6": "is a named pipe; only files and directories are accepted",
    b"S": "is a sparse file; store it in full",
    b"K": "is the long target of a link; store the file itself",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A file or directory of the archive; size in bytes."""

    name: str
    directory: bool
    size: int


class Tar:
    """A .tar.gz file, readable once from front to back."""

    def __init__(self, file: BinaryIO, length: int, limits: Limits) -> None:
        """Look at both ends of the file.

        Args:
            file: the archive.
            length: its size in bytes.
            limits: what it may cost.

        Raises:
            Invalid: it is not gzip, or could be read as a zip file too.
        """
        file.seek(0)
        if file.read(3) != b"\x1f\x8b\x08":
            raise Invalid("The file is not gzip; an sdist is a .tar.gz file (PEP 625)")
        file.seek(max(0, length - _ZIP_END - _MOST_COMMENT))
        tail = file.read()
        if 0 <= tail.rfind(b"PK\5\6") <= len(tail) - _ZIP_END:
            raise Invalid(
                "The sdist can be read as a zip archive too, which pip tries first; move zip files away from its end"
            )
        file.seek(0)
        self._names = Names(limits)
        packed = iter(lambda: file.read(CHUNK), b"")
        self._stream = Stream(_bounded(inflate(packed, GZIP, "The sdist"), length, limits))

    def members(self) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Walk through the archive, each member with its bytes, which are gone once the next member is asked for.

        Raises:
            Invalid: the archive is not one that every reader understands alike.
        """
        where = "The start of the sdist"
        header = self._header(where)
        if header and header.kind == _PAX_GLOBAL:  # as `git archive` writes it
            if {PATH, SIZE} & read_pax(self._extension(header, where), where).keys():
                raise Invalid(
                    f"{where}: a global pax header sets the path or size of all members; build the sdist again"
                )
            header = self._header(where)
        while header:
            member = self._member(header, where)
            data = self._stream.pieces(member.size, f"Member {shown(member.name)}")
            yield member, data
            for _ in data:
                pass
            where = f"After member {shown(member.name)}"
            self._skip_padding(member.size, where)
            header = self._header(where)
        self._names.finish()

    def _member(self, header: Header, where: str) -> Member:
        """Apply at most one extended header, which may only give a longer name."""
        raw = header.name
        if header.kind in (_PAX, _GNU_NAME):
            extended, data = header, self._extension(header, where)
            following = self._header(where)
            if following is None or following.kind in (_PAX, _PAX_GLOBAL, _GNU_NAME):
                raise Invalid(f"{where}: an extended tar header is not followed by the member it describes")
            header = following
            raw = _pax_name(data, header, where) if extended.kind == _PAX else _gnu_name(data, where)
        _check_kind(header, f"Member {shown(raw.decode('utf-8', 'replace'))}")
        directory = header.kind == _DIRECTORY
        return Member(self._names.add(raw, directory=directory), directory, header.size)

    def _header(self, where: str) -> Header | None:
        """Read the next header, or the zeros that end the archive."""
        block = self._stream.read(BLOCK, where)
        if block != bytes(BLOCK):
            return read_header(block, where)
        for chunk in self._stream.rest():
            if chunk != bytes(len(chunk)):
                raise Invalid("Data follows the end of the tar archive, where some tools would read it; build it again")
        return None

    def _extension(self, header: Header, where: str) -> bytes:
        if header.size > _LONGEST_EXTENSION:
            raise TooLarge(
                f"{where}: an extended tar header is larger than {_LONGEST_EXTENSION} bytes; use shorter names"
            )
        data = self._stream.read(header.size, where)
        self._skip_padding(header.size, where)
        return data

    def _skip_padding(self, size: int, where: str) -> None:
        self._stream.read(-size % BLOCK, where)


def _pax_name(data: bytes, header: Header, where: str) -> bytes:
    """Give the name that holds after a pax header; some writers repeat the size there, and only repeat it."""
    records = read_pax(data, where)
    if records.get(SIZE, str(header.size)) != str(header.size):
        raise Invalid(
            f"{where}: the pax header and the tar header disagree about the member's size; build the sdist again"
        )
    return records[PATH].encode() if PATH in records else header.name


def _gnu_name(data: bytes, where: str) -> bytes:
    """Give the name in a GNU long name header; without its NUL, readers go on into the padding."""
    if not data.endswith(b"\0"):
        raise Invalid(
            f"{where}: the long name in a GNU tar header does not end with NUL; write the sdist in pax format"
        )
    return data[:-1]


def _check_kind(header: Header, where: str) -> None:
    if header.kind in _SPECIAL:
        raise Invalid(f"{where} {_SPECIAL[header.kind]}")
    if header.kind == _PAX_GLOBAL:
        raise Invalid(f"{where}: a global pax header stands between members, where readers apply it differently")
    if header.kind not in (*_FILE, _DIRECTORY):
        raise Invalid(f"{where}: tar type {ascii(header.kind)[1:]} is not accepted; only files and directories are")
    if header.kind == _DIRECTORY and header.size:
        raise Invalid(f"{where}: a directory cannot have content")


def _bounded(chunks: Iterator[bytes], length: int, limits: Limits) -> Iterator[bytes]:
    """Stop a bomb at the chunk that passes the limit."""
    unpacked = 0
    for chunk in chunks:
        unpacked += len(chunk)
        limits.check_expansion("The sdist", unpacked, length)
        yield chunk
