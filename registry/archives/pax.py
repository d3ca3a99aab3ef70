"""Extended tar headers: what may change the name of the member that follows.

Source: POSIX.1-2001 pax interchange format. A record reads "<its own length> <key>=<value>" and ends with a newline.
"""

import re

from registry.archives.members import shown
from registry.errors import Invalid

PATH, SIZE = "path", "size"

_LENGTH = re.compile(rb"([1-9][0-9]{0,5}) ")

# Readers disagree on what these do to the bytes that follow, and an sdist needs none of them.
_REFUSED = ("linkpath", "hdrcharset")


def read_pax(data: bytes, where: str) -> dict[str, str]:
    """Read the records of a pax header.

    Args:
        data: the header's content.
        where: its place, for messages.

    Raises:
        Invalid: it is malformed, repeats itself, or makes the member something else than a plain file.
    """
    records: dict[str, str] = {}
    at = 0
    while at < len(data):
        length = _LENGTH.match(data, at)
        stop = at + int(length[1]) if length else 0
        record = data[length.end() : stop] if length else b""
        if stop > len(data) or not record.endswith(b"\n"):
            raise Invalid(f"{where}: a record of the pax header has the wrong length; build the sdist again")
        try:
            key, equals, value = record[:-1].decode("utf-8").partition("=")
        except UnicodeDecodeError:
            raise Invalid(f"{where}: the pax header is not UTF-8; rename the file") from None
        if not equals or key in records:
            raise Invalid(f"{where}: the pax header sets {shown(key)} twice, or to nothing")
        if key.startswith("GNU.sparse."):
            raise Invalid(f"{where}: a sparse file follows; store it in full")
        if key in _REFUSED:
            raise Invalid(f"{where}: the pax header sets '{key}', which readers understand differently")
        records[key] = value
        at = stop
    return records
