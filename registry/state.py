"""What must not be in git and must outlast a crash: used identity tokens, upload tokens, the keys of issuers.

One SQLite file for all processes of a server, flushed with every commit. A lost file fails closed: upload tokens are
known only here, so all of them end, and identity tokens made before the new file began are not taken, because which of
them were used nobody knows any more. A file restored from a backup cannot tell: restore none, delete it.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from registry.database import Busy, Database
from registry.errors import Unavailable
from registry.model import UploadToken

LEEWAY = 30  # seconds that clocks may differ
_TABLES = """
CREATE TABLE IF NOT EXISTS used (id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS used_until ON used (until);
CREATE TABLE IF NOT EXISTS forgotten (once INTEGER PRIMARY KEY CHECK (once = 0), until INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS upload_token (id TEXT PRIMARY KEY, until INTEGER NOT NULL, said TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS upload_token_until ON upload_token (until);
CREATE TABLE IF NOT EXISTS keys (issuer TEXT PRIMARY KEY, said TEXT, fetched REAL NOT NULL, tried REAL NOT NULL);
CREATE TABLE IF NOT EXISTS begun (once INTEGER PRIMARY KEY CHECK (once = 0), at INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The keys of an issuer as it gave them."""

    said: str | None  # its JWK Set (RFC 7517); None: it never gave any
    at: float  # when, in seconds since the epoch
    tried: float  # when it was last asked


class State:
    """The small state of one installation. Any thread and any process may use it."""

    def __init__(self, file: Path | None = None) -> None:
        """Nothing is opened yet.

        Args:
            file: where it is kept; None: in this process, for tests and for what makes an installation.
        """
        self._database = Database(file, _TABLES)

    def begin(self, at: int | None = None) -> int:
        """Make the file if there is none, and tell since when it remembers what was used.

        Args:
            at: seconds since the epoch, where it is known that nothing was used before; None: now.

        Raises:
            Unavailable: it cannot be used; so says every method.
        """
        asked = "SELECT at FROM begun"
        with self._reading() as connection:
            row = connection.execute(asked).fetchone()
        if row is None:
            began = int(datetime.now(UTC).timestamp()) if at is None else at
            with self._writing() as connection:
                connection.execute("INSERT OR IGNORE INTO begun VALUES (0, ?)", (began,))
                row = connection.execute(asked).fetchone()
        return int(row[0])

    def require_usable(self) -> None:
        """Make sure that tokens can be exchanged, as far as that can be told without writing."""
        self.begin()
        with self._in_words():
            self._database.require_writable()

    def exchange(self, used: str, until: datetime, token: UploadToken, now: datetime) -> bool:
        """Remember that an identity token was used, and keep the upload token it was exchanged for: both or nothing.

        Args:
            used: names the identity token, unlike any other.
            until: the first moment at which it would not be taken any more anyway.
            token: what it was exchanged for.
            now: the moment; what has expired by then is removed.

        Returns:
            False, and nothing is kept, if it was used before, or others as old as it are forgotten.
        """
        with self._reading() as connection:  # replays, of which there may be many, need not wait for writers
            if connection.execute("SELECT 1 FROM used WHERE id = ?", (used,)).fetchone():
                return False
        with self._writing() as connection:
            _forget(connection, now)
            row = (used, int(until.timestamp()) + 1)
            if connection.execute("SELECT 1 FROM forgotten WHERE until >= ?", row[1:]).fetchone():
                return False  # it was good when this exchange began; whether it was used, nobody knows any more
            if connection.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", row).rowcount != 1:
                return False
            kept = (token.id, int(token.expires.timestamp()) + 1, _written(token))
            connection.execute("INSERT INTO upload_token VALUES (?, ?, ?)", kept)
            return True

    def forget(self, now: datetime) -> int:
        """Remove what has expired, and tell how much that was."""
        with self._writing() as connection:
            return _forget(connection, now)

    def upload_token(self, token_id: str) -> UploadToken | None:
        """Find an upload token; None if it was burned, removed after its end, or never was."""
        file = self._database.file
        if file is not None and not file.exists():  # whoever guesses tokens need not make it
            return None
        with self._reading() as connection:
            row = connection.execute("SELECT said FROM upload_token WHERE id = ?", (token_id,)).fetchone()
            return _read(token_id, row[0]) if row else None

    def burn(self, token_id: str) -> None:
        """End an upload token, on every worker at once."""
        with self._writing() as connection:
            connection.execute("DELETE FROM upload_token WHERE id = ?", (token_id,))

    def fetched(self, issuer: str) -> Fetched | None:
        """Find the keys of an issuer; None if it was never asked."""
        with self._reading() as connection:
            row = connection.execute("SELECT said, fetched, tried FROM keys WHERE issuer = ?", (issuer,)).fetchone()
            return Fetched(*row) if row else None

    def keep_keys(self, issuer: str, said: str | None, now: float) -> None:
        """Keep what an issuer gave; None: it gave nothing, and what it gave before stays."""
        with self._writing() as connection:
            connection.execute("INSERT OR IGNORE INTO keys VALUES (?, NULL, 0, 0)", (issuer,))
            connection.execute("UPDATE keys SET tried = ? WHERE issuer = ?", (now, issuer))
            if said is not None:
                connection.execute("UPDATE keys SET said = ?, fetched = ? WHERE issuer = ?", (said, now, issuer))

    def close(self) -> None:
        """Close the file, as before a fork."""
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._in_words(), self._database.reading() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._in_words(), self._database.writing() as connection:
            yield connection

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Say what to do; whatever is wrong, nobody gets in because of it."""
        try:
            yield
        except Busy:
            raise Unavailable("Too many pipelines ask at once, or the disk is slow; try again in a moment") from None
        except (sqlite3.Error, OSError, ValueError, KeyError, TypeError) as error:
            name = self._database.file.name if self._database.file else "the state"
            raise Unavailable(
                f"{name} cannot be used now ({error}), and nobody publishes by identity token without it. If it is "
                "damaged, delete it: upload tokens end, and pipelines ask for new ones"
            ) from error


def _forget(connection: sqlite3.Connection, now: datetime) -> int:
    past = (int(now.timestamp()),)
    newest = connection.execute("SELECT max(until) FROM used WHERE until <= ?", past).fetchone()
    if newest[0] is not None:  # remembered, as clocks are set back and an exchange takes time
        connection.execute("INSERT OR IGNORE INTO forgotten VALUES (0, 0)")
        connection.execute("UPDATE forgotten SET until = max(until, ?)", newest)
    used = connection.execute("DELETE FROM used WHERE until <= ?", past).rowcount
    return used + connection.execute("DELETE FROM upload_token WHERE until <= ?", past).rowcount


def _written(token: UploadToken) -> str:
    return json.dumps(
        {
            "sha256": token.secret_sha256,
            "expires": token.expires.timestamp(),
            "publisher": token.publisher,
            "claims": dict(token.claims),
            "places": token.places,
            "verified": dict(token.verified),
            "declared": dict(token.declared),
            "resolved": dict(token.resolved),
        }
    )


def _read(token_id: str, text: str) -> UploadToken:
    said = json.loads(text)
    return UploadToken(
        id=token_id,
        secret_sha256=said["sha256"],
        expires=datetime.fromtimestamp(said["expires"], UTC),
        publisher=said["publisher"],
        claims=said["claims"],
        places=tuple((registry, project) for registry, project in said["places"]),
        verified=said["verified"],
        declared=said["declared"],
        resolved=said.get("resolved", {}),
    )
