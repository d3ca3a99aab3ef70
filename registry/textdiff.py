"""What a change does to the text of files, line by line, bounded and safe to show.

A character that does not print is written as an escape: one that turns the direction of text around would let a line
look like another one.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from registry.changes.standing import Change
from registry.shown import shown
from registry.store import Snapshot

MOST_LINES = 2_000  # of all files together
LONGEST_LINE = 400  # characters
LARGEST = 64 * 2**10  # bytes of a file that is compared, the largest that a policy file may be
_MOST_COMPARED = 2_000  # lines of a file; comparing takes time that grows with their square


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file that a change adds, changes or removes."""

    path: str
    verb: str  # adds, changes, removes
    lines: tuple[str, ...]  # as `diff -u` writes them, without its first two
    note: str = ""  # why lines are missing


def diffs(change: Change, base: Snapshot) -> tuple[FileDiff, ...]:
    """Compare the files of a change with those on main.

    Args:
        change: which.
        base: main, at the commit that the change is judged by.
    """
    left, found = MOST_LINES, []
    for path in sorted(change.files):
        diff = _diff(path, base.read(path), change.files[path], left)
        left -= len(diff.lines)
        found.append(diff)
    return tuple(found)


def _diff(path: str, old: bytes | None, new: bytes | None, room: int) -> FileDiff:
    verb = "adds" if old is None else "removes" if new is None else "changes"
    if room <= 0:
        return FileDiff(path, verb, (), "not shown, as the change is large; git diff shows it")
    before, after = _lines(old), _lines(new)
    if before is None or after is None:
        sizes = f"{len(old or b'')} bytes before, {len(new or b'')} after"
        return FileDiff(path, verb, (), f"not shown, as it is large or no text ({sizes}); git diff shows it")
    lines = tuple(islice(_cut(_body(difflib.unified_diff(before, after, lineterm=""))), room + 1))
    if len(lines) > room:
        return FileDiff(path, verb, lines[:room], "the rest is not shown, as the change is large; git diff shows it")
    return FileDiff(path, verb, lines)


def _lines(content: bytes | None) -> list[str] | None:
    if content is None:
        return []
    if len(content) > LARGEST or content.count(b"\n") > _MOST_COMPARED:
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    if lines[-1]:
        return [*lines[:-1], lines[-1] + "  (no line break at the end of the file)"]
    return lines[:-1]


def _body(lines: Iterator[str]) -> Iterator[str]:
    """Leave out the two lines that name the files."""
    return islice(lines, 2, None)


def _cut(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        safe = shown(line)
        yield safe if len(safe) <= LONGEST_LINE else safe[:LONGEST_LINE] + " …"
