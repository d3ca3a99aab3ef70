"""Who is signed in with a browser: a file of sessions, each bound to the API token it was begun with.

The browser has a secret, the file only its digest, so that reading the file opens nothing. A session says which token
to ask about, at every request anew: it ends with the token, whatever the file says. It may be deleted at any time.
"""

import hashlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from registry.errors import Unavailable
from registry.strips import discard

T = TypeVar("T")
LIFETIME = timedelta(hours=8)  # a working day; then the token is asked for again
MOST = 20  # sessions of one token; the oldest make room
_PATIENCE = 10  # seconds to wait for another process
_TABLE = "CREATE TABLE IF NOT EXISTS session (digest TEXT PRIMARY KEY, token TEXT NOT NULL, ends REAL NOT NULL)"


class Sessions:
    """The sessions of one installation; any thread and any process may ask."""

    def __init__(self, file: Path | None = None) -> None:
        """Nothing is opened yet.

        Args:
            file: where they are kept; None: in this process.
        """
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def begin(self, token: str, now: datetime) -> str:
        """Begin a session.

        Args:
            token: id of the token it was begun with.
            now: the moment.

        Returns:
            The secret that the browser keeps.

        Raises:
            Unavailable: it cannot be kept.
        """
        secret = secrets.token_urlsafe(32)

        def add(connection: sqlite3.Connection) -> None:
            ends = (now + LIFETIME).timestamp()
            connection.execute("DELETE FROM session WHERE ends <= ?", (now.timestamp(),))
            connection.execute("INSERT INTO session VALUES (?, ?, ?)", (_digest(secret), token, ends))
            older = "SELECT digest FROM session WHERE token = ? ORDER BY ends DESC, rowid DESC LIMIT -1 OFFSET ?"
            connection.execute(f"DELETE FROM session WHERE digest IN ({older})", (token, MOST))  # noqa: S608 - ours

        self._do(add)
        return secret

    def token(self, secret: str, now: datetime) -> str | None:
        """Tell which token a session was begun with; None where there is no such session any more.

        Raises:
            Unavailable: they cannot be read.
        """
        question = "SELECT token FROM session WHERE digest = ? AND ends > ?"
        row = self._do(lambda c: c.execute(question, (_digest(secret), now.timestamp())).fetchone())
        return str(row[0]) if row else None

    def end(self, secret: str) -> None:
        """End a session.

        Raises:
            Unavailable: it cannot be ended now.
        """
        self._do(lambda connection: connection.execute("DELETE FROM session WHERE digest = ?", (_digest(secret),)))

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the file; one that is damaged is thrown away, and everybody signs in again."""
        with self._lock:
            try:
                return self._tried(work)
            except sqlite3.Error as error:
                if self._file is None or not discard(self._file, error):
                    raise _unavailable(error) from None
            try:
                return self._tried(work)
            except sqlite3.Error as error:
                raise _unavailable(error) from None

    def _tried(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._opened()
            with connection:
                return work(connection)
        except sqlite3.Error:
            self._close()
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._file is not None:
                with suppress(OSError):  # what is wrong, SQLite says next
                    os.close(os.open(self._file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            where = self._file or ":memory:"
            self._connection = sqlite3.connect(where, timeout=_PATIENCE, check_same_thread=False)
            self._connection.execute(_TABLE)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _unavailable(error: sqlite3.Error) -> Unavailable:
    return Unavailable(f"Nobody can sign in or out now ({error}); try again, or ask the operator")
