"""entry_points.txt, from which installers make commands: a name with a slash in it would be written outside the PATH.

Source: https://packaging.python.org/en/latest/specifications/entry-points/#file-format
"""

import re
from configparser import ConfigParser, Error

from registry.archives.members import shown
from registry.errors import Invalid

_SCRIPTS = ("console_scripts", "gui_scripts")
_SCRIPT = re.compile(r"[\w.-]+", re.ASCII)


class _EntryPoints(ConfigParser):
    """The file format: INI with '=' alone, case-sensitive, without defaults and interpolation."""

    def __init__(self) -> None:
        super().__init__(delimiters=("=",), interpolation=None, default_section="")

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def check_entry_points(data: bytes, where: str) -> None:
    """Check that installers can make commands of what is declared, and only commands.

    Args:
        data: entry_points.txt.
        where: its name, for messages.

    Raises:
        Invalid: it cannot be read, or a script's name is not a plain filename.
    """
    parser = _EntryPoints()
    try:
        parser.read_string(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid(f"{where} is not UTF-8; build the wheel again") from None
    except Error as error:
        raise Invalid(
            f"{where} cannot be read: {shown(str(error))}; correct the entry points and build again"
        ) from None
    for section in parser.sections():
        for name, value in parser[section].items() if section in _SCRIPTS else ():
            if not _SCRIPT.fullmatch(name) or name in (".", ".."):
                raise Invalid(
                    f"{where}: {shown(name)} cannot name a command; use ASCII letters, digits, '.', '_' and '-'"
                )
            if "\n" in value:
                raise Invalid(
                    f"{where}: {shown(name)} goes on in a second line, which installers read as a second command"
                )
