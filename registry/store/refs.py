"""Branches as git keeps them on disk: read, and moved by compare-and-swap under git's own lock file.

By hand, because dulwich takes every error while reading a branch for its absence: without file handles, a full
registry would look empty. Format and lock protocol: gitrepository-layout(5), git-update-ref(1).
"""

import os
import re
import time
from pathlib import Path

from registry.durable import sync_folder
from registry.errors import Unavailable

STALE_LOCK = 2.0  # seconds; git holds the lock of a branch for milliseconds
_ID = re.compile(r"[0-9a-f]{40}")


class Branches:
    """The branches of one git repository. Any thread may use it; C git may read and move them at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._heads = path / "refs" / "heads"
        self._flushed: dict[str, str] = {}

    def tip(self, branch: str) -> str | None:
        """Read which commit a branch is at, and make sure that a power cut cannot take it back.

        Whoever moved it may have been killed just before the flush; nothing may be answered or built upon it until then.

        Returns:
            The commit id; None where there is no such branch.

        Raises:
            Unavailable: the branch cannot be read; that is never the same as not being there.
        """
        try:
            tip = self._read(branch)
            if tip and self._flushed.get(branch) != tip:
                sync_folder(self._heads)
                self._flushed[branch] = tip
        except OSError as error:
            raise Unavailable(f"Branch '{branch}' cannot be read ({error.strerror}); try again later") from error
        return tip

    def move(self, branch: str, old: str | None, new: str) -> bool:
        """Move a branch in one durable step, if it is where the caller saw it.

        Args:
            branch: its name.
            old: the commit it must be at; None: it must not exist.
            new: the commit it is to be at.

        Returns:
            Whether it was moved; False when somebody else did first.

        Raises:
            OSError: the disk refused.
            Unavailable: another program keeps the branch locked.
        """
        path, lock = self._heads / branch, self._heads / f"{branch}.lock"
        fd = _take(lock)
        try:
            if self._read(branch) != old:
                return False
            os.write(fd, f"{new}\n".encode())
            os.fsync(fd)
            lock.rename(path)
        finally:
            os.close(fd)
            if self._is_ours(lock, fd_gone=path):
                lock.unlink(missing_ok=True)
        sync_folder(self._heads)
        self._flushed[branch] = new
        return True
