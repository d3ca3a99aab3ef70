"""How often files are downloaded, by file, version and day: outside git, and never in the way of a download.

A download is an answer that carries a whole file; a HEAD, a 304 and a piece are none, nor is the metadata file. What
is counted waits in memory and is written now and then, and when the server stops; a killed process loses some seconds.
What the file holds of it, and for how long, `registry/counts.py` says.
"""

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from registry import counts
from registry.counts import Asked, Counted, Place
from registry.database import PATIENCE, Busy, Database
from registry.errors import Unavailable, WaybillError
from registry.strips import discard

EVERY = 10.0  # seconds until what came is written
MOST_WAITING = 100_000  # files and days that a disk which takes nothing may leave in memory
HELD = 0.1  # seconds for which summing up keeps others from the file at once
_DAY = 86_400  # seconds
T = TypeVar("T")


class Download(NamedTuple):
    """The file that somebody was given."""

    registry: str
    project: str
    version: str
    filename: str


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
        self._database = Database(file, counts.TABLES)
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

            def add() -> None:
                with self._database.writing() as connection:
                    counts.add(connection, rows)

            try:
                self._asked(add)
            except WaybillError:
                self._put_back(taken)
        return True

    def _put_back(self, taken: dict[tuple[Download, int], int]) -> None:
        with self._counting:
            for key, number in taken.items():
                if key in self._waiting or len(self._waiting) < MOST_WAITING:
                    self._waiting[key] = self._waiting.get(key, 0) + number

    def of_project(self, asked: Asked, most: int, after: Place | None = None) -> tuple[list[Counted], int]:
        """Tell how often the files of a project were downloaded, newest day first.

        Args:
            asked: which of them, and when.
            most: how many counts.
            after: `place` of the last one on the page before.

        Returns:
            A page of counts, and the sum of all pages.

        Raises:
            Unavailable: the file cannot be read now.
        """
        self.write()
        self._asked(partial(self._take_over, PATIENCE))

        def read() -> tuple[list[Counted], int]:
            with self._database.reading() as connection:
                connection.execute("BEGIN")  # so that both are of one moment
                try:
                    return counts.page(connection, asked, most, after), counts.total(connection, asked)
                finally:
                    with suppress(sqlite3.Error):  # which must not hide what was wrong
                        connection.execute("ROLLBACK")

        return self._asked(read)

    def sum_up(self, today: date) -> int:
        """Let days that are long past become months; others wait for it no longer than for a count.

        Args:
            today: the day, UTC.

        Returns:
            How many months were made, of one project each.

        Raises:
            Unavailable: the file cannot be written now.
        """
        self.write()
        self._asked(partial(self._take_over, math.inf))

        def some() -> tuple[int, bool]:
            done, ends = 0, time.monotonic() + HELD
            with self._database.writing() as connection:
                while time.monotonic() < ends:
                    if not counts.sum_up(connection, today):
                        return done, False
                    done += 1
            return done, True

        done, more = self._asked(some)
        while more:
            time.sleep(HELD)
            further, more = self._asked(some)
            done += further
        return done

    def _take_over(self, patience: float) -> None:
        """Take over what an earlier version counted, which it may still do beside this one."""
        ends = time.monotonic() + patience
        while time.monotonic() < ends:
            with self._database.reading() as connection:
                if not connection.execute("SELECT 1 FROM download LIMIT 1").fetchone():
                    return
            with self._database.writing() as connection:
                counts.take_over(connection)
        raise Busy

    def _asked(self, question: Callable[[], T]) -> T:
        """Use the file, and a new one if it is damaged."""
        for _ in range(2):
            try:
                return question()
            except (Busy, OSError):
                break
            except sqlite3.Error as error:
                if not self._begun_anew(error):
                    break
        raise Unavailable("The counts of downloads cannot be read now; try again in a few seconds")

    def _begun_anew(self, error: sqlite3.Error) -> bool:
        """Remove a damaged file, as what it held cannot be read any more; False if it is not, or cannot be, removed."""
        self._database.close()
        return self._file is not None and discard(self._file, error)

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
