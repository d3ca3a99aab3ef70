"""The few fields of METADATA and PKG-INFO that the registry acts on.

Source: https://packaging.python.org/en/latest/specifications/core-metadata/. Unknown fields and newer versions are let
through: the metadata is served byte for byte, and its other fields are for those who read it.
"""

import re
from dataclasses import dataclass
from email.parser import HeaderParser
from email.policy import compat32

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from registry import names
from registry.archives.members import shown
from registry.errors import Invalid, TooLarge

LONGEST_VALUE = 1000  # characters of a field that is acted on
MOST_LINES = 200_000  # of all fields; old formats keep the description there

_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_METADATA_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """What the metadata says of itself."""

    metadata_version: str
    name: str
    version: str
    requires_python: str | None


def read_metadata(data: bytes, where: str, dist: names.Distribution) -> CoreMetadata:
    """Read the metadata and compare it with the filename, so that what was authorised is what is stored.

    Args:
        data: METADATA or PKG-INFO.
        where: the member's name, for messages.
        dist: what the filename says.

    Raises:
        Invalid: a field is missing, repeated or malformed, or name or version are not those of the filename.
    """
    fields = _Fields(data, where)
    metadata_version = fields.one("Metadata-Version")
    if not _METADATA_VERSION.fullmatch(metadata_version):
        raise Invalid(f"{where}: Metadata-Version {shown(metadata_version)} is not a version like 2.4")
    name, version = fields.one("Name"), fields.one("Version")
    if names.project_name(name) != dist.project:
        raise Invalid(f"{where}: Name is {shown(name)}, but the filename says '{dist.project}'; build, do not rename")
    if names.version(version) != dist.version:
        raise Invalid(
            f"{where}: Version is {shown(version)}, but the filename says '{dist.version}'; build, do not rename"
        )
    requires_python = fields.optional("Requires-Python")
    if requires_python:
        _check_specifiers(requires_python, where)
    return CoreMetadata(metadata_version, name, version, requires_python or None)


class _Fields:
    """The header section, read by the parser that installers use too."""

    def __init__(self, data: bytes, where: str) -> None:
        blank = _BLANK_LINE.search(data)
        section = data[: blank.start()] if blank else data
        if sum(1 for _ in _LINE_END.finditer(section)) > MOST_LINES:
            raise TooLarge(f"{where} has more than {MOST_LINES} lines of fields; move the description into the body")
        try:
            text = section.decode("utf-8")
        except UnicodeDecodeError:
            raise Invalid(
                f"{where} is not UTF-8; save pyproject.toml and the readme as UTF-8 and build again"
            ) from None
        self._message = HeaderParser(policy=compat32).parsestr(text)
        self._where = where
        if self._message.get_payload():
            raise Invalid(f"{where}: a line among the fields is not 'Field: value'; build it again")

    def one(self, field: str) -> str:
        value = self.optional(field)
        if not value:
            raise Invalid(f"{self._where} has no {field}; build it again with a current build backend")
        return value

    def optional(self, field: str) -> str | None:
        values = self._message.get_all(field, [])
        if len(values) > 1:
            raise Invalid(f"{self._where} has {field} more than once, and tools disagree on which one counts")
        if not values:
            return None
        value = str(values[0]).strip()
        if len(value) > LONGEST_VALUE or not value.isprintable():
            raise Invalid(f"{self._where}: {field} must be one line of at most {LONGEST_VALUE} printable characters")
        return value


def _check_specifiers(requires_python: str, where: str) -> None:
    try:
        SpecifierSet(requires_python)
    except InvalidSpecifier:
        raise Invalid(
            f"{where}: Requires-Python {shown(requires_python)} is not a specifier; write it like '>=3.11'"
        ) from None
