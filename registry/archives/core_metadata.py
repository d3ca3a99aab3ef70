"""The few fields of METADATA and PKG-INFO that the registry acts on.

Source: https://packaging.python.org/en/latest/specifications/core-metadata/. Unknown fields and newer minor versions
are let through: the metadata is served byte for byte, and its other fields are for those who read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from registry import names
from registry.archives.fields import Fields
from registry.archives.members import shown
from registry.archives.peculiar import peculiarities
from registry.archives.standard import check_standard
from registry.errors import Invalid


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """What the metadata says of itself."""

    metadata_version: str
    name: str
    version: str
    requires_python: str | None
    peculiar: Mapping[str, str]  # what PyPI would refuse it for, by the word with which a registry accepts it


def read_metadata(data: bytes, where: str, dist: names.Distribution) -> CoreMetadata:
    """Read the metadata and compare it with the filename, so that what was authorised is what is stored.

    Args:
        data: METADATA or PKG-INFO.
        where: the member's name, for messages.
        dist: what the filename says.

    Raises:
        Invalid: a field is missing, repeated or malformed, or name or version are not those of the filename.
    """
    fields = Fields(data, where)
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
    check_standard(fields)
    peculiar = peculiarities(dist, fields)
    return CoreMetadata(fields.one("Metadata-Version"), name, version, requires_python or None, peculiar)


def _check_specifiers(requires_python: str, where: str) -> None:
    try:
        SpecifierSet(requires_python)
    except InvalidSpecifier:
        raise Invalid(
            f"{where}: Requires-Python {shown(requires_python)} is not a specifier; write it like '>=3.11'"
        ) from None
