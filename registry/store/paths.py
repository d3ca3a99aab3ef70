"""Which paths a store takes, so that no tree can be written that another tool would read differently."""

import re
from collections.abc import Mapping
from typing import TypeAlias

from registry.errors import Invalid

Changes: TypeAlias = "dict[str, bytes | Changes | None]"

# What git trees allow and some checkouts or clients misread stays out: '..', '.git' in any case, NTFS and HFS aliases.
_SEGMENT = re.compile(r"[A-Za-z0-9_.+!@-]{1,255}")
STORABLE = "1-255 of A-Z a-z 0-9 _ . + ! @ -"
DEEPEST = 8


def nested(changes: Mapping[str, bytes | None]) -> Changes:
    """Turn paths into the folders they stand in.

    Raises:
        Invalid: a path is not storable.
    """
    root: Changes = {}
    for path, content in changes.items():
        segments = path.split("/")
        if len(segments) > DEEPEST or not all(map(storable, segments)):
            raise Invalid(f"{path!r} cannot be stored: each part is {STORABLE}, at most {DEEPEST} deep")
        folder = root
        for segment in segments[:-1]:
            below = folder.setdefault(segment, {})
            if not isinstance(below, dict):
                raise Invalid(f"{path!r} cannot be stored: '{segment}' is a file in the same commit")
            folder = below
        if segments[-1] in folder:
            raise Invalid(f"{path!r} cannot be stored: it is a folder in the same commit")
        folder[segments[-1]] = content
    return root


def storable(segment: str) -> bool:
    """Tell whether a name can stand in a tree."""
    return bool(_SEGMENT.fullmatch(segment)) and segment not in {".", ".."} and segment.lower() != ".git"
