"""Artifacts in a folder, in the layout of Git LFS, so that standard git tools find and verify them.

Layout: objects/<2 hex>/<2 hex>/<64 hex> (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from registry.blobs.incoming import Incoming
from registry.durable import flush, make_folders, require_sound, sync_folder
from registry.errors import NotFound, Unavailable
from registry.model import Sha256

FREE_RESERVE = 64 * 2**20  # bytes the disk keeps free for the ledger itself


class LocalBlobs:
    """Artifacts below `<git repository>/lfs`."""

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "objects"
        self._drafts = folder / "tmp"
        self._flushed: set[Path] = set()  # folders whose own names are on disk; 65,792 at most
        try:
            make_folders(self._objects)
            make_folders(self._drafts)
        except OSError as error:
            raise Unavailable(f"{folder} cannot hold artifacts ({error.strerror}); check its disk and owner") from error

    @contextmanager
    def incoming(self, limit: int) -> Iterator[Incoming]:
        """Open a draft (see the port)."""
        path = self._drafts / f"upload-{uuid.uuid4().hex}"
        require_sound()  # now, not after a gigabyte
        try:
            if self._free() < FREE_RESERVE:
                raise Unavailable("The disk of this registry is full; uploads wait until its operator frees space")
            draft = Incoming(path, limit)
        except OSError as error:
            raise _refused(error) from error
        try:
            yield draft
        finally:
            with suppress(OSError):  # what cannot be removed now is swept at the next start
                draft.close()
                path.unlink(missing_ok=True)

    def publish(self, draft: Incoming) -> Sha256:
        """Keep a draft for good (see the port): flush, name it by its digest, flush the folders.

        An artifact that is there already is replaced by the same bytes: it may have rotted, or be in memory only.
        """
        path = self._path(draft.sha256)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.fchmod(draft.fileno(), 0o444)
            flush(draft.fileno(), draft.path)
            if not draft.path.exists():  # it was kept before, and maintenance removed it before a file named it
                draft.write_again()
            draft.path.rename(path)
            sync_folder(path.parent)
            # The folders above too, because whoever made one may have been killed before flushing its name; but only
            # once, because nobody ever removes one.
            for folder in (path.parent, path.parent.parent):
                if folder not in self._flushed:
                    sync_folder(folder.parent)
                    self._flushed.add(folder)
        except OSError as error:
            raise _refused(error) from error
        return draft.sha256

    def open(self, sha256: Sha256) -> BinaryIO:
        """Open an artifact for reading (see the port)."""
        try:
            # Unbuffered, and without a Path: who asks reads large blocks or hands the file to the kernel.
            return open(f"{self._objects}/{sha256[:2]}/{sha256[2:4]}/{sha256}", "rb", buffering=0)  # noqa: PTH123
        except FileNotFoundError:
            raise NotFound(f"The artifact sha256:{sha256} is not stored here") from None
        except OSError as error:
            raise Unavailable(f"The artifact sha256:{sha256} cannot be opened ({error.strerror}); try again") from error

    def size(self, sha256: Sha256) -> int | None:
        """Tell an artifact's size in bytes (see the port)."""
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def sweep(self) -> int:
        """Remove drafts that killed processes left behind; those of living uploads, also of other servers, stay.

        Returns:
            How many were removed.
        """
        abandoned = 0
        for path in self._drafts.glob("upload-*"):
            with suppress(FileNotFoundError):  # its upload has just ended
                abandoned += Incoming.remove_abandoned(path)
        return abandoned

    def _path(self, sha256: Sha256) -> Path:
        return self._objects / sha256[:2] / sha256[2:4] / sha256

    def _free(self) -> int:
        disk = os.statvfs(self._drafts)
        return disk.f_bavail * disk.f_frsize


def _refused(error: OSError) -> Unavailable:
    return Unavailable(f"The file could not be stored ({error.strerror}); nothing was kept, try again")
