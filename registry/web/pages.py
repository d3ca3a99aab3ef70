"""Rendered pages, kept by what they are rendered from, so that nothing ever needs to be invalidated."""

import gzip
import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KEPT_BYTES = 64 * 2**20  # of one process
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
    """A bounded memory of pages; which one goes is decided by last use."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept: OrderedDict[Hashable, Page] = OrderedDict()
        self._limit = kept_bytes
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, render: Callable[[], bytes]) -> Page:
        """Give a page, rendered now if it is not kept.

        Args:
            key: everything the content depends on.
            render: makes the content.
        """
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        page = Page(render())
        with self._lock:
            if key not in self._kept:
                self._kept[key] = page
                self._size += len(page.body)
            while self._size > self._limit and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._size -= len(gone.body)
        return page
