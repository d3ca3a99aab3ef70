"""Core metadata as plain values: its fields by their names in JSON, and what it needs to be installed.

https://packaging.python.org/en/latest/specifications/core-metadata/ ; the names are those of PEP 566's JSON form.
"""

import re
from typing import Any, TypedDict

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

LONGEST_NEED = 2_000  # characters of a requirement that is taken apart: longer ones take seconds
_BODY = re.compile(rb"\r?\n\r?\n")


class Need(TypedDict):
    """One requirement, as written and taken apart."""

    requirement: str
    name: str | None  # normalised; null where it is no requirement by today's rules, like all that follows
    extras: list[str]
    specifier: str
    marker: str | None
    url: str | None


def head(metadata: bytes) -> bytes:
    """Give core metadata without its body, the description."""
    return _BODY.split(metadata, maxsplit=1)[0] + b"\n"


def fields(metadata: bytes, *, description: bool = True) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Take core metadata apart.

    Args:
        metadata: METADATA or PKG-INFO, as stored.
        description: whether its body is wanted, which takes most of the time.

    Returns:
        The fields that the standard knows, and the others as they were written.
    """
    from packaging.metadata import parse_email  # noqa: PLC0415 - which would be felt in the start of every command

    known, unknown = parse_email(metadata if description else head(metadata))
    return dict(known), unknown


def need(text: str) -> Need:
    """Take a requirement apart (PEP 508); one that is none by today's rules is shown as it was written."""
    try:
        read = Requirement(text) if len(text) <= LONGEST_NEED else None
    except (InvalidRequirement, RecursionError):
        read = None
    if read is None:
        return Need(requirement=text, name=None, extras=[], specifier="", marker=None, url=None)
    return Need(
        requirement=text,
        name=canonicalize_name(read.name),
        extras=sorted(read.extras),
        specifier=str(read.specifier),
        marker=str(read.marker) if read.marker else None,
        url=read.url,
    )
