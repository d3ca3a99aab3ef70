"""Branches as git keeps them on disk: read, and moved by compare-and-swap under git's own lock file.

By hand, because dulwich takes every error while reading a branch for its absence: without file handles, a full
registry would look empty. Format and lock protocol: gitrepository-layout(5), git-update-ref(1).
"""

import os
import re
import time
from contextlib import suppress
from pathlib import Path

from registry.durable import flush, sync_folder
from registry.errors import Unavailable

STALE_LOCK = 2.0  # seconds; git holds a lock file for milliseconds
_ID = re.compile(r"[0-9a-f]{40}")


class Branches:
    """The branches of one git repository; C git may read and move them at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._heads = path / "refs" / "heads"
        self._flushed: dict[str, str] = {}

    def tip(self, branch: str) -> str | None:
        """Read where a branch is, and make sure that a power cut cannot take it back.

        Whoever moved it may have been killed before the flush; until then nothing may be shown of it or built on it.

        Returns:
            The commit id; None where there is no such branch.

        Raises:
            Unavailable: it cannot be read, which is never the same as not being there.
        """
        try:
            tip = self._read(branch)
            if tip and self._flushed.get(branch) != tip:
                with suppress(Unavailable):  # on a disk that failed nothing is built any more, and reading goes on
                    sync_folder(self._heads)
                    self._flushed[branch] = tip
        except OSError as error:
            raise Unavailable(f"Branch '{branch}' cannot be read ({error.strerror}); try again later") from error
        return tip

    def move(self, branch: str, old: str | None, new: str) -> bool:
        """Move a branch in one durable step, if it is still where the caller saw it.

        Args:
            branch: its name.
            old: the commit it must be at; None: it must not exist.
            new: the commit it is to be at.

        Returns:
            Whether it was moved; False when somebody else moved it first.

        Raises:
            OSError: the disk refused.
            Unavailable: another program keeps it locked, or cannot be read.
        """
        lock = self._heads / f"{branch}.lock"
        moved = False
        with os.fdopen(_take(lock), "wb") as stream:
            try:
                if self._read(branch) == old:
                    stream.write(f"{new}\n".encode())
                    stream.flush()
                    flush(stream.fileno(), lock)
                    lock.rename(self._heads / branch)
                    moved = True
            finally:
                if not moved:
                    lock.unlink(missing_ok=True)
        if moved:
            try:
                sync_folder(self._heads)
            except Unavailable:
                self._put_back(branch, new, old)
                raise
            self._flushed[branch] = new
        return moved

    def _put_back(self, branch: str, new: str, old: str | None) -> None:
        """Show nobody what the disk did not confirm; not flushed, because nothing will be built on it either."""
        lock = self._heads / f"{branch}.lock"
        with suppress(OSError, Unavailable), os.fdopen(_take(lock), "wb") as stream:
            if old is None or self._read(branch) != new:
                lock.unlink()
                return
            stream.write(f"{old}\n".encode())
            stream.flush()
            lock.rename(self._heads / branch)

    def _read(self, branch: str) -> str | None:
        try:
            tip = _start_of(f"{self._heads}/{branch}").strip()
        except FileNotFoundError:
            # git writes packed-refs before it removes the file, so a branch is always in one of the two.
            return self._read_packed(branch)
        if not _ID.fullmatch(tip):
            raise Unavailable(
                f"refs/heads/{branch} holds {tip[:40]!a} instead of a commit id. Restore it from a clone or backup: "
                f"git update-ref refs/heads/{branch} <commit>"
            )
        return tip

    def _read_packed(self, branch: str) -> str | None:
        try:
            lines = (self._path / "packed-refs").read_text("ascii", "replace").splitlines()
        except FileNotFoundError:
            lines = []
            if not (self._path / "HEAD").exists():
                raise Unavailable(f"{self._path} is gone; is its disk mounted?") from None
        return next((line[:40] for line in lines if line[40:] == f" refs/heads/{branch}"), None)


def remove_stale(lock: Path) -> bool:
    """Remove a lock file that a killed process left; one still young may have a living owner and is given time to go.

    Returns:
        Whether it was removed; False when its owner did that, or still lives.
    """
    deadline = time.monotonic() + 2 * STALE_LOCK
    while time.monotonic() < deadline:
        try:
            age = abs(time.time() - lock.stat().st_mtime)
        except FileNotFoundError:
            return False
        if age > STALE_LOCK:
            lock.unlink(missing_ok=True)
            return True
        time.sleep(0.05)
    return False


def _start_of(path: str) -> str:
    """Read a file of one line, by the system calls alone: every request does this twice."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 256).decode("ascii", "replace")
    finally:
        os.close(fd)


def _take(lock: Path) -> int:
    for _ in range(3):
        try:
            return os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            remove_stale(lock)
    raise Unavailable(f"{lock.name} is held by another program for too long; try again later")
