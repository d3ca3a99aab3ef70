"""Rendered pages, kept by what they are rendered from, so that nothing ever needs to be invalidated."""

import gzip
import hashlib
import os
import sys
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from registry.durable import DRAFT
from registry.kept import Kept

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KEPT_BYTES = 48 * 2**20  # of one process
WORTH_COMPRESSING = 500  # bytes


@dataclass(slots=True)
class Page:
    """One page in every encoding asked for so far."""

    body: bytes
    encoded: dict[str, bytes] = field(default_factory=dict)

    def encode(self, encoding: str) -> bytes:
        """Give the page as `identity`, `gzip` or `zstd`; the same page gives the same bytes."""
        if encoding == "identity":
            return self.body
        if encoding not in self.encoded:
            self.encoded[encoding] = (
                zstd.compress(self.body, level=6) if encoding == "zstd" else gzip.compress(self.body, 6, mtime=0)
            )
        return self.encoded[encoding]

    @property
    def digest(self) -> str:
        """Name the content, where no git tree does."""
        return hashlib.sha256(self.body).hexdigest()[:40]


class Pages:
    """The pages of one process, and a copy on disk, which other processes share and the next one starts with.

    A copy is one file: the sha256 of the rest, the name it lies under, and the page, compressed. Nothing is flushed:
    what a power cut leaves of one does not match its digest, and the page is rendered again.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Keep pages.

        Args:
            folder: where the copies lie; None keeps none.
        """
        self._folder = folder
        self._kept: Kept[tuple[str, ...], Page] = Kept(KEPT_BYTES, lambda page: 2 * len(page.body))

    def get(self, key: tuple[str, ...], render: Callable[[], bytes]) -> Page:
        """Give a page from memory, or rendered now.

        Args:
            key: everything it is rendered from.
            render: writes it; what it raises is passed on.
        """
        return self._kept.get(key, lambda: Page(render()))

    def lasting(self, key: tuple[str, ...], render: Callable[[], bytes]) -> Page:
        """Give a page from memory, from disk, or rendered now and then kept in both."""
        return self._kept.get(key, lambda: self._stored(key) or self._store(key, Page(render())))

    def _stored(self, key: tuple[str, ...]) -> Page | None:
        path = self._path(key)
        if path is None:
            return None
        try:
            digest, _, rest = path.read_bytes().partition(b"\n")
            name, _, packed = rest.partition(b"\n")
            if hashlib.sha256(rest).hexdigest().encode() != digest or name != path.name.encode():
                return None
            os.utime(path)  # so that what is not read any more can be told from what is
            return Page(gzip.decompress(packed), {"gzip": packed})
        except (OSError, EOFError, zlib.error):
            return None

    def _store(self, key: tuple[str, ...], page: Page) -> Page:
        path = self._path(key)
        if path is not None:
            rest = path.name.encode() + b"\n" + page.encode("gzip")
            draft = path.with_name(f"{DRAFT}{path.name}_{os.getpid()}_{threading.get_ident()}")
            with suppress(OSError):  # a full disk costs time, and nothing else
                path.parent.mkdir(parents=True, exist_ok=True)
                draft.write_bytes(hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)
                draft.replace(path)
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        return page

    def _path(self, key: tuple[str, ...]) -> Path | None:
        name = hashlib.sha256("\0".join(key).encode()).hexdigest()
        return self._folder / name[:2] / name if self._folder else None
