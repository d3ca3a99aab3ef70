"""The artifact port: bytes kept once, under the sha256 of their content."""

from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from registry.blobs.incoming import Incoming
from registry.model import Sha256


class Blobs(Protocol):
    """Where wheels and sdists lie. Every method may be called from any thread."""

    def incoming(self, limit: int) -> AbstractContextManager[Incoming]:
        """Open a draft of at most `limit` bytes that hashes what is written; gone when closed unless published."""

    def publish(self, draft: Incoming) -> Sha256:
        """Keep a draft for good: when this returns, a power cut does not lose it.

        Raises:
            Unavailable: the disk refused.
        """

    def open(self, sha256: Sha256) -> BinaryIO:
        """Open an artifact for reading, at its start.

        Raises:
            NotFound: there is none.
        """

    def size(self, sha256: Sha256) -> int | None:
        """Tell an artifact's size in bytes; None where there is none."""
