"""One SQLite file for all threads and processes of a server, flushed with every commit; nobody waits long for it."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry.durable import require_sound

PATIENCE = 2.0  # seconds for other threads and processes together; a mint answers within five


class Busy(Exception):
    """Others used the file for too long."""


class Database:
    """The file. It may be taken away at any time: the next who asks makes it again."""

    def __init__(self, file: Path | None, tables: str) -> None:
        """Nothing is opened yet.

        Args:
            file: where it is; None: in this process.
            tables: statements that make its tables where there are none.
        """
        self.file = file
        self._tables = tables
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int, int] | None = None  # which file, and by which process
        self._left: list[sqlite3.Connection] = []  # of the process we were forked from: not ours to close

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Ask it.

        Raises:
            Busy: others used it for too long.
            sqlite3.Error: it is damaged, or cannot be used.
            OSError: it cannot be made.
        """
        ends = time.monotonic() + PATIENCE
        if not self._lock.acquire(timeout=PATIENCE):
            raise Busy("it is busy")
        try:
            connection = self._connected()
            left = max(0.0, ends - time.monotonic())
            connection.execute(f"PRAGMA busy_timeout = {int(left * 1000)}")
            yield connection
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:  # text that is no UTF-8 has none
                raise Busy("it is busy") from error
            raise
        except UnicodeDecodeError as error:  # of what SQLite says about a damaged name
            raise sqlite3.DatabaseError("it is damaged") from error
        finally:
            self._lock.release()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of a block or nothing; it is flushed when the block ends.

        Raises:
            Unavailable: this server only reads any more.
            Busy: others used it for too long.
            sqlite3.Error: it is damaged, or cannot be used.
            OSError: it cannot be made.
        """
        require_sound()
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def require_writable(self) -> None:
        """Do what `writing` does, without anything to write.

        Raises:
            Unavailable, Busy, sqlite3.Error, OSError: as it would.
        """
        require_sound()
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file, as before a fork."""
        with self._lock:
            self._leave()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and self._opened == self._there():
            return self._connection
        self._leave()
        if self.file is not None:
            os.close(os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self.file or ":memory:", isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(self._tables)
        self._connection, self._opened = connection, self._there()
        return connection

    def _there(self) -> tuple[int, int, int] | None:
        """Tell which file is there for this process; None where none is."""
        if self.file is None:
            return 0, 0, os.getpid()
        try:
            found = self.file.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino, os.getpid()

    def _leave(self) -> None:
        if self._connection is None:
            return
        if self._opened and self._opened[2] == os.getpid():
            self._connection.close()
        else:
            self._left.append(self._connection)
        self._connection = self._opened = None
