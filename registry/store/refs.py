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
                    sync_folder((self._heads / branch).parent)
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
        lock.parent.mkdir(exist_ok=True)  # of a branch in a folder
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

    def under(self, folder: str) -> dict[str, str]:
        """List the branches of a folder by the rest of their name, each with the commit it is at.

        Raises:
            Unavailable: they cannot be read.
        """
        try:
            packed = [line.partition(f" refs/heads/{folder}/")[2] for line in self._packed()]
            loose = [path.name for path in (self._heads / folder).glob("*") if path.suffix != ".lock"]
            found = {name: self._read(f"{folder}/{name}") for name in sorted({*packed, *loose}) if name}
        except OSError as error:
            raise Unavailable(f"The branches below '{folder}' cannot be read ({error.strerror})") from error
        return {name: tip for name, tip in found.items() if tip}

    def drop(self, branch: str, tip: str) -> bool:
        """Remove a branch, if it is still where the caller saw it; one that is gone already is fine.

        Returns:
            Whether it is gone.

        Raises:
            OSError: the disk refused.
            Unavailable: another program keeps it locked.
        """
        if self._read(branch) is None:
            return True
        lock, path = self._heads / f"{branch}.lock", self._heads / branch
        lock.parent.mkdir(exist_ok=True)  # of a branch that git has packed
        os.close(_take(lock))
        try:
            if self._read(branch) not in {tip, None}:
                return False
            self._unpack(branch)  # first: it would come to light again behind the file
            path.unlink(missing_ok=True)
        finally:
            lock.unlink(missing_ok=True)
        return True

    def _unpack(self, branch: str) -> None:
        """Remove a branch from git's file of packed references."""
        ending = f" refs/heads/{branch}"
        if not any(line.endswith(ending) for line in self._packed()):
            return
        packed = self._path / "packed-refs"
        lock = self._path / "packed-refs.lock"
        with os.fdopen(_take(lock), "wb") as stream:
            kept = [line for line in self._packed() if not line.endswith(ending)]
            stream.write("".join(f"{line}\n" for line in kept).encode())
            stream.flush()
            flush(stream.fileno(), lock)
            lock.rename(packed)

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
        return next((line[:40] for line in self._packed() if line[40:] == f" refs/heads/{branch}"), None)

    def _packed(self) -> list[str]:
        try:
            return (self._path / "packed-refs").read_text("ascii", "replace").splitlines()
        except FileNotFoundError:
            if not (self._path / "HEAD").exists():
                raise Unavailable(f"{self._path} is gone; is its disk mounted?") from None
            return []


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
