"""A strict reader of zip files: every byte of the file belongs to exactly one thing, and both descriptions agree.

Source: APPNOTE.TXT 6.3.10, section 4.3.7.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from registry.archives.inflate import DEFLATE, inflate
from registry.archives.limits import CHUNK, Limits
from registry.archives.members import shown
from registry.archives.tar_header import checksum_fits
from registry.archives.zip_directory import DEFLATED, Entry, extra_fields, read_directory, widened
from registry.errors import Invalid, TooLarge

_LOCAL = struct.Struct("<4s5H3L2H")


class Zip:
    """A zip file whose framing has been checked; members are streamed and verified as they are read."""

    def __init__(self, file: BinaryIO, length: int, limits: Limits) -> None:
        """Check the framing.

        Args:
            file: the zip file.
            length: its size in bytes.
            limits: what it may cost.

        Raises:
            Invalid: it is not a zip file that every reader understands alike.
        """
        self._file = file
        if checksum_fits(self._at(0, 512)):
            raise Invalid("The file is both a zip and a tar archive, so tools disagree on its content")
        entries, end = read_directory(file, length, limits)
        self.entries = sorted(entries, key=lambda entry: entry.offset)
        self.files = {entry.name: entry for entry in entries if not entry.directory}
        self._start: dict[str, int] = {}
        self._check_tiling(end)

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """Read a member, verifying size and checksum.

        Raises:
            Invalid: it is damaged or not as long as declared; raised after its last chunk at the latest.
        """
        where = f"Member {shown(entry.name)}"
        packed = self._packed(entry)
        size = crc = 0
        for chunk in inflate(packed, DEFLATE, where) if entry.method == DEFLATED else packed:
            size += len(chunk)
            if size > entry.size:
                break
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if size != entry.size:
            raise Invalid(f"{where}: it is not of the {entry.size} bytes that the archive declares")
        if crc != entry.crc:
            raise Invalid(f"{where}: the checksum (CRC-32) does not match; the file is damaged, upload it again")

    def read(self, name: str, most: int) -> bytes:
        """Read a small file whole.

        Args:
            name: one of `files`.
            most: bytes accepted.

        Raises:
            Invalid: it is larger, or damaged.
        """
        entry = self.files[name]
        if entry.size > most:
            raise TooLarge(f"Member {shown(entry.name)} is larger than {most} bytes; shorten it")
        return b"".join(self.chunks(entry))

    def _at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def _packed(self, entry: Entry) -> Iterator[bytes]:
        at, left = self._start[entry.name], entry.packed
        while left:
            chunk = self._at(at, min(left, CHUNK))
            if not chunk:
                raise Invalid(f"Member {shown(entry.name)} is cut short; upload the file again")
            at += len(chunk)
            left -= len(chunk)
            yield chunk

    def _check_tiling(self, end: int) -> None:
        """Let the members fill the file from its first byte to the directory, without gap or overlap."""
        at = 0
        for entry in self.entries:
            self._check_gap(at, entry.offset)
            at = self._check_local(entry)
        self._check_gap(at, end)

    def _check_gap(self, at: int, following: int) -> None:
        if following < at:
            raise Invalid("Two members of the zip archive overlap, as in decompression bombs; build the wheel again")
        if following > at:
            if self._at(at, 4) == b"PK\3\4":
                raise Invalid(
                    "The archive holds a member that its central directory does not list; build the wheel again"
                )
            if at == 0:
                raise Invalid("Data stands before the first member of the zip archive; remove it")
            raise Invalid("Bytes between the members of the zip archive belong to none of them; build the wheel again")

    def _check_local(self, entry: Entry) -> int:
        """Compare the local header with the central directory; give the offset behind the member's data."""
        where = f"Member {shown(entry.name)}"
        header = self._at(entry.offset, _LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
            raise Invalid(f"{where}: it has no local header where the central directory says")
        _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(header)
        variable = self._at(entry.offset + _LOCAL.size, name_length + extra_length)
        size, packed = widened(extra_fields(variable[name_length:], where), (size, packed), where)
        pairs = {
            "name": (variable[:name_length], entry.raw_name),
            "flags": (flags, entry.flags),
            "compression method": (method, entry.method),
            "checksum": (crc, entry.crc),
            "size": ((packed, size), (entry.packed, entry.size)),
        }
        for what, (here, there) in pairs.items():
            if here != there:
                raise Invalid(f"{where}: local header and central directory disagree about its {what}")
        start = entry.offset + _LOCAL.size + len(variable)
        self._start[entry.name] = start
        return start + entry.packed
