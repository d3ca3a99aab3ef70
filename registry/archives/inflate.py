"""Decompression that never holds more than a chunk."""

import zlib
from collections.abc import Iterator

from registry.archives.limits import CHUNK
from registry.errors import Invalid

DEFLATE = -zlib.MAX_WBITS  # a bare stream, as in zip members (RFC 1951)
GZIP = 16 + zlib.MAX_WBITS  # with header and checksum (RFC 1952)


def inflate(packed: Iterator[bytes], form: int, where: str) -> Iterator[bytes]:
    """Decompress exactly one stream and insist that nothing comes after it, where a second reader could find more.

    Args:
        packed: the compressed bytes.
        form: `DEFLATE` or `GZIP`.
        where: what is being read, for messages.

    Yields:
        At most `CHUNK` bytes at a time.

    Raises:
        Invalid: the stream is damaged, cut short, or something follows it.
    """
    stream = zlib.decompressobj(form)
    for piece in packed:
        if stream.eof:
            raise _something_follows(piece, where)
        yield from _outcome(stream, piece, where)
        if stream.unused_data:
            raise _something_follows(stream.unused_data, where)
    if not stream.eof:
        raise Invalid(
            f"{where}: the compressed data ends too early; the upload or the build was cut short, build it again"
        )


def _outcome(stream: "zlib._Decompress", packed: bytes, where: str) -> Iterator[bytes]:
    """Feed one piece and hand out all it gives, chunk by chunk."""
    while not stream.eof:
        try:
            chunk = stream.decompress(packed, CHUNK)
        except zlib.error:
            raise Invalid(f"{where}: the compressed data is damaged; build it again") from None
        if chunk:
            yield chunk
        packed = stream.unconsumed_tail
        if not packed and len(chunk) < CHUNK:
            return


def _something_follows(rest: bytes, where: str) -> Invalid:
    if rest.startswith(b"\x1f\x8b"):
        return Invalid(f"{where}: a second gzip stream follows the first, and tools disagree on whether to read it")
    return Invalid(f"{where}: bytes follow the end of the compressed data; build it again without appending to it")
