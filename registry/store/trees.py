"""One folder as git stores it, and the same with changes: all but the changed rows is kept, byte for byte.

Format: rows of mode, name and id, sorted as if the names of folders ended with a slash (gitformat-pack(5) and git's
own `base_name_compare`).
"""

import re
from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from registry.store import Entry
from registry.store.paths import STORABLE, storable

_ROW = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_KINDS = {b"100644", b"40000"}
_ODD = {b"100755": "executable", b"120000": "a symbolic link", b"160000": "a submodule"}
_FOLDER = 0o040000
_SUBMODULE = 0o160000  # a commit of another git repository, nothing that is stored here


class _Row(NamedTuple):
    key: bytes  # what git sorts by
    raw: bytes
    name: str
    entry: Entry | None  # None: nothing that we read


class Tree:
    """One folder; never changes."""

    def __init__(self, rows: list[_Row]) -> None:
        self._rows = rows
        self.entries: Mapping[str, Entry] = {row.name: row.entry for row in rows if row.entry}

    @classmethod
    def read(cls, raw: bytes) -> "Tree":
        """Read what git stores."""
        return cls([_row(mode, name, object_id) for mode, name, object_id in _ROW.findall(raw)])

    def __len__(self) -> int:
        return len(self._rows)

    def raw(self) -> bytes:
        """Write what git stores."""
        return b"".join([row.raw for row in self._rows])

    def faults(self) -> list[str]:
        """Say what people may have put into a folder that no policy needs and some tool would misread.

        Returns:
            One sentence for each; empty where there are only files and folders by names that differ in any case.
        """
        found = []
        twins: dict[str, str] = {}
        for row in self._rows:
            mode, shown = row.raw.partition(b" ")[0], ascii(row.name)[1:-1]
            if not storable(row.name):
                found.append(f"'{shown}' cannot be a name here: {STORABLE}")
            if mode not in _KINDS:
                found.append(f"'{shown}' is {_ODD.get(mode, 'of an unknown kind')}; only plain files and folders are")
            other = twins.setdefault(row.name.casefold(), shown)
            if other != shown:
                found.append(f"'{other}' and '{shown}' differ only in case; rename one of them")
        return found

    def changed(self, changes: Mapping[str, Entry | None]) -> "Tree":
        """Make the folder with some names set, or removed where the entry is None."""
        rows = self._rows.copy()
        for name, entry in changes.items():
            for key in (name.encode(), f"{name}/".encode()):
                at = bisect_left(rows, key, key=_key)
                if at < len(rows) and rows[at].key == key:
                    del rows[at]
            if entry:
                mode = b"40000" if entry.folder else b"100644"
                row = _row(mode, name.encode(), bytes.fromhex(entry.id), entry)
                rows.insert(bisect_left(rows, row.key, key=_key), row)
        return Tree(rows)


def _row(mode: bytes, name: bytes, object_id: bytes, entry: Entry | None = None) -> _Row:
    kind = int(mode, 8)
    if entry is None and kind != _SUBMODULE:
        entry = Entry(object_id.hex(), kind == _FOLDER)
    # People push any name to the policy branch; one that is no text must not stop the server.
    text = name.decode("utf-8", "backslashreplace")
    return _Row(name + b"/" * (kind == _FOLDER), b"%s %s\0%s" % (mode, name, object_id), text, entry)


def _key(row: _Row) -> bytes:
    return row.key
