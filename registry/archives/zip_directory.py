"""The central directory of a zip file, read in the one way that all readers share.

Source: APPNOTE.TXT 6.3.10, sections 4.3.12, 4.4 and 4.5; each refusal below is a place where readers differ.
"""

import stat
import struct
from dataclasses import dataclass
from typing import BinaryIO

from registry.archives.limits import MIB, Limits
from registry.archives.members import Names, shown
from registry.archives.zip_end import FULL32, read_end
from registry.errors import Invalid, TooLarge

STORED, DEFLATED = 0, 8

_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LARGEST_DIRECTORY = 16 * MIB
_NEWEST_VERSION = 45  # of the format, with ZIP64; what later ones add is encryption and other compression
_ENCRYPTED = 0x2041  # plainly, strongly, or with a masked directory
_DESCRIPTOR = 0x0008
_UTF8 = 0x0800
_ALLOWED_FLAGS = 0x0806  # UTF-8 and the two hints on deflate's effort
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as the central directory describes it; sizes and offset in bytes."""

    name: str
    raw_name: bytes
    directory: bool
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def read_directory(file: BinaryIO, length: int, limits: Limits) -> tuple[list[Entry], int]:
    """Read the central directory of a zip file.

    Args:
        file: the zip file.
        length: its size in bytes.
        limits: what it may cost.

    Returns:
        The entries as listed, and where the directory begins.

    Raises:
        Invalid: it is not a zip file, or not one that every reader understands alike.
    """
    end = read_end(file, length)
    if end.count > limits.members:
        raise TooLarge(f"The archive has {end.count} members, more than {limits.members}; split the package")
    if end.size > _LARGEST_DIRECTORY:
        raise TooLarge(f"The central directory is larger than {_LARGEST_DIRECTORY // MIB} MiB; use shorter names")
    file.seek(end.offset)
    data = file.read(end.size)
    names = Names(limits)
    entries = []
    at = 0
    for _ in range(end.count):
        entry, at = _read_entry(data, at, names)
        entries.append(entry)
    if at != len(data):
        raise Invalid("The central directory is larger than its members need; build the wheel again")
    names.finish()
    limits.check_expansion("The archive", sum(entry.size for entry in entries), length)
    return entries, end.offset


def extra_fields(raw: bytes, where: str) -> dict[int, bytes]:
    """Split an extra field into its parts by id, refusing what could hide a second name or size.

    Raises:
        Invalid: a part is cut short, repeated, or gives the member another name.
    """
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(raw):
        if len(raw) - at < 4:
            raise Invalid(f"{where}: the extra field is cut short")
        kind, size = struct.unpack_from("<HH", raw, at)
        if kind in fields:
            raise Invalid(f"{where}: extra field {kind:#06x} is there twice; readers disagree on which one counts")
        if kind == _UNICODE_PATH:
            raise Invalid(f"{where}: an extra field gives the member a second name; store names as UTF-8")
        fields[kind] = raw[at + 4 : at + 4 + size]
        at += 4 + size
        if at > len(raw):
            raise Invalid(f"{where}: the extra field is cut short")
    return fields


def widened(fields: dict[int, bytes], values: tuple[int, ...], where: str) -> tuple[int, ...]:
    """Replace each value that is all ones by the 64-bit value from the ZIP64 extra field.

    A field that nobody asked for is written by Bazel; it may repeat the values and nothing else.

    Raises:
        Invalid: the field is missing where needed, or holds anything else than the values asked for.
    """
    if _ZIP64 not in fields and FULL32 not in values:
        return values
    needed = [value for value in values if value == FULL32]
    raw = fields.get(_ZIP64, b"")
    wide = struct.unpack(f"<{len(raw) // 8}Q", raw) if len(raw) % 8 == 0 else ()
    repeats = not needed and wide == values[: len(wide)]
    if len(wide) * 8 != len(raw) or (len(wide) != len(needed) and not repeats):
        raise Invalid(f"{where}: the ZIP64 extra field does not match the sizes that ask for it")
    found = iter(wide)
    return tuple(next(found) if value == FULL32 else value for value in values)


def _read_entry(data: bytes, at: int, names: Names) -> tuple[Entry, int]:
    """Read one header of the central directory and say where the next one begins."""
    if data[at : at + 4] != b"PK\1\2" or len(data) - at < _CENTRAL.size:
        raise Invalid("The central directory has fewer members than the end record says, or is damaged")
    header = _CENTRAL.unpack_from(data, at)
    needed, flags, method, crc = header[2], header[3], header[4], header[7]
    name_length, extra_length, comment_length, disk, _, attributes = header[10:16]
    at += _CENTRAL.size
    stop = at + name_length + extra_length + comment_length
    if stop > len(data):
        raise Invalid("The central directory is cut short; upload the file again")
    raw_name = data[at : at + name_length]
    directory = raw_name.endswith(b"/")
    name = names.add(raw_name, directory=directory)
    where = f"Member {shown(name)}"
    if comment_length or disk:
        raise Invalid(f"{where}: comments and split archives are not accepted; build the wheel again")
    if needed > _NEWEST_VERSION:
        raise Invalid(f"{where}: needs a newer zip format ({needed / 10}) than installers read; build the wheel again")
    _check_features(where, flags, method, raw_name)
    _check_kind(where, attributes, directory=directory)
    fields = extra_fields(data[at + name_length : stop], where)
    packed, size, offset = _sizes(fields, header, where)
    if directory and size:
        raise Invalid(f"{where}: a directory cannot have content")
    return Entry(name, raw_name, directory, flags, method, crc, packed, size, offset), stop


def _sizes(fields: dict[int, bytes], header: tuple[int, ...], where: str) -> tuple[int, int, int]:
    """Give packed size, size and offset; the ZIP64 field holds the two sizes in the other order."""
    size, packed, offset = widened(fields, (header[9], header[8], header[16]), where)
    return packed, size, offset


def _check_features(where: str, flags: int, method: int, raw_name: bytes) -> None:
    """Refuse what an installer cannot read, or what two installers read differently."""
    if flags & _ENCRYPTED:
        raise Invalid(f"{where} is encrypted; installers cannot read it")
    if flags & _DESCRIPTOR:
        raise Invalid(
            f"{where}: its size follows in a data descriptor, so readers that stream find another end than readers of "
            "the directory; write the wheel to a file that can seek"
        )
    if flags & ~_ALLOWED_FLAGS:
        raise Invalid(f"{where}: uses zip features (flags {flags:#06x}) that installers do not have")
    if method not in (STORED, DEFLATED):
        raise Invalid(
            f"{where}: compression method {method} is not accepted; only stored and deflate are read everywhere"
        )
    if not flags & _UTF8 and not raw_name.isascii():
        raise Invalid(f"{where}: the name is not ASCII and not marked as UTF-8, so readers spell it differently")


def _check_kind(where: str, attributes: int, *, directory: bool) -> None:
    """Accept files and directories only, and only if name and attributes say the same."""
    kind = stat.S_IFMT(attributes >> 16)
    if kind == stat.S_IFLNK:
        raise Invalid(f"{where} is a symbolic link; store the file itself")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Invalid(f"{where} is a device or another special file; only files and directories are accepted")
    says_directory = kind == stat.S_IFDIR or bool(attributes & 0x10)
    if (says_directory and not directory) or (kind == stat.S_IFREG and directory):
        raise Invalid(f"{where}: name and attributes disagree on whether it is a directory")
