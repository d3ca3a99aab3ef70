"""Rendered pages, kept by what they are rendered from, so that nothing ever needs to be invalidated."""

import gzip
import hashlib
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from registry.copies import Copies
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
    """The pages of one process, and a copy on disk, compressed."""

    def __init__(self, folder: Path | None = None) -> None:
        """Keep pages.

        Args:
            folder: where the copies lie; None keeps none.
        """
        self._copies = Copies(folder)
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
        packed = self._copies.get(key)
        if packed is None:
            return None
        try:
            return Page(gzip.decompress(packed), {"gzip": packed})
        except (OSError, EOFError, zlib.error):
            return None

    def _store(self, key: tuple[str, ...], page: Page) -> Page:
        self._copies.put(key, page.encode("gzip"))
        return page
