"""A draft: bytes on their way in, hashed while they are written, so that no artifact is read twice to be named."""

import fcntl
import hashlib
import io
import os
import shutil
from pathlib import Path

from registry.durable import flush
from registry.errors import TooLarge, Unavailable
from registry.model import Sha256


class Incoming(io.FileIO):
    """A temporary file that knows the sha256 and size of what was written to it, locked as long as its upload lives."""

    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(path, "x+")
        fcntl.flock(self.fileno(), fcntl.LOCK_EX)
        while os.fstat(self.fileno()).st_nlink == 0:  # swept between these two lines, when it looked abandoned
            super().__init__(path, "x+")
            fcntl.flock(self.fileno(), fcntl.LOCK_EX)
        self.path = path
        self.limit = limit
        self.size = 0
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:  # type: ignore[override]  # wider buffers are FileIO's, one type is ours
        """Append bytes.

        Raises:
            TooLarge: the limit is passed; nothing more is written.
            Unavailable: the disk is full or refused.
        """
        self.size += len(data)
        if self.size > self.limit:
            raise TooLarge(
                f"File too large: at most {self.limit // 2**20} MB are accepted (limits.file_mb in waybill.yaml)"
            )
        self._hash.update(data)
        view = memoryview(data)
        try:
            while view:
                view = view[super().write(view) or 0 :]
        except OSError as error:
            raise Unavailable(
                f"The upload could not be stored ({error.strerror}); nothing was kept, try again"
            ) from error
        return len(data)

    def write_again(self) -> None:
        """Put the bytes, which are still open, into a flushed file under the draft's name again."""
        with self.path.open("xb") as copy:
            self.seek(0)
            shutil.copyfileobj(self, copy)
            copy.flush()
            os.fchmod(copy.fileno(), 0o444)
            flush(copy.fileno(), self.path)

    @staticmethod
    def remove_abandoned(path: Path) -> bool:
        """Remove a draft whose process is gone: the kernel took its lock with it.

        Returns:
            Whether it was removed; False when its upload lives.
        """
        with path.open("rb") as draft:
            try:
                fcntl.flock(draft, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            path.unlink()  # while locked: an upload that has just made this file waits, and sees that it is gone
        return True

    @property
    def sha256(self) -> Sha256:
        """The digest of everything written so far."""
        return Sha256(self._hash.hexdigest())
