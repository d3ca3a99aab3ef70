"""The fields of METADATA and PKG-INFO, read by the parser that installers use too, where all of them read it alike.

Source: https://packaging.python.org/en/latest/specifications/core-metadata/.
"""

import re
from email.parser import HeaderParser
from email.policy import compat32

from registry.archives.members import shown
from registry.errors import Invalid, TooLarge

LONGEST_VALUE = 1000  # characters of a field that is acted on
LONGEST_DEPENDENCY = 4000  # characters; markers and URLs may be long
MOST_LINES = 200_000  # of all fields; old formats keep the description there

_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LONE_RETURN = re.compile(rb"\r(?!\n)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MAY_HOLD_CONTROL = frozenset({"description", "license"})  # whole texts, such as licences with form feeds

# "Multiple use" is said of all others.
_SINGLE = (
    "Summary", "Description", "Description-Content-Type", "Keywords", "Home-page", "Download-URL", "Author",
    "Author-email", "Maintainer", "Maintainer-email", "License", "License-Expression",
)  # fmt: skip


class Fields:
    """The header section."""

    def __init__(self, data: bytes, where: str) -> None:
        """Read it.

        Args:
            data: METADATA or PKG-INFO.
            where: the member's name, for messages.

        Raises:
            Invalid: readers would see different fields in it.
        """
        blank = _BLANK_LINE.search(data)
        section = data[: blank.start()] if blank else data
        if sum(1 for _ in _LINE_END.finditer(section)) > MOST_LINES:
            raise TooLarge(f"{where} has more than {MOST_LINES} lines of fields; move the description into the body")
        if _LONE_RETURN.search(section) or b"\0" in section:
            raise Invalid(f"{where}: the fields hold a NUL or a lone carriage return; some readers end a line there")
        try:
            text = section.decode("utf-8")
        except UnicodeDecodeError:
            raise Invalid(
                f"{where} is not UTF-8; save pyproject.toml and the readme as UTF-8 and build again"
            ) from None
        self._message = HeaderParser(policy=compat32).parsestr(text)
        self.where = where
        if self._message.get_payload() or self._message.defects or self._message.get_unixfrom():
            raise Invalid(f"{where}: a line among the fields is not 'Field: value'; build it again")
        if _CONTROL.search(text):
            self._refuse_control_characters()
        for field in _SINGLE:
            self._refuse_second(field, self.all(field))

    def one(self, field: str) -> str:
        """Give a field that must be there."""
        value = self.optional(field)
        if not value:
            raise Invalid(f"{self.where} has no {field}; build it again with a current build backend")
        return value

    def optional(self, field: str) -> str | None:
        """Give a field of one short line; None where it is not there."""
        values = self.all(field)
        self._refuse_second(field, values)
        if not values:
            return None
        value = values[0].strip()
        if len(value) > LONGEST_VALUE or not value.isprintable():
            raise Invalid(f"{self.where}: {field} must be one line of at most {LONGEST_VALUE} printable characters")
        return value

    def all(self, field: str) -> list[str]:
        """Give every value of a field as it is written."""
        return [str(value) for value in self._message.get_all(field, [])]

    def _refuse_second(self, field: str, values: list[str]) -> None:
        if len(values) > 1:
            raise Invalid(f"{self.where} has {field} more than once, and tools disagree on which one counts")

    def _refuse_control_characters(self) -> None:
        for field, value in self._message.items():
            if field.lower() not in _MAY_HOLD_CONTROL and _CONTROL.search(str(value)):
                raise Invalid(f"{self.where}: {shown(field)} holds control characters, which a terminal would obey")
