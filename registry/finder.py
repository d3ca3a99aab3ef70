"""Which projects say what of themselves, and who depends on whom: a derived index, outside git.

It follows the ledger by its trees: what has the same id as when it was read says the same, so that only changed folders
are opened, whatever led to them, and nothing depends on history. Before it answers, it is brought to the newest commit.
It may be deleted at any time; whether a caller may read what is found, each answer asks the policy of now.
"""

import json
import re
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from registry import findings
from registry.database import Busy, Database
from registry.errors import Invalid, Unavailable
from registry.index import Index
from registry.strips import discard

T = TypeVar("T")
Newest = Callable[[], Index]
MayRead = Callable[[str, str], bool]  # registry and project
LONGEST = 200  # characters of what is searched for
MOST_WORDS = 10
_WORD = re.compile(r"\w+")
_FIND = """
SELECT * FROM (
    SELECT CASE
        WHEN :n = '' THEN 3 WHEN name = :n THEN 0 WHEN instr(name, :n) = 1 THEN 1 WHEN instr(name, :n) THEN 2 ELSE 3
    END AS rank, name, registry, version, status, summary, said FROM project p WHERE {}
) WHERE (rank, name, registry) > (:ra, :na, :re) ORDER BY rank, name, registry
"""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is searched for; a project must fit all that is given."""

    words: str = ""  # each the beginning of a word of name, summary or keywords
    registry: str | None = None
    keyword: str | None = None
    classifier: str | None = None  # or the beginning of one, up to a `::`
    depends_on: str | None = None  # normalised


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
    ) -> list[Found]:
        """Find projects, those first whose names fit best.

        Args:
            newest: gives the newest ledger, whenever it is asked.
            sought: what for.
            may_read: which may be shown.
            most: how many.
            after: rank, name and registry of the last that was shown.

        Raises:
            Invalid: there is nothing to look for in what is sought.
            Unavailable: the index cannot be made now.
        """
        conditions, values = _conditions(sought)
        name = "-".join(_WORD.findall(sought.words.lower()))
        asked = _FIND.format(" AND ".join(conditions))
        values |= {"n": name} | dict(zip(("ra", "na", "re"), after or (-1, "", ""), strict=True))
        return [
            Found(*row[:6], *map(tuple, json.loads(row[6])))
            for row in self._rows(newest, asked, values, lambda row: may_read(row[2], row[1]), most)
        ]

    def dependents(
        self, newest: Newest, name: str, may_read: MayRead, most: int, after: Sequence[str] | None = None
    ) -> list[Dependent]:
        """Find the releases that need a project, wherever that comes from.

        Args:
            newest: gives the newest ledger, whenever it is asked.
            name: of the project, normalised.
            may_read: which may be shown.
            most: how many.
            after: registry, project, version and requirement of the last that was shown.

        Raises:
            Unavailable: the index cannot be made now.
        """
        asked = (
            "SELECT registry, p.name, n.version, n.requirement, p.version IS n.version FROM need n JOIN project p "
            "ON p.id = n.project WHERE n.name = :on "
            "AND (registry, p.name, n.version, n.requirement) > (:a, :b, :c, :d) ORDER BY 1, 2, 3, 4"
        )
        values = {"on": name} | dict(zip("abcd", after or ("", "", "", ""), strict=True))
        rows = self._rows(newest, asked, values, lambda row: may_read(row[0], row[1]), most)
        return [Dependent(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]

    def _rows(
        self, newest: Newest, asked: str, values: dict[str, Any], fits: Callable[[Any], bool], most: int
    ) -> list[Any]:
        def rows(connection: sqlite3.Connection) -> list[Any]:
            found = []
            for row in connection.execute(asked, values):
                if fits(row):
                    found.append(row)
                    if len(found) == most:
                        break
            return found

        return self._ask(newest, rows)

    def _ask(self, newest: Newest, question: Callable[[sqlite3.Connection], T]) -> T:
        """Answer from the file; from a new one if it is damaged; from this process's own if the disk takes none."""
        for _ in range(2):
            try:
                return self._answer(self._private or self._database, newest, question)
            except Busy:
                raise Unavailable("What is searched is being read; try again") from None
            except (sqlite3.Error, OSError) as error:
                self._database.close()
                if self._file is None or not isinstance(error, sqlite3.Error) or not discard(self._file, error):
                    self._private = Database(None, findings.TABLES)
        return self._answer(self._private or self._database, newest, question)

    def _answer(self, database: Database, newest: Newest, question: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:  # threads that ask at once need not all read the same
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


def _conditions(sought: Sought) -> tuple[list[str], dict[str, Any]]:
    """Say what is sought in SQL."""
    conditions, values = ["1"], {}
    if sought.words:
        words = _WORD.findall(sought.words.lower())
        if len(sought.words) > LONGEST or not 0 < len(words) <= MOST_WORDS:
            raise Invalid(f"q: send 1 to {MOST_WORDS} words of letters and digits, {LONGEST} characters at most")
        conditions.append("p.id IN (SELECT rowid FROM words WHERE words MATCH :words)")
        values["words"] = " AND ".join(f'"{word}"*' for word in words)
    if sought.registry is not None:
        conditions.append("registry = :registry")
        values["registry"] = sought.registry
    if sought.keyword is not None:
        conditions.append("EXISTS (SELECT 1 FROM label WHERE project = p.id AND kind = 'keyword' AND value = :keyword)")
        values["keyword"] = sought.keyword.lower()
    if sought.classifier is not None:
        conditions.append(
            "EXISTS (SELECT 1 FROM label WHERE project = p.id AND kind = 'classifier' AND (value = :classifier "
            "OR substr(value, 1, length(:classifier) + 4) = :classifier || ' :: '))"
        )
        values["classifier"] = sought.classifier.lower()
    if sought.depends_on is not None:
        conditions.append(
            "EXISTS (SELECT 1 FROM need n WHERE n.project = p.id AND n.version = p.version AND n.name = :on)"
        )
        values["on"] = sought.depends_on
    return conditions, values
