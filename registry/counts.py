"""The counts of downloads as SQL keeps them: by file and day, and what is long past by file and month.

Every list and sum is read from an index, up to its limit: how much else is counted costs it nothing. The days of a
month become one count of that month when all of them are `DAYS` ago; a month stands on its first day, and no total
changes by that.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

DAYS = 180  # that days are kept apart, at least
AT_ONCE = 5_000  # rows of an earlier version that are taken over in one transaction
ALWAYS = 2**40  # a day that never comes
_EPOCH = date(1970, 1, 1)
_FIRST, _LAST = ((day - _EPOCH).days for day in (date(1, 2, 1), date.max))  # what is beyond is damage, and left out
TABLES = """
CREATE TABLE IF NOT EXISTS project (id INTEGER PRIMARY KEY, registry TEXT, name TEXT, UNIQUE (registry, name));
CREATE TABLE IF NOT EXISTS file (
    id INTEGER PRIMARY KEY, project INTEGER, version TEXT, filename TEXT, UNIQUE (project, filename)
);
CREATE INDEX IF NOT EXISTS file_version ON file (project, version);
CREATE TABLE IF NOT EXISTS counted (
    project INTEGER, day INTEGER, file INTEGER, month INTEGER, number INTEGER, PRIMARY KEY (project, day DESC, file)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS counted_file ON counted (file, day);
CREATE TABLE IF NOT EXISTS whole (
    project INTEGER, day INTEGER, month INTEGER, number INTEGER, PRIMARY KEY (project, day)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS whole_daily ON whole (day) WHERE month = 0;
CREATE TABLE IF NOT EXISTS download (
    registry TEXT, project TEXT, version TEXT, filename TEXT, day INTEGER, number INTEGER,
    PRIMARY KEY (registry, project, day, filename)
) WITHOUT ROWID;
"""  # `whole`: what `counted` adds up to; `download`: where an earlier version counts
_ADD = (
    "INSERT OR IGNORE INTO project (registry, name) VALUES (:registry, :project)",
    """INSERT OR IGNORE INTO file (project, version, filename)
    SELECT id, :version, :filename FROM project WHERE registry = :registry AND name = :project""",
    """INSERT INTO counted SELECT p.id, :day, f.id, 0, :number FROM project p JOIN file f ON f.project = p.id
    WHERE registry = :registry AND name = :project AND filename = :filename
    ON CONFLICT (project, day, file) DO UPDATE SET number = number + excluded.number""",
    """INSERT INTO whole SELECT id, :day, 0, :number FROM project WHERE registry = :registry AND name = :project
    ON CONFLICT (project, day) DO UPDATE SET number = number + excluded.number""",
)
_LIST = """
SELECT c.day, c.month, f.version, f.filename, c.number, c.file FROM {} AND c.day BETWEEN :since AND :until
AND c.day <= :last AND (c.day < :last OR c.file > :after) ORDER BY c.day DESC, c.file LIMIT :most
"""
_SUM = "SELECT coalesce(sum(c.number), 0) FROM {} AND c.day BETWEEN :since AND :until"
# CROSS JOIN says which table is read first, and so by which index.
_WHOLE = "project p CROSS JOIN whole c ON c.project = p.id WHERE p.registry = :registry AND p.name = :project"
_ALL = """project p CROSS JOIN counted c ON c.project = p.id CROSS JOIN file f ON f.id = c.file
WHERE p.registry = :registry AND p.name = :project"""
_SOME = """project p CROSS JOIN file f ON f.project = p.id CROSS JOIN counted c ON c.file = f.id
WHERE p.registry = :registry AND p.name = :project AND {}"""
_DAILY = "SELECT project, day FROM whole WHERE month = 0 AND day BETWEEN ? AND ? - 1 ORDER BY day LIMIT 1"
_FILES = "SELECT file, sum(number) FROM counted WHERE project = ? AND day BETWEEN ? AND ? GROUP BY file"
_NUMBER = "SELECT sum(number) FROM whole WHERE project = ? AND day BETWEEN ? AND ?"
_GONE = (
    "DELETE FROM counted WHERE project = ? AND day BETWEEN ? AND ?",
    "DELETE FROM whole WHERE project = ? AND day BETWEEN ? AND ?",
)
_ROW = ("registry", "project", "version", "filename", "day", "number")
Row = tuple[str, str, str, str, int, int]  # registry, project, version, filename, day, number
Place = tuple[int, int]  # a day and a file, after which a list goes on


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose downloads; None asks for all."""

    registry: str
    project: str
    version: str | None = None
    filename: str | None = None
    since: date | None = None  # from that day on, UTC
    until: date | None = None  # up to that day


class Counted(NamedTuple):
    """How often one file was downloaded on one day, UTC, or in the month that begins with it."""

    day: date
    month: bool
    version: str
    filename: str
    number: int
    place: Place


def add(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Add to the counts.

    Args:
        connection: in a transaction.
        rows: what was downloaded, each file of a day once.
    """
    values = [dict(zip(_ROW, row, strict=True)) for row in rows]
    for statement in _ADD:
        connection.executemany(statement, values)


def page(connection: sqlite3.Connection, asked: Asked, most: int, after: Place | None = None) -> list[Counted]:
    """List counts, newest day first.

    Args:
        connection: to the file.
        asked: which.
        most: how many.
        after: where the list goes on.
    """
    last, file = after or (ALWAYS, 0)
    some, values = _meant(asked)
    rows = connection.execute(_LIST.format(some or _ALL), {**values, "most": most, "last": last, "after": file})
    return [
        Counted(_EPOCH + timedelta(days=day), bool(month), version, filename, number, (day, file))
        for day, month, version, filename, number, file in rows
        if _FIRST <= day <= _LAST
    ]


def total(connection: sqlite3.Connection, asked: Asked) -> int:
    """Add up what a list of counts has on all its pages."""
    some, values = _meant(asked)
    return int(connection.execute(_SUM.format(some or _WHOLE), values).fetchone()[0])


def _meant(asked: Asked) -> tuple[str | None, dict[str, str | int]]:
    """Say in SQL which counts are meant; None: all of the project."""
    values: dict[str, str | int] = {"registry": asked.registry, "project": asked.project}
    values["since"] = _number(asked.since) if asked.since else -ALWAYS
    values["until"] = _number(asked.until) if asked.until else ALWAYS
    one = {
        name: value for name, value in (("version", asked.version), ("filename", asked.filename)) if value is not None
    }
    return _SOME.format(" AND ".join(f"f.{name} = :{name}" for name in one)) if one else None, values | one


def take_over(connection: sqlite3.Connection) -> bool:
    """Take over some of what an earlier version counted; False where there is nothing of it.

    Args:
        connection: in a transaction.
    """
    asked = "SELECT registry, project, version, filename, day, number FROM download LIMIT ?"
    rows: list[Row] = connection.execute(asked, (AT_ONCE,)).fetchall()
    add(connection, rows)
    gone = "DELETE FROM download WHERE registry = ? AND project = ? AND day = ? AND filename = ?"
    connection.executemany(gone, [(row[0], row[1], row[4], row[3]) for row in rows])
    return bool(rows)


def sum_up(connection: sqlite3.Connection, today: date) -> bool:
    """Let the days of one past month of one project become the month; False where there is none.

    Args:
        connection: in a transaction.
        today: the day, UTC.
    """
    kept = _number((today - timedelta(days=DAYS)).replace(day=1))
    found = connection.execute(_DAILY, (_FIRST, kept)).fetchone()
    if found is None:
        return False
    project, first = found[0], (_EPOCH + timedelta(days=found[1])).replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    month = project, _number(first), _number(following) - 1
    files = connection.execute(_FILES, month).fetchall()
    [number] = connection.execute(_NUMBER, month).fetchone()
    for statement in _GONE:
        connection.execute(statement, month)
    rows = [(project, month[1], file, 1, counted) for file, counted in files]
    connection.executemany("INSERT INTO counted VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute("INSERT INTO whole VALUES (?, ?, 1, ?)", (project, month[1], number))
    return True


def _number(day: date) -> int:
    """Count the days since the epoch."""
    return (day - _EPOCH).days
