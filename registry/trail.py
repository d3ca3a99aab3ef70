"""Which commits of a branch say what: a derived index, so that a question about the past reads only its answer.

One column per kind of fact holds eight bytes per commit, oldest first; a question scans a column (0.8 MB for 100,000
commits) and gets ids of commits that may fit. What they say is then read from git, so the index can neither invent
nor change an event, and its seals see to it that it hides none. It may be deleted at any time.
"""

import sqlite3
import struct
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from registry import marks
from registry.store import Store
from registry.strips import STRIP, Damaged, Strips, backwards, discard, never_back, opened, private

T = TypeVar("T")
Progress = Callable[[int], None]  # is told how many commits were read so far

_AT_ONCE = 16  # strips searched in one transaction


class Trail:
    """Finds commits of a git branch by what they say, by the beginning of their id, and by time.

    Before it answers it reads the commits that are new since it was last asked, by whichever process. Any thread and
    any process may ask; on a disk that takes no file, each process keeps its own.
    """

    def __init__(self, store: Store, file: Path | None = None) -> None:
        """Nothing is read yet.

        Args:
            store: whose history.
            file: where it is kept; None: in this process.
        """
        self.store = store
        self._file = file
        self._private: Strips | None = None
        self._lock = threading.RLock()

    def catch_up(self, branch: str, progress: Progress | None = None) -> int:
        """Read what is new, as every question does; here with a report, because the first time takes long.

        Returns:
            How many commits the branch has.
        """
        return self._ask(branch, lambda _, length: length, progress)

    def mentioning(self, branch: str, facts: Mapping[str, str], upto: int = 2**63) -> Iterator[str]:
        """Find the commits that may state all of some facts, newest first, as `placed` does."""
        return (commit for _, commit in self.placed(branch, facts, upto))

    def placed(self, branch: str, facts: Mapping[str, str], upto: int = 2**63) -> Iterator[tuple[int, str]]:
        """Find all commits that state some facts, and perhaps some that do not, newest first: place and id of each.

        Args:
            branch: where to look.
            facts: by trailer: Registry, Project, Version (of a project), Pipeline (of any attempt; also one that
                promoted), Repository (or the end of its URL), Commit (or its beginning), Principal.
            upto: only among the first so many commits; None: all.
        """
        keys = {name: mark for name, mark in marks.of_facts(facts).items() if mark != marks.NOT_SAID}
        below = -(-min(self.catch_up(branch), upto) // STRIP)
        while below > 0:
            strips = range(max(0, below - _AT_ONCE), below)
            yield from self._ask(branch, partial(_mentioning, branch=branch, keys=keys, at=strips, upto=upto))
            below = strips.start

    def beginning(self, branch: str, prefix: str) -> list[str]:
        """Find the commits whose id begins with these hex digits."""
        return self._ask(branch, partial(_beginning, branch=branch, prefix=prefix))

    def place(self, branch: str, commit: str) -> int | None:
        """Tell how many commits of a branch lead up to this one, itself counted; None where it is not among them."""
        return self._ask(branch, partial(_place, branch=branch, commit=commit))

    def at(self, branch: str, place: int) -> str | None:
        """Find the commit that so many lead up to, itself counted; None where there is none: the other way round."""
        return self._ask(branch, partial(_at, branch=branch, place=place))

    def until(self, branch: str, moment: int) -> str | None:
        """Find the commit that was the newest at a moment, in seconds since the epoch; None before the first."""
        return self._ask(branch, partial(_until, branch=branch, moment=moment))

    def _ask(self, branch: str, question: Callable[[Strips, int], T], progress: Progress | None = None) -> T:
        """Answer from the file; from a new one if it is damaged; from this process's own if the disk takes none."""
        for _ in range(2):
            if self._file is None:
                break
            try:
                with opened(self._file) as strips:
                    return self._answer(strips, branch, question, progress)
            except (Damaged, sqlite3.Error) as error:
                if not discard(self._file, error):
                    break
        with self._lock:
            self._private = self._private or private()
            return self._answer(self._private, branch, question, progress)

    def _answer(
        self, strips: Strips, branch: str, question: Callable[[Strips, int], T], progress: Progress | None
    ) -> T:
        with self._lock:  # threads that ask at once need not all read the same commits
            while not self._extended(strips, branch, progress):
                pass
        with strips.reading():
            length, _ = _end(strips, branch)
            return question(strips, length)

    def _extended(self, strips: Strips, branch: str, progress: Progress | None) -> bool:
        """Add what is new; False if another process did so meanwhile."""
        end = length, last = _end(strips, branch)
        head = self.store.head(branch)  # after the end of the trail was read: so it is that commit, or a later one
        newer = {name: bytearray() for name in marks.WIDTHS}  # newest first; a million commits take 92 MB
        for count, commit in enumerate(self.store.history(head), 1):
            if commit.id == last:
                break
            for name, mark in marks.of_commit(commit).items():
                newer[name] += mark
            if progress and count % STRIP == 0:
                progress(count)
        else:
            length = 0  # the branch was made anew, or this trail is of another git repository
        if not newer["commit"]:
            return True
        with strips.writing():
            if _end(strips, branch) != end:
                return False
            columns = {f"{branch}/{name}": width for name, width in marks.WIDTHS.items()}
            strips.cut(columns, length)
            for name, width in marks.WIDTHS.items():
                column = f"{branch}/{name}"
                values = backwards(newer[name], width)
                if name == "time":
                    values = never_back(strips.read(column, max(0, length - 1) // STRIP)[-8:], values)
                strips.extend(column, width, values)
        return True


def _end(strips: Strips, branch: str) -> tuple[int, str]:
    """Tell how many commits are there, and the last of them."""
    number, ids = strips.last(f"{branch}/commit")
    return number * STRIP + len(ids) // 20, ids[-20:].hex()


def _read(strips: Strips, branch: str, name: str, number: int, length: int) -> bytes:
    """Read one strip of a column as long as it must be."""
    content = strips.read(f"{branch}/{name}", number)
    if len(content) != min(STRIP, length - number * STRIP) * marks.WIDTHS[name]:
        raise Damaged
    return content


def _mentioning(
    strips: Strips, length: int, branch: str, keys: Mapping[str, bytes], at: range, upto: int
) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for number in reversed(at):
        whole = range(min(STRIP, length - number * STRIP, upto - number * STRIP))
        hits: Sequence[int] = whole
        for name, key in keys.items():
            columns = [_read(strips, branch, place, number, length) for place in marks.PLACES.get(name, (name,))]
            near = sorted({n for column in columns for n in _positions(column, key)}) if hits is whole else hits
            hits = [n for n in near if n in whole and any(column[8 * n : 8 * n + 8] == key for column in columns)]
        if hits:
            ids = _read(strips, branch, "commit", number, length)
            found += [(number * STRIP + n + 1, ids[20 * n : 20 * n + 20].hex()) for n in reversed(hits)]
    return found


def _positions(content: bytes, key: bytes) -> Iterator[int]:
    """Find a value in a column, without looking at each value in Python."""
    at = content.find(key)
    while at >= 0:
        number, off = divmod(at, len(key))
        if off == 0:
            yield number
        at = content.find(key, at + 1)


def _beginning(strips: Strips, length: int, branch: str, prefix: str) -> list[str]:
    whole = bytes.fromhex(prefix[: len(prefix) // 2 * 2])
    found = []
    for number in range(-(-length // STRIP)):
        ids = _read(strips, branch, "commit", number, length)
        at = ids.find(whole)
        while at >= 0:
            if at % 20 == 0 and (id_ := ids[at : at + 20].hex()).startswith(prefix):
                found.append(id_)
            at = ids.find(whole, at + 1)
    return found


def _place(strips: Strips, length: int, branch: str, commit: str) -> int | None:
    for number in reversed(range(-(-length // STRIP))):
        at = next(_positions(_read(strips, branch, "commit", number, length), bytes.fromhex(commit)), None)
        if at is not None:
            return number * STRIP + at + 1
    return None


def _at(strips: Strips, length: int, branch: str, place: int) -> str | None:
    number, off = divmod(place - 1, STRIP)
    there = 0 < place <= length
    return _read(strips, branch, "commit", number, length)[20 * off : 20 * off + 20].hex() if there else None


def _until(strips: Strips, length: int, branch: str, moment: int) -> str | None:
    for number in reversed(range(-(-length // STRIP))):
        content = _read(strips, branch, "time", number, length)
        times = struct.unpack(f">{len(content) // 8}q", content)
        if times[0] <= moment:
            position = bisect_right(times, moment) - 1
            return _read(strips, branch, "commit", number, length)[20 * position : 20 * position + 20].hex()
    return None
