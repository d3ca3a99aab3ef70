"""Which projects say what of themselves, and who depends on whom: a derived index, outside git.

It follows the ledger by its trees: what has the same id as when it was read says the same, so that only changed folders
are opened, whatever led to them, and nothing depends on history. Before it answers, it is brought to the newest commit.
What it shows is under seals, and what damage hides, maintenance finds (`mend`): then it is made again, and it may be
deleted at any time. Whether a caller may read what is found, each answer asks the policy of now.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from registry import findings
from registry.database import Busy, Database
from registry.errors import Unavailable
from registry.index import Index
from registry.sought import NEEDS, Seals, Sought, seals_of_found, seals_of_need, statement
from registry.strips import Damaged, discard, is_whole

T = TypeVar("T")
Newest = Callable[[], Index]
MayRead = Callable[[str, str], bool]  # registry and project
ROWS = 1_000  # that one question looks at, whether they may be shown or not
HELD = 2**23  # characters of them, of which one question holds little more
PATIENCE = 10.0  # seconds for others of this process that follow the ledger or read rows


@dataclass(frozen=True, slots=True)
class Found:
    """A project, as its latest release describes it."""

    rank: int  # 0: its name is what was searched for; 1: begins so; 2: has it inside; 3: anything else
    name: str
    registry: str
    version: str | None
    status: str
    summary: str
    keywords: tuple[str, ...]
    classifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dependent:
    """A release that needs something."""

    registry: str
    project: str
    version: str
    requirement: str
    latest: bool  # whether it is the release that an installer would choose


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of what there is to find; perhaps nothing, and more behind it: what may not be shown is looked at too."""

    found: list[T]
    rest: list[Any] | None  # where the next page begins; None: there is no more


class Finder:
    """The index. Any thread and any process may ask; a disk that takes no file gives each process one of its own."""

    def __init__(self, file: Path | None = None) -> None:
        """Nothing is read yet.

        Args:
            file: where it is kept; None: in this process.
        """
        self._file = file
        self._database = Database(file, findings.TABLES)
        self._private: Database | None = None
        self._lock = threading.Lock()

    def find(
        self, newest: Newest, sought: Sought, may_read: MayRead, most: int, after: Sequence[Any] | None = None
    ) -> Page[Found]:
        """Find projects, those first whose names fit best.

        Args:
            newest: gives the newest ledger, whenever it is asked.
            sought: what for.
            may_read: which may be shown.
            most: how many.
            after: `rest` of the page before.

        Raises:
            Invalid: there is nothing to look for in what is sought.
            Unavailable: the index cannot be made now.
        """
        asked, values = statement(sought)
        after = after or (-1, "", "", 0)
        values |= dict(zip(("ra", "na", "re", "skipped"), after, strict=True))
        rows, more = self._rows(newest, asked, values, seals_of_found)
        page = _page(rows, more, after, lambda row: may_read(row[2], row[1]), most)
        return Page([Found(*row[:6], *map(tuple, json.loads(row[6]))) for row in page.found], page.rest)

    def dependents(
        self, newest: Newest, name: str, may_read: MayRead, most: int, after: Sequence[Any] | None = None
    ) -> Page[Dependent]:
        """Find the releases that need a project, wherever that comes from.

        Args:
            newest: gives the newest ledger, whenever it is asked.
            name: of the project, normalised.
            may_read: which may be shown.
            most: how many.
            after: `rest` of the page before.

        Raises:
            Unavailable: the index cannot be made now.
        """
        after = after or ("", "", "", "", 0)
        values = {"on": name} | dict(zip(("a", "b", "c", "d", "skipped"), after, strict=True))
        rows, more = self._rows(newest, NEEDS, values, seals_of_need)
        page = _page(rows, more, after, lambda row: may_read(row[0], row[1]), most)
        return Page([Dependent(row[0], row[1], row[2], row[3], bool(row[4])) for row in page.found], page.rest)

    def mend(self) -> bool:
        """Look for damage that hides something, which no answer shows, and let the index be made again if there is any.

        Returns:
            Whether there was.

        Raises:
            OSError: the file cannot be read now.
        """
        if self._file is None or not self._file.exists():
            return False
        error: Exception = Damaged()
        if is_whole(self._file):
            try:
                with self._database.writing() as connection:  # compares the words of projects with where they stand
                    connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
            except Busy:
                raise OSError("what is searched is in use") from None
            except sqlite3.Error as found:
                error = found
            else:
                return False
        self._database.close()
        return discard(self._file, error)

    def _rows(
        self, newest: Newest, asked: str, values: dict[str, Any], sealed: Callable[[Any], Seals]
    ) -> tuple[list[Any], bool]:
        """Read the next rows, each with its seals and what they are on, and whether there are more.

        Others wait for this, so whose they are is asked later.
        """

        def read(connection: sqlite3.Connection) -> tuple[list[Any], bool]:
            rows: list[Any] = []
            held = 0
            for row in connection.execute(f"{asked} LIMIT {ROWS + 1} OFFSET :skipped", values):
                if len(rows) == ROWS or held > HELD:
                    return rows, True
                if any(seal != findings.seal(*values) for seal, values in sealed(row)):
                    raise Damaged
                rows.append(row)
                held += sum(len(value) for value in row if isinstance(value, str))
            return rows, False

        try:
            return self._ask(newest, read)
        except Busy:
            raise Unavailable("What is searched is being read; try again") from None

    def _ask(self, newest: Newest, question: Callable[[sqlite3.Connection], T]) -> T:
        """Answer from the file; from a new one if it is damaged; from this process's own if the disk takes none."""
        for _ in range(2):
            try:
                return self._answer(self._private or self._database, newest, question)
            except (sqlite3.Error, Damaged, OSError) as error:
                self._database.close()
                if self._file is None or isinstance(error, OSError) or not discard(self._file, error):
                    self._private = Database(None, findings.TABLES)
        return self._answer(self._private or self._database, newest, question)

    def _answer(self, database: Database, newest: Newest, question: Callable[[sqlite3.Connection], T]) -> T:
        if not self._lock.acquire(timeout=PATIENCE):  # threads that ask at once need not all read the same
            raise Busy
        try:
            while True:
                index = newest()
                with database.reading() as connection:
                    connection.execute("BEGIN")
                    try:
                        if findings.commit(connection) == index.snapshot.id:
                            return question(connection)
                    finally:
                        connection.execute("ROLLBACK")
                with database.writing() as connection:
                    findings.follow(connection, index)
        finally:
            self._lock.release()


def _page(rows: list[Any], more: bool, after: Sequence[Any], fits: Callable[[Any], bool], most: int) -> Page[Any]:
    """Take from rows, which begin with their place, what may be shown.

    The next page begins behind the last that may be shown and skips so many that may not: their names stay unsaid.
    """
    found: list[Any] = []
    *place, skipped = after
    for row in rows:
        if not fits(row):
            skipped += 1
        elif len(found) == most:
            return Page(found, [*place, 0])
        else:
            found.append(row)
            place, skipped = list(row[: len(place)]), 0
    return Page(found, [*place, skipped] if more else None)
