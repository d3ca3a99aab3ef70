"""The names of members: what an archive may call the files that a client will write to disk."""

import re
import unicodedata

from registry.archives.limits import MIB, Limits
from registry.errors import Invalid, TooLarge

LONGEST_NAME = 1024  # bytes
LONGEST_NAMES = 8 * MIB  # of all members together

_DRIVE = re.compile(r"[A-Za-z]:")
_INVISIBLE = frozenset({"Cc", "Zl", "Zp"})  # control characters and line separators, by Unicode category


def shown(text: str) -> str:
    """Quote untrusted text for a message: printable ASCII on one line, and short."""
    return ascii(text if len(text) <= 80 else text[:77] + "...")


class Names:
    """Collects the names of one archive, so that no two of them can mean the same file on anyone's disk."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._bytes = 0
        self._seen: list[tuple[str, str, bool]] = []

    def add(self, raw: bytes, *, directory: bool) -> str:
        """Decode and check one name.

        Args:
            raw: the name as the container holds it.
            directory: whether the container says so.

        Returns:
            The name, without the slash that ends a directory's.

        Raises:
            Invalid: a client could write it somewhere unexpected, or cannot write it at all.
        """
        self._bytes += len(raw)
        if len(self._seen) == self._limits.members:
            raise TooLarge(f"The archive has more than {self._limits.members} members; split the package")
        if len(raw) > LONGEST_NAME or self._bytes > LONGEST_NAMES:
            raise TooLarge(
                f"Member names may have {LONGEST_NAME} bytes each and {LONGEST_NAMES // MIB} MiB together; shorten them"
            )
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Invalid(f"Member name {raw[:80]!a} is not UTF-8; rename the file") from None
        if directory:
            name = name.removesuffix("/")
        _refuse_unsafe(name)
        self._seen.append((_folded(name), name, directory))
        return name

    def finish(self) -> None:
        """Compare all names with each other.

        Raises:
            Invalid: two of them are one file on some disk, or one is both a file and a directory.
        """
        self._seen.sort()
        for (key, name, directory), (next_key, next_name, _) in zip(self._seen, self._seen[1:], strict=False):
            if name == next_name:
                raise Invalid(f"Member {shown(name)} is in the archive twice; tools disagree on which one counts")
            if key == next_key:
                raise Invalid(
                    f"Members {shown(name)} and {shown(next_name)} are the same file on disks that ignore case or "
                    "Unicode spelling; rename one"
                )
            if next_key.startswith(key + "\0") and not directory:
                raise Invalid(f"Member {shown(name)} is a file, but {shown(next_name)} needs it to be a directory")


def _folded(name: str) -> str:
    """Give a key under which twins are equal and, as NUL sorts first, a directory stands right before its content."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return name.lower().replace("/", "\0")


def _refuse_unsafe(name: str) -> None:
    if not (name.isascii() and name.isprintable()) and any(unicodedata.category(char) in _INVISIBLE for char in name):
        raise Invalid(f"Member name {shown(name)} contains control characters; rename the file")
    if "\\" in name:
        raise Invalid(f"Member name {shown(name)} contains a backslash, which is a folder on Windows; use '/'")
    if name.startswith("/") or _DRIVE.match(name):
        raise Invalid(f"Member name {shown(name)} is absolute; names must be relative to the archive")
    segments = name.split("/")
    if ".." in segments:
        raise Invalid(f"Member name {shown(name)} climbs out of its folder with '..'; rename the file")
    if "" in segments or "." in segments:
        raise Invalid(f"Member name {shown(name)} has an empty or '.' segment; write the path in its shortest form")
