"""What the standard asks of the fields that clients act on: who breaks it is refused by some of them, or misread.

Source: https://packaging.python.org/en/latest/specifications/core-metadata/, with PEP 508 for dependencies. What only
looks bad, such as a README that does not render, is for the rules of WB4.
"""

import re
from functools import lru_cache

from packaging.requirements import Requirement

from registry.archives.fields import LONGEST_DEPENDENCY, Fields
from registry.archives.members import shown
from registry.errors import Invalid, TooLarge

NEWEST_MAJOR = 2  # "MUST fail if metadata_version has a greater major version than the highest version they support"
MOST_DEPENDENCIES = 10_000

_METADATA_VERSION = re.compile(r"([0-9]{1,3})\.[0-9]{1,3}")
_EXTRA = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_NEVER_DYNAMIC = frozenset({"metadata-version", "name", "version"})  # PEP 643
_RUNS_IN_A_BROWSER = re.compile(r"\s*(?:javascript|data|vbscript)\s*:", re.IGNORECASE)
_MOST_NESTED = 40  # parentheses of a marker: its parser calls itself for each
_LONGEST_LABEL = 32  # characters of a Project-URL's label


def check_standard(fields: Fields) -> None:
    """Refuse metadata that some client could not use, or would use otherwise than another.

    Raises:
        Invalid: a field breaks the standard.
    """
    where = fields.where
    version = fields.one("Metadata-Version")
    found = _METADATA_VERSION.fullmatch(version)
    if not found:
        raise Invalid(f"{where}: Metadata-Version {shown(version)} is not a version like 2.4")
    if int(found[1]) > NEWEST_MAJOR:
        raise Invalid(
            f"{where}: clients must refuse Metadata-Version {shown(version)}; build with a backend that writes 2.x"
        )
    if any("\n" in value.strip() for value in fields.all("Summary")):
        raise Invalid(f"{where}: Summary must be a single line; shorten description in pyproject.toml")
    for extra in fields.all("Provides-Extra"):
        if not _EXTRA.fullmatch(extra.strip()):
            raise Invalid(f"{where}: Provides-Extra {shown(extra)} is not a name; use letters, digits, '.', '_', '-'")
    for field in fields.all("Dynamic"):
        if field.strip().lower() in _NEVER_DYNAMIC:
            raise Invalid(f"{where}: Dynamic may not name {shown(field)}, which is the same in every build (PEP 643)")
    _check_links(fields)
    for path in fields.all("License-File") if _at_least(version, "2.4") else ():  # before, tools wrote what they liked
        if path.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", path) or ":" in path:
            raise Invalid(f"{where}: License-File {shown(path)} leaves the archive; name it relative to the project")


def _at_least(version: str, least: str) -> bool:
    return [*map(int, version.split("."))] >= [*map(int, least.split("."))]


def dependencies(fields: Fields) -> list[tuple[str, str | None]]:
    """List what a distribution depends on, provides and replaces.

    Returns:
        Each as written, with the URL if it is one.

    Raises:
        Invalid: one is not a dependency (PEP 508).
    """
    found: list[tuple[str, str | None]] = []
    for field in ("Requires-Dist", "Provides-Dist", "Obsoletes-Dist"):
        for text in fields.all(field):
            if len(found) == MOST_DEPENDENCIES:
                raise TooLarge(f"{fields.where} has more than {MOST_DEPENDENCIES} dependencies; name fewer")
            try:
                found.append((text, _url(text)))
            except (ValueError, RecursionError):  # a number of too many digits is a bare ValueError
                raise Invalid(
                    f"{fields.where}: {field} {shown(text)} is not a dependency; write it like 'name>=1.0' (PEP 508)"
                ) from None
    return found


@lru_cache(10_000)
def _url(text: str) -> str | None:
    if len(text) > LONGEST_DEPENDENCY or text.count("(") > _MOST_NESTED:
        raise ValueError("too long")
    return Requirement(text).url


def _check_links(fields: Fields) -> None:
    """Refuse a link that would run in the browser of whoever follows it, and one without a label to show."""
    for field in ("Home-page", "Download-URL"):
        for link in fields.all(field):
            _check_link(link, field, fields.where)
    for value in fields.all("Project-URL"):
        label, comma, link = value.partition(",")
        if not comma or not 0 < len(label.strip()) <= _LONGEST_LABEL:
            raise Invalid(
                f"{fields.where}: Project-URL {shown(value)} must be a label of at most {_LONGEST_LABEL} characters, a "
                "comma, and the URL"
            )
        _check_link(link, "Project-URL", fields.where)


def _check_link(link: str, field: str, where: str) -> None:
    if _RUNS_IN_A_BROWSER.match(link) or "\n" in link.strip():
        raise Invalid(f"{where}: {field} {shown(link)} is not the address of a page; write one like https://...")
