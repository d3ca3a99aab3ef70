"""Copies on disk of what was computed, which all processes share and the next one starts with; any may be deleted.

A copy is one file: the sha256 of the rest, the name it lies under, and the content. Nothing is flushed: what a power
cut leaves of one does not match its digest, and it is made again.
"""

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path

from registry.durable import DRAFT


class Copies:
    """Bytes by everything they were made of."""

    def __init__(self, folder: Path | None) -> None:
        """Keep copies.

        Args:
            folder: where they lie; None keeps none.
        """
        self._folder = folder

    def get(self, key: tuple[str, ...]) -> bytes | None:
        """Give what is kept under a key; None where nothing is, or only part of it."""
        path = self._path(key)
        if path is None:
            return None
        try:
            digest, _, rest = path.read_bytes().partition(b"\n")
            name, _, content = rest.partition(b"\n")
            if hashlib.sha256(rest).hexdigest().encode() != digest or name != path.name.encode():
                return None
            os.utime(path)  # so that what is not read any more can be told from what is
        except OSError:
            return None
        return content

    def put(self, key: tuple[str, ...], content: bytes) -> None:
        """Keep something under a key."""
        path = self._path(key)
        if path is None:
            return
        rest = path.name.encode() + b"\n" + content
        draft = path.with_name(f"{DRAFT}{path.name}_{os.getpid()}_{threading.get_ident()}")
        with suppress(OSError):  # a full disk costs time, and nothing else
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)
            draft.replace(path)
        with suppress(OSError):
            draft.unlink(missing_ok=True)

    def _path(self, key: tuple[str, ...]) -> Path | None:
        name = hashlib.sha256("\0".join(key).encode()).hexdigest()
        return self._folder / name[:2] / name if self._folder else None
