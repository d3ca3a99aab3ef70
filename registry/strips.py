"""Columns of fixed-size values in a SQLite file, in strips under a seal each: a flipped bit is noticed, never believed.

What is kept here can be made again, so nothing is flushed; a power cut leaves at worst what the seals find out.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

STRIP = 1_000  # values
_FORMAT = b"waybill strips 4"
_PATIENCE = 10.0  # seconds for another process that writes
# What the disk or another process makes impossible now; anything else SQLite says means that the file is damaged.
_NOT_NOW = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}  # fmt: skip


class Damaged(Exception):
    """A strip is missing or is not what was written."""


class Strips:
    """Columns of values of one size each, which only grow at their end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection.execute
        connection.text_factory = bytes  # damaged text must not fail in a way of its own
        self._sql(
            "CREATE TABLE IF NOT EXISTS strip (name TEXT, number INTEGER, content BLOB, seal BLOB, "
            "PRIMARY KEY (name, number))"
        )

    def read(self, name: str, number: int) -> bytes:
        """Read one strip of a column; empty where the column ends before it.

        Raises:
            Damaged: it is not what was written.
        """
        row = self._sql("SELECT content, seal FROM strip WHERE name = ? AND number = ?", (name, number)).fetchone()
        if row is None:
            return b""
        content, seal = row
        if not isinstance(content, bytes) or seal != _seal(name, number, content):
            raise Damaged
        return content

    def last(self, name: str) -> tuple[int, bytes]:
        """Read the last strip of a column, with its number; an empty column ends in an empty strip 0.

        Raises:
            Damaged: it is not what was written.
        """
        number = self._sql("SELECT max(number) FROM strip WHERE name = ?", (name,)).fetchone()[0] or 0
        if not isinstance(number, int):
            raise Damaged
        return number, self.read(name, number)

    def extend(self, name: str, width: int, values: Sequence[bytes]) -> None:
        """Add values of one width to the end of a column."""
        number, content = self.last(name)
        content += b"".join(values)
        size = STRIP * width
        for start in range(0, len(content), size):
            strip = content[start : start + size]
            row = (name, number, strip, _seal(name, number, strip))
            self._sql("INSERT OR REPLACE INTO strip VALUES (?, ?, ?, ?)", row)
            number += 1

    def cut(self, names: Mapping[str, int], length: int) -> None:
        """Make columns end at the same place, whatever stands behind it.

        Args:
            names: the columns, with the width of each.
            length: how many values they have.

        Raises:
            Damaged: one is shorter.
        """
        number, rest = divmod(length, STRIP)
        for name, width in names.items():
            kept = self.read(name, number)[: rest * width]
            if len(kept) != rest * width:
                raise Damaged
            self._sql("DELETE FROM strip WHERE name = ? AND number >= ?", (name, number))
            if kept:
                self._sql("INSERT INTO strip VALUES (?, ?, ?, ?)", (name, number, kept, _seal(name, number, kept)))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See one state for the time of a block."""
        self._sql("BEGIN")
        try:
            yield
        finally:
            self._sql("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write all of a block or nothing, while nobody else writes."""
        self._sql("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with suppress(sqlite3.Error):
                self._sql("ROLLBACK")
            raise
        self._sql("COMMIT")


@contextmanager
def opened(file: Path) -> Iterator[Strips]:
    """Open a file of strips for one question; makes it when there is none."""
    with closing(sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        yield Strips(connection)


def private() -> Strips:
    """Make strips in memory, for a process whose disk takes none."""
    return Strips(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))


def is_sound(file: Path) -> bool:
    """Tell whether everything in a file of strips is what was written; a file in use is read as it stands.

    Raises:
        OSError: it cannot be read now.
    """
    return _asked(file, _seals_hold)


def is_whole(file: Path) -> bool:
    """Tell whether SQLite finds a database of ours in order; a file in use is read as it stands.

    Raises:
        OSError: it cannot be read now.
    """
    return _asked(file, _in_order)


def _asked(file: Path, question: Callable[[sqlite3.Connection], bool]) -> bool:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)) as connection:
            connection.text_factory = bytes
            return question(connection)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW:
            raise OSError(str(error)) from error
        return False
    except (UnicodeDecodeError, TypeError):
        return False


def _in_order(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA integrity_check(1)").fetchone() == (b"ok",))


def _seals_hold(connection: sqlite3.Connection) -> bool:
    strips = connection.execute("SELECT name, number, content, seal FROM strip")
    return _in_order(connection) and all(
        isinstance(name, bytes) and isinstance(content, bytes) and seal == _seal(name.decode(), number, content)
        for name, number, content, seal in strips
    )


def discard(file: Path, why: Exception) -> bool:
    """Remove a file that is damaged or cannot be used, so that a new one takes its place.

    Returns:
        Whether that is worth another try; False when the file is only in use, or the disk is the reason.
    """
    if isinstance(why, sqlite3.Error) and getattr(why, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW:
        return False
    try:
        for suffix in ("", "-wal", "-shm", "-journal"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _seal(name: str, number: int, content: bytes) -> bytes:
    return hashlib.sha256(b"%b/%b/%d/%b" % (_FORMAT, name.encode(), number, content)).digest()


def backwards(values: bytearray, width: int) -> list[bytes]:
    """Take values of one width apart, the last first."""
    return [bytes(values[at : at + width]) for at in range(len(values) - width, -1, -width)]


def never_back(last: bytes, times: list[bytes]) -> list[bytes]:
    """Let no commit be older than the one before it: clocks differ, and what is in force follows the branch."""
    kept = []
    for time in times:
        last = max(last, time)  # big-endian, so bytes are in the order of numbers
        kept.append(last)
    return kept
