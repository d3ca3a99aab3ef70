"""The request class: uploads stream into a draft of the blob store, hashed on the way, instead of into memory."""

from contextlib import ExitStack
from typing import IO

import flask

from registry.blobs import Blobs
from registry.errors import Invalid

FORM_BYTES = 16 * 2**20  # all fields but the file; a README of 5 MB and thousands of classifiers must fit
FORM_PARTS = 8_000
FORM_FILES = 4  # the distribution and what some uploaders send beside it; each is an open file while the form is read
LEFT_UNREAD = 64 * 2**20  # bytes of a refused body that are thrown away unread, so that its client reads the refusal


class Request(flask.Request):
    """A request whose file parts become drafts once `receive` was called."""

    _blobs: Blobs | None = None
    _limit: int = 0
    _files: int = 0

    def receive(self, blobs: Blobs, limit: int, stack: ExitStack) -> None:
        """Allow this request to carry files.

        Args:
            blobs: where drafts are kept.
            limit: the largest file accepted, in bytes.
            stack: closes the drafts.
        """
        self._blobs, self._limit, self._stack = blobs, limit, stack
        self.max_content_length = limit + FORM_BYTES
        self.max_form_memory_size = FORM_BYTES
        self.max_form_parts = FORM_PARTS

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Open what a file part is written to; Werkzeug's documented hook."""
        if self._blobs is None:
            return super()._get_file_stream(total_content_length, content_type, filename, content_length)
        self._files += 1
        if self._files > FORM_FILES:
            raise Invalid(f"content: the upload carries more than {FORM_FILES} files; send one upload per file")
        return self._stack.enter_context(self._blobs.incoming(self._limit))

    def discard(self) -> None:
        """Throw away what is left of the body: a client that is still sending would miss the answer.

        Only where the server ends the input by itself; elsewhere reading on could wait for ever.
        """
        if not self.environ.get("wsgi.input_terminated"):
            return
        source, left = self.environ["wsgi.input"], LEFT_UNREAD
        while left > 0:
            chunk = source.read(65536)
            if not chunk:
                return
            left -= len(chunk)
