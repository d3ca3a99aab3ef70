"""Writing so that a power cut cannot undo it: the few system calls both the git store and the blobs need.

A rename or link is durable only after its directory is flushed, and a file's bytes only after the file is
(fsync(2)); neither git's nor dulwich's defaults do both.

A flush that fails is final: the kernel may drop the bytes it could not write and call the next flush a success. So
after one, this server only reads. What all its processes know of it lies in memory they share; a restart begins anew.
"""

import fcntl
import logging
import mmap
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.errors import Unavailable

DRAFT = "tmp_obj_"  # what git names its own unfinished files, and ignores
LOCK_PATIENCE = 30.0  # seconds until an upload gives up its turn and the client is told to retry

_SAID = mmap.mmap(-1, mmap.PAGESIZE)  # the failure in words, after its length in two bytes; forked processes share it


def failure() -> str | None:
    """Tell why nothing may be written any more; None while the disk is trusted."""
    length = int.from_bytes(_SAID[:2])
    return _SAID[2 : 2 + length].decode() if length else None


def require_sound() -> None:
    """Let only a server write whose every flush succeeded.

    Raises:
        Unavailable: one failed, in this process or another one of this server.
    """
    said = failure()
    if said:
        raise Unavailable(said)


def flush(fd: int, path: Path) -> None:
    """Flush an open file or folder; nothing else may call fsync.

    Args:
        fd: what to flush.
        path: its name, for messages.

    Raises:
        Unavailable: it failed, now or for anybody before.
    """
    require_sound()
    try:
        os.fsync(fd)
    except OSError as error:
        _give_up(path, error)
    require_sound()  # also after a success: the kernel may have told another caller what became of our bytes


def sync_folder(folder: Path) -> None:
    """Flush a directory, so that names created or removed in it survive."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flush(fd, folder)
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    """Flush a file that is already there, which an earlier process may have left in the page cache only."""
    fd = os.open(path, os.O_RDONLY)
    try:
        flush(fd, path)
    finally:
        os.close(fd)


def make_folders(folder: Path) -> None:
    """Create a directory and its missing parents, each flushed into the one above."""
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def write_file(path: Path, content: bytes, mode: int = 0o444) -> None:
    """Put a whole file in place at once, flushed; its directory is still to be flushed."""
    draft = path.with_name(f"{DRAFT}{path.name}_{os.getpid()}_{threading.get_ident()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            with os.fdopen(fd, "wb", closefd=False) as stream:
                stream.write(content)
            os.fchmod(fd, mode)
            flush(fd, path)
        finally:
            os.close(fd)
        draft.rename(path)
    except (OSError, Unavailable):
        draft.unlink(missing_ok=True)
        raise


def sync_all(folder: Path) -> None:
    """Flush a directory and everything below it, for what another library wrote without flushing."""
    for path in [folder, *folder.rglob("*")]:
        (sync_folder if path.is_dir() else sync_file)(path)


class Turn:
    """One writer at a time, over threads and processes: kernel locks, which die with their holder.

    Threads of one process wait for each other without system calls. Of the processes, one waits at the front, and
    holds a second lock while it does: so a process that goes on and on cannot overtake it. The waits are polled,
    because they must end, which flock(2) alone cannot.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._front = path.with_name(f"{path.name}.next")
        self._threads = threading.Lock()

    @contextmanager
    def held(self, patience: float = LOCK_PATIENCE) -> Iterator[None]:
        """Hold the lock.

        Raises:
            Unavailable: it was not free within `patience` seconds, or the disk failed.
        """
        deadline = time.monotonic() + patience
        if not self._threads.acquire(timeout=patience):
            raise _busy()
        try:
            with _locked(self._front, deadline, 0.005) as front, _locked(self._path, deadline, 0.0005):
                os.close(front.pop())
                require_sound()
                yield
        finally:
            self._threads.release()


@contextmanager
def _locked(path: Path, deadline: float, pause: float) -> Iterator[list[int]]:
    """Hold a kernel lock; whoever empties the list has let go of it."""
    try:
        open_files = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)]
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be opened ({error.strerror}); try again later") from error
    try:
        while not _flock(open_files[0]):
            if time.monotonic() > deadline:
                raise _busy()
            time.sleep(pause)
        yield open_files
    finally:
        for fd in open_files:
            os.close(fd)


def _flock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _busy() -> Unavailable:
    return Unavailable("Another upload is being committed and has not finished in time; try again in a few seconds")


def _give_up(path: Path, error: OSError) -> None:
    """Turn this server, all its processes, to reading only; the first failure is the one that is told."""
    if failure() is None:
        said = (
            f"The disk failed to keep {path.parent.name}/{path.name} ({error.strerror}), so nothing more is written; "
            "downloads go on. Its operator must check the disk and restart the server, which then looks for damage"
        ).encode()[: len(_SAID) - 2]
        _SAID[2 : 2 + len(said)] = said
        _SAID[:2] = len(said).to_bytes(2)
    logging.getLogger(__name__).critical("flushing %s failed: %s; this server only reads until restarted", path, error)
