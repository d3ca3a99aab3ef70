"""What a long ledger gives too much of to keep in memory, in a temporary file that nobody else sees."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from registry.policy.ruling import Waiver
from validator.rule import Rule, Severity
from validator.subject import NOTHING, Subject
from validator.verdict import Outcome, Verdict

_AT_ONCE = 1000
_TABLES = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TABLE verdict (section INTEGER, rank INTEGER, code TEXT, kind TEXT, label TEXT, outcome TEXT, file TEXT,
  line INTEGER, more TEXT);
CREATE TABLE published (registry TEXT, filename TEXT, digest TEXT);
"""
_GOOD = 9  # the rank of what needs no repair, after all that does
_FOUND = {Outcome.FAILED, Outcome.CRASHED}
_COLUMNS = "code, kind, label, outcome, file, line, more"


class Spool:
    """Verdicts, and names that were published, in the order in which they came."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("")  # SQLite's own word for a file that goes when it is closed
        self._file.executescript(_TABLES)
        self._rules: dict[str, Rule] = {}
        self._waivers: dict[str, Waiver] = {}
        self._waiting: list[tuple[Any, ...]] = []

    def add(self, section: int, verdict: Verdict) -> None:
        """Keep a verdict."""
        rule, subject, waiver = verdict.rule, verdict.subject, verdict.waiver
        self._rules[rule.code] = rule
        rank = _GOOD
        if verdict.outcome in _FOUND:
            rank = 2 * (waiver is not None) + (verdict.severity is Severity.WARNING)
        if waiver:
            self._waivers[waiver.place] = waiver
        more = json.dumps([verdict.text, verdict.values, waiver and waiver.place]) if verdict.text else None
        place = verdict.file, verdict.line
        self._waiting.append(
            (section, rank, rule.code, subject.kind, subject.label, verdict.outcome.value, *place, more)
        )
        if len(self._waiting) >= _AT_ONCE:
            self._write()

    def verdicts(self, section: int | None = None) -> Iterator[Verdict]:
        """Give the verdicts of a section, or all."""
        self._write()
        asked = f"SELECT {_COLUMNS} FROM verdict WHERE section = ? OR ? IS NULL ORDER BY rowid"  # noqa: S608 - ours
        yield from map(self._verdict, self._file.execute(asked, (section, section)))

    def found(self) -> Iterator[Verdict]:
        """Give what did not hold: errors, warnings, what is waived; each by the rules' codes."""
        self._write()
        asked = f"SELECT {_COLUMNS} FROM verdict WHERE rank < ? ORDER BY rank, code, rowid"  # noqa: S608 - ours
        yield from map(self._verdict, self._file.execute(asked, (_GOOD,)))

    def publish(self, publications: Iterable[tuple[str, str, str]]) -> None:
        """Keep registry, filename and digest of publications."""
        self._file.executemany("INSERT INTO published VALUES (?, ?, ?)", publications)

    def published(self) -> Iterator[tuple[str, str, list[str]]]:
        """Give registry and filename of all that was published, with the digests in their order."""
        asked = (
            "SELECT registry, filename, json_group_array(digest) FROM (SELECT * FROM published ORDER BY rowid) "
            "GROUP BY registry, filename"
        )
        for registry, filename, digests in self._file.execute(asked):
            yield registry, filename, json.loads(digests)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _write(self) -> None:
        self._file.executemany("INSERT INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._waiting)
        self._waiting.clear()

    def _verdict(self, row: tuple[Any, ...]) -> Verdict:
        code, kind, label, outcome, file, line, more = row
        text, values, waiver = json.loads(more) if more else ("", (), None)
        subject = Subject(kind, label, NOTHING, file, line)
        by = self._waivers[waiver] if waiver else None
        return Verdict(self._rules[code], subject, Outcome(outcome), text, tuple(values), file, line, by)
