"""What must lie inside an sdist.

Source: https://packaging.python.org/en/latest/specifications/source-distribution-format/ (PEP 517, 625, 643).
"""

from collections.abc import Iterator
from typing import BinaryIO

from registry import names
from registry.archives.limits import MIB, Limits
from registry.archives.members import shown
from registry.archives.nested import Nested
from registry.archives.tar import Member, Tar
from registry.errors import Invalid, TooLarge


def read_sdist(
    file: BinaryIO, length: int, dist: names.Distribution, limits: Limits
) -> tuple[str, bytes, dict[str, int]]:
    """Check an sdist and give its PKG-INFO.

    Args:
        file: the sdist.
        length: its size in bytes.
        dist: what its filename says.
        limits: what it may cost.

    Returns:
        The member's name and its bytes; and the size of every file.

    Raises:
        Invalid: it is not an sdist that every client unpacks alike.
    """
    nested = Nested(limits, length)
    top: str | None = None
    found: tuple[str, bytes] | None = None
    sizes: dict[str, int] = {}
    for member, data in Tar(file, length, limits).members():
        top = _same_top(top, member, dist)
        if not member.directory:
            sizes[member.name] = member.size
        if member.name == f"{top}/PKG-INFO" and not member.directory:
            found = member.name, _read(member, data, limits)
        else:
            for _ in nested.watch(member.name, member.size, data):
                pass
    if found is None:
        where = f"{dist.project.replace('-', '_')}-{dist.version}/PKG-INFO"
        raise Invalid(
            f"The sdist has no {where}; build it with a build backend, an archive of the sources is not enough"
        )
    return *found, sizes


def _same_top(top: str | None, member: Member, dist: names.Distribution) -> str:
    """Check that the member lies in the one top-level directory, which is named after the release."""
    here, _, below = member.name.partition("/")
    if top is None:
        _check_top(here, dist)
    elif here != top:
        raise Invalid(
            f"The sdist has two top-level members, {shown(top)} and {shown(here)}; put everything below the first"
        )
    if not below and not member.directory:
        raise Invalid(f"Member {shown(here)} must be a directory: everything in an sdist lies in {{name}}-{{version}}")
    return here


def _check_top(top: str, dist: names.Distribution) -> None:
    name, _, version = top.rpartition("-")
    try:
        same = (names.project_name(name), names.version(version)) == (dist.project, dist.version)
    except Invalid:
        same = False
    if not same:
        expected = f"{dist.project.replace('-', '_')}-{dist.version}"
        raise Invalid(
            f"The sdist's directory is {shown(top)}, but the filename asks for {expected}; build, do not rename"
        )


def _read(member: Member, data: Iterator[bytes], limits: Limits) -> bytes:
    if member.size > limits.metadata:
        raise TooLarge(f"{shown(member.name)} is larger than {limits.metadata // MIB} MiB; shorten the readme")
    return b"".join(data)
