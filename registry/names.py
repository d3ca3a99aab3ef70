"""The one door for untrusted names, versions and filenames.

Everything below this file handles only what these functions returned. Each is ASCII first and bounded in length before
any library sees the text: `re.IGNORECASE` without `re.ASCII` accepts U+212A, and `Version("9" * 5000)` raises a bare
ValueError.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NewType

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from registry.errors import Invalid

ProjectName = NewType("ProjectName", str)
RegistryName = NewType("RegistryName", str)

LONGEST_NAME = 100
LONGEST_CHANGE = 64
LONGEST_VERSION = 100
LONGEST_FILENAME = 230  # leaves room for ".attestations.json" below the 255 bytes of common file systems

_KEPT = 10_000  # results of each costly reader below; what it is given is short, so this is some megabytes at most

# First path segments of URLs and of the ledger that can therefore not be registries (DESIGN section 4).
RESERVED_REGISTRIES = frozenset({"-", "_", "api", "v2", "pypi", "simple", "static", "tokens", "changes"})

# PEP 508 names, ASCII only: https://packaging.python.org/en/latest/specifications/name-normalization/
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_REGISTRY = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_CHANGE = re.compile(r"[a-z0-9](?:[._]?[a-z0-9-]){0,63}")  # as git takes it, and no other name means the same branch
_GLOB = re.compile(r"[a-z0-9*?-]+")
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a filename says: the identity that upload authorises, stores and serves."""

    filename: str
    project: ProjectName
    version: str
    kind: str  # "sdist" (PEP 625) or "wheel" (PEP 427)


def project_name(raw: str) -> ProjectName:
    """Normalise a project name, so that one project has one spelling everywhere (PEP 503).

    Args:
        raw: the name as a user, URL or archive spells it.

    Raises:
        Invalid: it is not a name.
    """
    if len(raw) > LONGEST_NAME or not _NAME.fullmatch(raw):
        raise Invalid(
            f"{_shown(raw)} is not a project name: start and end with an ASCII letter or digit, "
            f"use only letters, digits, '.', '_' and '-', at most {LONGEST_NAME} characters"
        )
    return ProjectName(re.sub(r"[-_.]+", "-", raw).lower())


def registry_name(raw: str) -> RegistryName:
    """Check a registry name, which is a folder of the policy, of the ledger and of every URL.

    Args:
        raw: the name as a URL, an option or a folder spells it.

    Raises:
        Invalid: it is reserved or not a name.
    """
    if raw in RESERVED_REGISTRIES:
        raise Invalid(f"'{raw}' is reserved for URLs of the server and cannot name a registry; choose another name")
    if len(raw) > LONGEST_NAME or not _REGISTRY.fullmatch(raw):
        raise Invalid(f"{_shown(raw)} is not a registry name: use lower-case ASCII letters, digits and inner hyphens")
    return RegistryName(raw)


def change_name(raw: str) -> str:
    """Check the name of a change, which is a branch, a record of the ledger and a word on command lines.

    Raises:
        Invalid: it is not a name.
    """
    if len(raw) > LONGEST_CHANGE or not _CHANGE.fullmatch(raw) or raw.endswith(".lock"):
        raise Invalid(
            f"{_shown(raw)} is not the name of a change: use 1-{LONGEST_CHANGE} lower-case ASCII letters, digits, "
            "'-', and single '.' and '_' between them"
        )
    return raw


def project_glob(raw: str) -> str:
    """Check a pattern over normalised project names, such as `payments-*`.

    Args:
        raw: as a token's scope spells it.

    Raises:
        Invalid: it could match no normalised name.
    """
    if len(raw) > LONGEST_NAME or not _GLOB.fullmatch(raw):
        raise Invalid(f"{_shown(raw)} is not a project pattern: use lower-case letters, digits, '-', '*' and '?'")
    return raw


@lru_cache(_KEPT)
def version(raw: str) -> str:
    """Normalise a version to the one spelling used in filenames, folders and pages (PEP 440).

    Args:
        raw: the version as metadata, a form or a person spells it.

    Raises:
        Invalid: it is too long or not PEP 440.
    """
    if len(raw) > LONGEST_VERSION or not raw.isascii():
        raise Invalid(
            f"{_shown(raw)} is not a version: PEP 440 versions are ASCII, at most {LONGEST_VERSION} characters"
        )
    try:
        return str(Version(raw))
    except InvalidVersion:
        raise Invalid(f"{_shown(raw)} is not a PEP 440 version; write it like 1.4.0, 1.4.0rc1 or 1.4.0.post1") from None


def same_version(one: str, other: str) -> bool:
    """Tell whether two normalised versions are equal for PEP 440, as 1.0 and 1.0.0 are."""
    return _canonical(one) == _canonical(other)


@lru_cache(_KEPT)
def version_order(normalised: str) -> Version:
    """Give the PEP 440 sort key of a version that `version` returned."""
    return Version(normalised)


@lru_cache(_KEPT)
def distribution(filename: str) -> Distribution:
    """Read project, version and kind from a distribution's filename.

    Args:
        filename: what the uploader calls the file.

    Raises:
        Invalid: it is not the exact, normalised name of a wheel (PEP 427) or sdist (PEP 625).
    """
    if len(filename) > LONGEST_FILENAME:
        raise Invalid(f"The filename is {len(filename)} characters long; at most {LONGEST_FILENAME} are accepted")
    if not _FILENAME.fullmatch(filename):
        raise Invalid(
            f"{_shown(filename)} is not a distribution filename: only ASCII letters, digits and '._+!-' are accepted, "
            "and no folders"
        )
    try:
        if filename.endswith(".whl"):
            name, parsed, _, _ = parse_wheel_filename(filename)
            kind = "wheel"
            given_name, given_version = filename.split("-")[:2]
        elif filename.endswith(".tar.gz"):
            name, parsed = parse_sdist_filename(filename)
            kind = "sdist"
            given_name, _, given_version = filename.removesuffix(".tar.gz").rpartition("-")
        else:
            raise Invalid(
                f"'{filename}' is neither a wheel (.whl) nor an sdist (.tar.gz); other formats are not accepted"
            )
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
        raise Invalid(f"'{filename}' is not a valid distribution filename: {error}") from None
    dist = Distribution(filename, project_name(name), version(str(parsed)), kind)
    _refuse_other_spelling(dist, given_name, given_version)
    return dist


def sentence(what: str, raw: str, longest: int) -> str:
    """Check a text a person wrote to be shown to others: a terminal, a log and a page must all show it as one line.

    Args:
        what: the field, for messages.
        raw: the text; white space is folded.
        longest: characters accepted.

    Raises:
        Invalid: it is too long, or holds what a terminal would obey instead of show.
    """
    text = " ".join(raw.split())
    if len(text) > longest:
        raise Invalid(f"{what}: {len(text)} characters are too many; at most {longest} are accepted")
    if not text.isprintable():
        raise Invalid(f"{what}: {_shown(text)} holds control or invisible characters; remove them")
    return text


_canonical = lru_cache(_KEPT)(canonicalize_version)


def _refuse_other_spelling(dist: Distribution, given_name: str, given_version: str) -> None:
    """Refuse a second spelling of a name or version: two spellings would be two names for one file."""
    escaped = dist.project.replace("-", "_")
    if (given_name, given_version) != (escaped, dist.version):
        should = dist.filename.replace(f"{given_name}-{given_version}", f"{escaped}-{dist.version}", 1)
        raise Invalid(
            f"'{dist.filename}' is not normalised: it should be named '{should}'. "
            "Build it again with a current build backend (PEP 625, PEP 427)"
        )


def _shown(raw: str) -> str:
    """Quote untrusted text for a message: printable ASCII on one line, and short."""
    return ascii(raw if len(raw) <= 80 else raw[:77] + "...")
