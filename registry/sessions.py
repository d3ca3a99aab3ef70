"""Who is signed in with a browser: a file of sessions, each bound to the API token it was begun with.

The browser has a secret, the file only its digest, so that reading the file opens nothing. A session says which token
to ask about, at every request anew: it ends with the token, whatever the file says. It may be deleted at any time.
"""

import hashlib
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from registry.database import Busy, Database
from registry.errors import Unavailable
from registry.strips import discard

T = TypeVar("T")
Opened = Callable[[], AbstractContextManager[sqlite3.Connection]]
LIFETIME = timedelta(hours=8)  # a working day; then the token is asked for again
MOST = 20  # sessions of one token; the oldest make room
_TABLE = "CREATE TABLE IF NOT EXISTS session (digest TEXT PRIMARY KEY, token TEXT NOT NULL, ends REAL NOT NULL)"


class Sessions:
    """The sessions of one installation; any thread and any process may ask."""

    def __init__(self, file: Path | None = None) -> None:
        """Nothing is opened yet.

        Args:
            file: where they are kept; None: in this process.
        """
        self._database = Database(file, _TABLE)

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

        self._do(self._database.writing, add)
        return secret

    def token(self, secret: str, now: datetime) -> str | None:
        """Tell which token a session was begun with; None where there is no such session any more.

        Raises:
            Unavailable: they cannot be read.
        """
        question = "SELECT token FROM session WHERE digest = ? AND ends > ?"
        asked = _digest(secret), now.timestamp()
        row = self._do(self._database.reading, lambda connection: connection.execute(question, asked).fetchone())
        return str(row[0]) if row else None

    def end(self, secret: str) -> None:
        """End a session.

        Raises:
            Unavailable: it cannot be ended now.
        """
        question = "DELETE FROM session WHERE digest = ?"
        self._do(self._database.writing, lambda connection: connection.execute(question, (_digest(secret),)))

    def _do(self, opened: Opened, work: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the file; one that is damaged is thrown away, and everybody signs in again."""
        try:
            with opened() as connection:
                return work(connection)
        except (sqlite3.Error, OSError, Busy) as error:
            file = self._database.file
            if not isinstance(error, sqlite3.Error) or file is None or not discard(file, error):
                raise _unavailable(error) from None
        try:
            with opened() as connection:
                return work(connection)
        except (sqlite3.Error, OSError, Busy) as error:
            raise _unavailable(error) from None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"Nobody can sign in or out now ({error}); try again, or ask the operator")
