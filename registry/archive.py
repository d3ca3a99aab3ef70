"""Reads and checks wheels and sdists without extracting them.

What passes here is one archive to every client: no second reading as another format, by another parser or on another
file system. So a registry that serves it cannot be made to serve something else than it looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import SEEK_END
from pathlib import Path

from registry.archives.core_metadata import read_metadata
from registry.archives.limits import Limits, Metered
from registry.archives.sdist import read_sdist
from registry.archives.wheel import read_wheel
from registry.names import Distribution

__all__ = ["Contents", "Limits", "inspect"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What the registry keeps of an archive's inside.

    Attributes:
        metadata: METADATA or PKG-INFO, byte for byte as in the archive (PEP 658).
        metadata_version: as written; an sdist's metadata holds for its wheels from 2.2 on (PEP 643).
        name: as the archive spells it, for display.
        version: as the archive spells it.
        requires_python: as written, None if it is not there.
        peculiar: what PyPI would refuse it for, by the word with which a registry accepts it (`PECULIARITIES`).
        members: every file with its size unpacked, in the archive's order.
    """

    metadata: bytes
    metadata_version: str
    name: str
    version: str
    requires_python: str | None
    peculiar: Mapping[str, str]
    members: Mapping[str, int] = field(repr=False, compare=False)


def inspect(path: Path, dist: Distribution, limits: Limits = Limits()) -> Contents:  # noqa: B008 (frozen)
    """Check an archive and read its metadata, streaming, so that a hostile one costs little and is never unpacked.

    Args:
        path: the archive, under whatever name it is kept.
        dist: what its filename says; the archive must say the same of itself.
        limits: what it may cost.

    Raises:
        Invalid: the archive is not acceptable; the message says why and what to do. `TooLarge` if for its size.
    """
    with Metered(path, limits) as file:
        length = file.seek(0, SEEK_END)
        read = read_wheel if dist.kind == "wheel" else read_sdist
        where, metadata, members = read(file, length, dist, limits)
    fields = read_metadata(metadata, where, dist)
    return Contents(
        metadata,
        fields.metadata_version,
        fields.name,
        fields.version,
        fields.requires_python,
        fields.peculiar,
        members,
    )
