"""RECORD, the list of files with their hashes inside a wheel, which no installer verifies and this registry does.

Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

import csv
import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper

from registry.archives.members import shown
from registry.errors import Invalid, TooLarge

_LONGEST_LINE = 4096  # characters; a name takes at most 1024 bytes
_DIGEST_LENGTHS = {"sha256": 43, "sha384": 64, "sha512": 86}  # characters, in base64 without padding


@dataclass(frozen=True, slots=True)
class Line:
    """What RECORD says of one file; size in bytes where it is given."""

    algorithm: str
    digest: str  # urlsafe base64 without padding, as written
    size: int | None


def read_record(data: bytes, where: str, files: Collection[str], exempt: Collection[str]) -> dict[str, Line]:
    """Read RECORD and compare its names with those of the wheel.

    Args:
        data: RECORD.
        where: its name, for messages.
        files: the files in the wheel.
        exempt: files that RECORD need not list or hash: itself and its signatures.

    Raises:
        Invalid: it is malformed, or does not list exactly the files of the wheel with a good hash.
    """
    lines: dict[str, Line] = {}
    listed: set[str] = set()
    for number, row in enumerate(_rows(data, where), 1):
        at = f"{where}:{number}"
        if len(row) != 3:
            raise Invalid(f"{at}: {len(row)} values instead of path, hash and size")
        path, digest, size = row
        if path in listed:
            raise Invalid(f"{at}: lists {shown(path)} a second time")
        if path not in files:
            raise Invalid(f"{at}: lists {shown(path)}, which is not a file in the wheel; build the wheel again")
        listed.add(path)
        if digest or path not in exempt:
            lines[path] = _line(digest, size, f"{at}: {shown(path)}")
    for path in files:
        if path not in listed and path not in exempt:
            raise Invalid(f"{where} does not list {shown(path)}; build the wheel again, do not add files to it")
    return lines


def verify(line: Line, chunks: Iterator[bytes], path: str) -> None:
    """Compare a file with what RECORD says of it, reading it to the end.

    Raises:
        Invalid: its hash or size is another one.
    """
    digest = hashlib.new(line.algorithm)
    size = 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    if line.size is not None and line.size != size:
        raise Invalid(f"{shown(path)} has {size} bytes, but RECORD says {line.size}; it was changed after the build")
    if urlsafe_b64encode(digest.digest()).rstrip(b"=").decode() != line.digest:
        raise Invalid(
            f"{shown(path)} does not have the {line.algorithm} that RECORD says; it was changed after the build"
        )


def _rows(data: bytes, where: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(_lines(data, where), strict=True)
    except UnicodeDecodeError:
        raise Invalid(f"{where} is not UTF-8; build the wheel again") from None
    except csv.Error as error:
        raise Invalid(f"{where} is not a CSV table: {error}") from None


def _lines(data: bytes, where: str) -> Iterator[str]:
    text = TextIOWrapper(BytesIO(data), encoding="utf-8", newline="")
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise TooLarge(f"{where} has a line of more than {_LONGEST_LINE} characters; build the wheel again")
        yield line


def _line(digest: str, size: str, at: str) -> Line:
    algorithm, equals, value = digest.partition("=")
    if not equals:
        raise Invalid(f"{at} has no hash; every file but RECORD needs one")
    if algorithm not in _DIGEST_LENGTHS:
        raise Invalid(f"{at} is hashed with {shown(algorithm)}, which is not accepted; use sha256")
    if len(value) != _DIGEST_LENGTHS[algorithm]:
        raise Invalid(f"{at}: the {algorithm} is not written in urlsafe base64 without padding; correct the build")
    if size and not (size.isascii() and size.isdigit() and len(size) < 20):
        raise Invalid(f"{at}: {shown(size)} is not a size in bytes")
    return Line(algorithm, value, int(size) if size else None)
