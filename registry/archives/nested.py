"""Archives inside the archive: measured one level deep, so that nobody stores a bomb for tools that look inside."""

import struct
import zlib
from collections.abc import Iterator
from itertools import chain

from registry.archives.inflate import GZIP
from registry.archives.limits import CHUNK, Limits
from registry.archives.members import shown
from registry.errors import TooLarge

MOST_STREAMS = 10_000  # gzip streams measured in all members together; starting one costs more than its 20 bytes

_TAIL = 1 << 17  # bytes kept of a nested zip, whose sizes are declared at its end
_CENTRAL = b"PK\1\2"


class Nested:
    """Follows the members of one archive and adds up what the archives among them would expand to."""

    def __init__(self, limits: Limits, length: int) -> None:
        """Begin with an archive.

        Args:
            limits: what it may cost.
            length: its own size in bytes.
        """
        self._limits = limits
        self._most = min(limits.unpacked, max(limits.ratio_from, limits.ratio * length))
        self._expanded = 0
        self._streams = 0

    def watch(self, name: str, size: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass a member's bytes on and measure it on the way if it is a gzip or zip file.

        Args:
            name: the member's name.
            size: its size in bytes.
            chunks: its bytes.

        Raises:
            TooLarge: it expands absurdly.
        """
        head = b""
        for chunk in chunks:
            head += chunk
            if len(head) >= 4:
                break
        whole = chain((head,), chunks)
        if head.startswith(b"\x1f\x8b\x08"):
            return self._gzip(f"Member {shown(name)}", size, whole)
        if head.startswith(b"PK\3\4"):
            return self._zip(f"Member {shown(name)}", size, whole)
        return whole

    def _gzip(self, what: str, size: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Decompress and throw away, stream after stream, until the limit is reached or it is no longer gzip."""
        expanded = 0
        stream: zlib._Decompress | None = zlib.decompressobj(GZIP)
        for chunk in chunks:
            packed = chunk
            while packed and stream:
                try:
                    step = len(stream.decompress(packed, CHUNK))
                except zlib.error:
                    stream = None  # whoever opens it gets no further either
                    break
                expanded += step
                self._limits.check_expansion(what, expanded, size)
                self._add(what, step)
                packed = stream.unconsumed_tail
                if stream.eof:
                    packed = stream.unused_data
                    stream = self._next_stream(what)
            yield chunk

    def _next_stream(self, what: str) -> "zlib._Decompress":
        self._streams += 1
        if self._streams == MOST_STREAMS:
            raise TooLarge(
                f"{what}: the archive holds more than {MOST_STREAMS} gzip streams; compress each file as one"
            )
        return zlib.decompressobj(GZIP)

    def _zip(self, what: str, size: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Add up the sizes declared in the last part of the file: at least that much comes out."""
        tail = b""
        for chunk in chunks:
            tail = (tail + chunk)[-_TAIL:]
            yield chunk
        declared = 0
        at = tail.find(_CENTRAL)
        while 0 <= at <= len(tail) - 28:
            declared += struct.unpack_from("<L", tail, at + 24)[0]
            at = tail.find(_CENTRAL, at + 4)
        self._limits.check_expansion(what, declared, size)

    def _add(self, what: str, step: int) -> None:
        self._expanded += step
        if self._expanded > self._most:
            raise TooLarge(
                f"{what}: the gzip files in this archive expand to more than this server measures; ship fewer"
            )
