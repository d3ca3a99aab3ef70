"""Reading a stream of chunks in the sizes that a format asks for."""

from collections.abc import Iterator

from registry.errors import Invalid


class Stream:
    """Cuts chunks as they come into pieces as they are needed, holding one chunk."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._at = 0

    def pieces(self, size: int, where: str) -> Iterator[bytes]:
        """Give the next `size` bytes in pieces.

        Raises:
            Invalid: the stream ends before.
        """
        while size:
            if self._at == len(self._chunk):
                self._chunk, self._at = next(self._chunks, b""), 0
            piece = self._chunk[self._at : self._at + size]
            if not piece:
                raise Invalid(f"{where}: the archive ends too early; the build or the upload was cut short")
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def read(self, size: int, where: str) -> bytes:
        """Give the next `size` bytes at once; for small sizes.

        Raises:
            Invalid: the stream ends before.
        """
        return b"".join(self.pieces(size, where))

    def rest(self) -> Iterator[bytes]:
        """Give what is left."""
        yield self._chunk[self._at :]
        yield from self._chunks
