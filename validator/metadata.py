"""Core metadata as rules read it: each field by its name, and what is wrong with them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from packaging.metadata import Metadata, parse_email


class CoreMetadata:
    """METADATA or PKG-INFO. Fields are attributes, named as in packaging; those that are left out are None or ()."""

    def __init__(self, text: bytes) -> None:
        """Take it byte for byte."""
        self.text = text

    def __repr__(self) -> str:
        return f"<metadata of {self.name} {self.version}>"

    @cached_property
    def _parsed(self) -> tuple[Mapping[str, Any], Mapping[str, list[str]]]:
        raw, unparsed = parse_email(self.text)
        return dict(raw), unparsed

    @property
    def unparsed(self) -> Mapping[str, list[str]]:
        """Fields that are unknown, or repeated where only one may be."""
        return self._parsed[1]

    def get(self, field: str, default: Any = None) -> Any:
        """Give one field."""
        return self._parsed[0].get(field, default)

    @property
    def name(self) -> str:
        """As the author spells it."""
        return str(self.get("name", ""))

    @property
    def version(self) -> str:
        """As written."""
        return str(self.get("version", ""))

    @property
    def metadata_version(self) -> tuple[int, ...]:
        """The version of the format, for comparing."""
        return tuple(int(part) for part in str(self.get("metadata_version", "0")).split(".") if part.isdecimal())

    @property
    def requires_python(self) -> str | None:
        """Which Python it asks for."""
        found = self.get("requires_python")
        return str(found) if found else None

    @property
    def requires_dist(self) -> tuple[str, ...]:
        """What it depends on."""
        return tuple(self.get("requires_dist", ()))

    @property
    def classifiers(self) -> tuple[str, ...]:
        """Its classifiers."""
        return tuple(self.get("classifiers", ()))

    @property
    def licence(self) -> str | None:
        """What it says of its licence: an expression (PEP 639), the old field, or a classifier."""
        found = self.get("license_expression") or self.get("license")
        return str(found) if found else next((one for one in self.classifiers if one.startswith("License ::")), None)

    @property
    def licence_files(self) -> tuple[str, ...]:
        """Files that it names as its licence (PEP 639)."""
        return tuple(self.get("license_files", ()))

    @property
    def description(self) -> str:
        """The README."""
        return str(self.get("description") or "")

    @property
    def content_type(self) -> str:
        """The README's type; text/x-rst where it says nothing, by the standard."""
        return str(self.get("description_content_type") or "text/x-rst")

    @cached_property
    def faults(self) -> tuple[str, ...]:
        """What the standard does not allow, as packaging words it."""
        try:
            Metadata.from_email(self.text, validate=True)
        except ExceptionGroup as group:
            return tuple(_said(error) for error in _single(group))
        return ()


def _single(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _single(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _said(error: BaseException) -> str:
    text, field = str(error), getattr(error, "field", "")
    return text if field in text else f"{field}: {text}"
