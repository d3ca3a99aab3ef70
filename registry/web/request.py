"""The request class: what a client sends is counted as it arrives."""

from typing import IO, TYPE_CHECKING

import flask
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, RequestTimeout

from registry.blobs.incoming import Incoming

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

BODY_BYTES = 64 * 2**10  # of every body but an upload


class Body:
    """A body as it arrives, counted; what the web server says of a bad client becomes a refusal."""

    def __init__(self, source: IO[bytes]) -> None:
        self.most = BODY_BYTES  # of all but the draft
        self.draft: Incoming | None = None
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
        if self._size - (self.draft.size if self.draft else 0) > self.most:
            raise RequestEntityTooLarge(f"The body is too large: at most {self.most // 2**10} KiB are read here")
        return data


class Request(flask.Request):
    """A request whose body is small, unless an upload was allowed."""

    def __init__(self, environ: "WSGIEnvironment", populate_request: bool = True, shallow: bool = False) -> None:
        self._body = Body(environ["wsgi.input"])
        super().__init__({**environ, "wsgi.input": self._body}, populate_request, shallow)

    def allow(self, form: int, file: int) -> None:
        """Allow this request to carry a file.

        Args:
            form: bytes accepted of all but the file.
            file: bytes accepted of the file, of which its draft takes care.
        """
        self._body.most = form
        self.max_content_length = form + file

    def drafting(self, draft: Incoming) -> Incoming:
        """Count no more what goes into the draft of this request."""
        self._body.draft = draft
        return draft
