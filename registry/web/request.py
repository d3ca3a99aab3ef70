"""The request class: what a client sends is counted as it arrives, and files stream into drafts, hashed on the way."""

from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

import flask
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, RequestTimeout

from registry.blobs import Blobs
from registry.blobs.incoming import Incoming
from registry.errors import Invalid

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

BODY_BYTES = 64 * 2**10  # of every body but an upload
FORM_BYTES = 16 * 2**20  # all of an upload but its files; a README of 5 MB and thousands of classifiers must fit
FORM_PARTS = 8_000
FORM_FILES = 4  # the distribution and what some uploaders send beside it; each is an open file while the form is read


class Body:
    """A body as it arrives, counted; what the web server says of a bad client becomes a refusal."""

    def __init__(self, source: IO[bytes]) -> None:
        self.most = BODY_BYTES  # of what is kept in memory: all but the drafts
        self.drafts: list[Incoming] = []
        self._source = source
        self._size = 0

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; where none is given, all of a body that may be read.

        Raises:
            RequestTimeout: the client came to a standstill, or is too slow to be waited for.
            BadRequest: it broke off, or its chunks are none (RFC 9112, 7.1).
            RequestEntityTooLarge: it sends too much; what is left was not read.
        """
        try:
            data = self._source.read(size if size >= 0 else self.most + 1)
        except TimeoutError:
            raise RequestTimeout("The body came too slowly and was given up; nothing was kept, try again") from None
        except Exception as error:  # each web server has its own kinds of them, and they are the client's fault
            raise BadRequest("The body broke off, or its chunked encoding is wrong; send the request again") from error
        self._size += len(data)
        if self._size - sum(draft.size for draft in self.drafts) > self.most:
            raise RequestEntityTooLarge(f"The body is too large: at most {self.most // 2**10} KiB are read here")
        return data


class Request(flask.Request):
    """A request whose body is small, or whose files become drafts once `receive` was called."""

    _blobs: Blobs | None = None
    _limit: int = 0

    def __init__(self, environ: "WSGIEnvironment", populate_request: bool = True, shallow: bool = False) -> None:
        self._body = Body(environ["wsgi.input"])
        super().__init__({**environ, "wsgi.input": self._body}, populate_request, shallow)

    def receive(self, blobs: Blobs, limit: int, stack: ExitStack) -> None:
        """Allow this request to carry files.

        Args:
            blobs: where drafts are kept.
            limit: the largest file accepted, in bytes.
            stack: closes the drafts.
        """
        self._blobs, self._limit, self._stack = blobs, limit, stack
        self._body.most = FORM_BYTES
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
        if len(self._body.drafts) == FORM_FILES:
            raise Invalid(f"content: the upload carries more than {FORM_FILES} files; send one upload per file")
        draft = self._stack.enter_context(self._blobs.incoming(self._limit))
        self._body.drafts.append(draft)
        return draft
