"""How often files are downloaded, by file, version and day: outside git, and never in the way of a download.

A download is an answer that carries a whole file; a HEAD, a 304 and a piece are none, nor is the metadata file. What
is counted waits in memory and is written now and then, and when the server stops; a killed process loses some seconds.
"""

import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from registry.database import Busy, Database
from registry.errors import WaybillError
from registry.strips import discard

EVERY = 10.0  # seconds until what came is written
MOST_WAITING = 100_000  # files and days that a disk which takes nothing may leave in memory
_DAY = 86_400  # seconds
_TABLES = """
CREATE TABLE IF NOT EXISTS download (
    registry TEXT, project TEXT, version TEXT, filename TEXT, day INTEGER, number INTEGER,
    PRIMARY KEY (registry, project, day, filename)
) WITHOUT ROWID
"""
_ADD = (
    "INSERT INTO download VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (registry, project, day, filename) DO UPDATE SET number = number + excluded.number"
)


class Download(NamedTuple):
    """The file that somebody was given."""

    registry: str
    project: str
    version: str
    filename: str


class Counted(NamedTuple):
    """How often one file was downloaded on one day, UTC."""

    day: date
    version: str
    filename: str
    number: int


def carries_all(method: str, status: str, headers: Mapping[str, str]) -> bool:
    """Tell whether an answer carries a whole file.

    Args:
        method: of the request.
        status: the answer's, such as `206 Partial Content`.
        headers: the answer's.
    """
    if method != "GET" or not status.startswith("206"):
        return method == "GET" and status.startswith("200")
    piece, _, size = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    return size.isdecimal() and piece == f"0-{int(size) - 1}"


class Downloads:
    """The counter. Any thread and any process may use it."""

    def __init__(self, file: Path | None = None) -> None:
        """Nothing is counted yet.

        Args:
            file: where it is kept; None: in this process.
        """
        self._file = file
        self._database = Database(file, _TABLES)
        self._waiting: dict[tuple[Download, int], int] = {}
        self._writing = threading.Lock()
        self._counting = threading.Lock()
        self._writer: threading.Thread | None = None

    def count(self, download: Download) -> None:
        """Count one download; takes no longer than remembering it, and never fails."""
        key = download, int(time.time() // _DAY)
        with self._counting:
            self._waiting[key] = self._waiting.get(key, 0) + 1
            if self._writer is None:
                self._begin()

    def write(self) -> bool:
        """Write what came; what the disk does not take now waits.

        Returns:
            Whether there was anything to write.
        """
        with self._writing:
            with self._counting:
                taken, self._waiting = self._waiting, {}
            if not taken:
                return False
            rows = [(*download, day, number) for (download, day), number in taken.items()]
            try:
                with self._database.writing() as connection:
                    connection.executemany(_ADD, rows)
            except (Busy, WaybillError, OSError):
                self._put_back(taken)
            except sqlite3.Error as error:
                self._put_back(taken)
                if self._file is not None:
                    self._database.close()
                    discard(self._file, error)  # damaged: what it held cannot be read any more
        return True

    def _put_back(self, taken: dict[tuple[Download, int], int]) -> None:
        with self._counting:
            for key, number in taken.items():
                if key in self._waiting or len(self._waiting) < MOST_WAITING:
                    self._waiting[key] = self._waiting.get(key, 0) + number

    def of_project(self, registry: str, project: str, since: datetime | None, until: datetime | None) -> list[Counted]:
        """Tell how often the files of a project were downloaded, newest day first.

        Args:
            registry: which.
            project: of it.
            since: from that day on.
            until: up to that day.
        """
        self.write()
        days = (int(since.timestamp() // _DAY) if since else 0, int(until.timestamp() // _DAY) if until else 2**40)
        asked = (
            "SELECT day, version, filename, number FROM download "
            "WHERE registry = ? AND project = ? AND day BETWEEN ? AND ? ORDER BY day DESC, filename"
        )
        rows: list[tuple[int, str, str, int]] = []
        with suppress(Busy, sqlite3.Error, OSError), self._database.reading() as connection:
            rows = connection.execute(asked, (registry, project, *days)).fetchall()
        return [Counted(datetime.fromtimestamp(row[0] * _DAY, UTC).date(), *row[1:]) for row in rows]

    def _begin(self) -> None:
        """Let somebody write in a while: here and not before, as it must be in the process that counts."""
        writer = threading.Thread(target=self._write_on, name="downloads", daemon=True)
        with suppress(RuntimeError):  # there is no room for a thread now; the next download tries again
            writer.start()
            self._writer = writer

    def _write_on(self) -> None:
        """Write now and then, as long as something comes."""
        while True:
            time.sleep(EVERY)
            self.write()
            with self._counting:
                if not self._waiting:
                    self._writer = None
                    return
