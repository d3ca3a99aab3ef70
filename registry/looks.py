"""What a look into an artifact's bytes tells: checksums and contents. Looked once, when asked; kept outside git.

Uploads do not wait for any of it. What is kept stands under the artifact's sha256 and a seal; it may be deleted at any
time, and what is damaged is looked for again.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol

from registry.blobs import Blobs
from registry.database import Busy, Database
from registry.errors import Invalid, NotFound, Unavailable
from registry.model import File, Sha256

PATIENCE = 10.0  # seconds that a look waits for others
QUICK = 16 * 2**20  # bytes that are hashed for an answer which was not asked for digests alone; a tenth of a second
FEW = 20  # files of which that is kept at once
_BLOCK = 2**20  # bytes
_SUMS = "checksums"  # the kind of look that tells digests
_TABLES = """
CREATE TABLE IF NOT EXISTS look (sha256 TEXT, kind TEXT, said TEXT, seal TEXT, PRIMARY KEY (sha256, kind)) WITHOUT ROWID
"""


class _Hash(Protocol):
    def update(self, block: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Looks:
    """What was found out about artifacts. Any thread and any process may ask."""

    def __init__(self, blobs: Blobs, file: Path | None = None) -> None:
        """Nothing is looked at yet.

        Args:
            blobs: the artifacts.
            file: where it is kept; None: in this process.
        """
        self._blobs = blobs
        self._database = Database(file, _TABLES)
        self._one = threading.Lock()  # looks take processor time, and many at once would take it from uploads

    def checksums(self, file: File) -> dict[str, str]:
        """Give the digests of a file by the names of PEP 503 and PyPI.

        Raises:
            Unavailable: the artifact is damaged or gone.
        """
        found: dict[str, str] = self._told(file, _SUMS, self._digests)
        return found

    def at_hand(self, files: Iterable[File], wanted: Iterable[File] = ()) -> dict[Sha256, dict[str, str]]:
        """Give the digests of files that are kept, by sha256, and more of them as far as that is quick.

        Args:
            files: of which kept digests are given; none of them is read.
            wanted: those of them whose digests are made, unless others are being looked into, or it is too much.
        """
        found: dict[Sha256, dict[str, str]] = {}
        asked = "SELECT sha256, said, seal FROM look WHERE kind = ? AND sha256 IN (SELECT value FROM json_each(?))"
        with suppress(Busy, sqlite3.Error, OSError), self._database.reading() as connection:
            for sha256, said, seal in connection.execute(asked, (_SUMS, json.dumps([file.sha256 for file in files]))):
                if isinstance(said, str) and seal == _seal(sha256, _SUMS, said):
                    found[sha256] = json.loads(said)
        left = QUICK
        for file in [file for file in wanted if file.sha256 not in found][:FEW]:
            if file.size <= left:
                left -= file.size
                with suppress(Unavailable):  # which is told to who asks for the file
                    found[file.sha256] = self._told(file, _SUMS, self._digests, patience=0)
        return found

    def contents(self, file: File) -> list[dict[str, Any]]:
        """List the members of an archive with their sizes unpacked, in the archive's order.

        Raises:
            Unavailable: the artifact is damaged or gone.
        """
        found: list[dict[str, Any]] = self._told(file, "contents", self._members)
        return found

    def _told(self, file: File, kind: str, look: Callable[[File], Any], patience: float = PATIENCE) -> Any:
        said = self._kept(file.sha256, kind)
        if said is None:
            if not self._one.acquire(timeout=patience):
                raise Unavailable("Other files are being looked into; try again")
            try:
                said = self._kept(file.sha256, kind) or json.dumps(look(file))
            finally:
                self._one.release()
            with suppress(Busy, sqlite3.Error, OSError, Unavailable), self._database.writing() as connection:
                row = (file.sha256, kind, said, _seal(file.sha256, kind, said))
                connection.execute("INSERT OR REPLACE INTO look VALUES (?, ?, ?, ?)", row)
        return json.loads(said)

    def _kept(self, sha256: Sha256, kind: str) -> str | None:
        with suppress(Busy, sqlite3.Error, OSError, UnicodeDecodeError), self._database.reading() as connection:
            asked = "SELECT said, seal FROM look WHERE sha256 = ? AND kind = ?"
            row = connection.execute(asked, (sha256, kind)).fetchone()
            if row and isinstance(row[0], str) and row[1] == _seal(sha256, kind, row[0]):
                return row[0]
        return None

    def _digests(self, file: File) -> dict[str, str]:
        hashes: dict[str, _Hash] = {
            "md5": hashlib.md5(usedforsecurity=False),
            "sha1": hashlib.sha1(usedforsecurity=False),
            "sha256": hashlib.sha256(),
            "sha512": hashlib.sha512(),
            "blake2b_256": hashlib.blake2b(digest_size=32),
        }
        try:
            with closing(self._blobs.open(file.sha256)) as stream:
                while block := stream.read(_BLOCK):
                    for digest in hashes.values():
                        digest.update(block)
        except NotFound as error:
            raise _gone(error) from error
        if hashes["sha256"].hexdigest() != file.sha256:
            raise _damaged(file)
        return {name: digest.hexdigest() for name, digest in hashes.items()}

    def _members(self, file: File) -> list[dict[str, Any]]:
        from registry import archive  # noqa: PLC0415 - every command has this file, and few look into archives

        try:
            with closing(self._blobs.open(file.sha256)) as stream:
                found = archive.inspect(Path(stream.name), file.dist)
        except NotFound as error:
            raise _gone(error) from error
        except Invalid as error:
            raise Unavailable(f"'{file.filename}' cannot be looked into: {error}") from error
        return [{"name": name, "size": size} for name, size in found.members.items()]


def _seal(sha256: str, kind: str, said: str) -> str:
    return hashlib.sha256(f"{sha256}/{kind}/{said}".encode()).hexdigest()


def _gone(error: NotFound) -> Unavailable:
    return Unavailable(f"{error}, though the ledger records it; restore it from a backup or mirror")


def _damaged(file: File) -> Unavailable:
    return Unavailable(f"The bytes of '{file.filename}' are damaged; restore them from a backup or mirror")
