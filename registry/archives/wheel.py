"""What must lie inside a wheel.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/ (PEP 427 and its successors).
"""

import re
from email.parser import HeaderParser
from email.policy import compat32
from typing import BinaryIO

from packaging.tags import Tag, parse_tag

from registry import names
from registry.archives.entry_points import check_entry_points
from registry.archives.limits import Limits
from registry.archives.members import shown
from registry.archives.nested import Nested
from registry.archives.record import read_record, verify
from registry.archives.zip import Zip
from registry.errors import Invalid

LARGEST_WHEEL_FILE = 1 << 16  # bytes of WHEEL
LARGEST_ENTRY_POINTS = 1 << 20  # bytes of entry_points.txt

_DIST_INFO = ".dist-info"
_FORMAT = re.compile(r"1\.[0-9]{1,3}")
_TAG = re.compile(r"[a-z0-9_.]+-[a-z0-9_.]+-[a-z0-9_.]+", re.IGNORECASE | re.ASCII)
_LONGEST_TAG = 200  # characters; a compressed tag expands to a product
_MOST_TAGS = 10_000


def read_wheel(
    file: BinaryIO, length: int, dist: names.Distribution, limits: Limits
) -> tuple[str, bytes, dict[str, int]]:
    """Check a wheel and give its METADATA.

    Args:
        file: the wheel.
        length: its size in bytes.
        dist: what its filename says.
        limits: what it may cost.

    Returns:
        The member's name and its bytes; and the size of every file.

    Raises:
        Invalid: it is not a wheel that every installer unpacks alike, or its RECORD does not hold.
    """
    archive = Zip(file, length, limits)
    folder = _dist_info(archive, dist)
    for required in ("METADATA", "WHEEL", "RECORD"):
        if f"{folder}/{required}" not in archive.files:
            raise Invalid(f"The wheel has no {folder}/{required}; build it again with a current build backend")
    where = f"{folder}/WHEEL"
    _check_wheel_file(archive.read(where, LARGEST_WHEEL_FILE), where, dist)
    where = f"{folder}/entry_points.txt"
    if where in archive.files:
        check_entry_points(archive.read(where, LARGEST_ENTRY_POINTS), where)
    metadata = archive.read(f"{folder}/METADATA", limits.metadata)
    _verify_members(archive, f"{folder}/RECORD", Nested(limits, length), limits)
    return f"{folder}/METADATA", metadata, {name: entry.size for name, entry in archive.files.items()}


def _dist_info(archive: Zip, dist: names.Distribution) -> str:
    """Find the one folder that describes the wheel, and check that it is named after this release."""
    tops = {entry.name.partition("/")[0] for entry in archive.entries}
    found = sorted(top for top in tops if top.lower().endswith(_DIST_INFO))
    expected = f"{dist.project.replace('-', '_')}-{dist.version}{_DIST_INFO}"
    if not found:
        raise Invalid(f"The wheel has no folder {expected}; build it again with a current build backend")
    if len(found) > 1:
        raise Invalid(
            f"The wheel has {len(found)} {_DIST_INFO} folders, {shown(found[0])} and {shown(found[1])}; keep one"
        )
    name, _, version = found[0].removesuffix(_DIST_INFO).partition("-")
    try:
        same = (names.project_name(name), names.version(version)) == (dist.project, dist.version)
    except Invalid:
        same = False
    if not same:
        raise Invalid(
            f"The wheel's folder is {shown(found[0])}, but the filename asks for {expected}; build, do not rename"
        )
    return found[0]


def _check_wheel_file(data: bytes, where: str, dist: names.Distribution) -> None:
    """Check the format's version, and that the tags installers choose by are those of the filename."""
    try:
        fields = HeaderParser(policy=compat32).parsestr(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid(f"{where} is not UTF-8; build the wheel again") from None
    formats = [str(value) for value in fields.get_all("Wheel-Version", [])]
    if len(formats) != 1 or not _FORMAT.fullmatch(formats[0].strip()):
        raise Invalid(
            f"{where}: Wheel-Version must be there once and be 1.0 or another 1.x; build with a current backend"
        )
    build = [str(value).strip() for value in fields.get_all("Build", [])]
    said = dist.filename.removesuffix(".whl").split("-")[2:-3]
    if build and build != said:
        raise Invalid(f"{where}: its Build field says {shown(build[0])} and the filename does not; use 'wheel tags'")
    inside: set[Tag] = set()
    for value in fields.get_all("Tag", []):
        tag = str(value).strip()
        if len(tag) > _LONGEST_TAG or not _TAG.fullmatch(tag) or len(inside) > _MOST_TAGS:
            raise Invalid(f"{where}: Tag {shown(tag)} is not like py3-none-any; build the wheel again")
        inside |= parse_tag(tag)
    outside = "-".join(dist.filename.removesuffix(".whl").split("-")[-3:])
    if inside != parse_tag(outside):
        raise Invalid(
            f"{where}: its Tag fields do not say {outside} as the filename does; use 'wheel tags', do not rename"
        )


def _verify_members(archive: Zip, record: str, nested: Nested, limits: Limits) -> None:
    """Read every member to its end, against RECORD where it is listed."""
    exempt = {record, f"{record}.jws", f"{record}.p7s"}
    lines = read_record(archive.read(record, limits.metadata), record, archive.files, exempt)
    for entry in archive.entries:
        chunks = nested.watch(entry.name, entry.size, archive.chunks(entry))
        line = lines.get(entry.name)
        if line:
            verify(line, chunks, entry.name)
        else:
            for _ in chunks:
                pass
