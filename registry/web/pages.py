"""Rendered pages, kept by what they are rendered from, so that nothing ever needs to be invalidated."""

import gzip
import hashlib
import sys
from collections.abc import Hashable
from dataclasses import dataclass, field

from registry.kept import Kept

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


def memory() -> Kept[Hashable, Page]:
    """Make the memory of one process's pages; each is counted with its compressed forms."""
    return Kept(KEPT_BYTES, lambda page: 2 * len(page.body))
