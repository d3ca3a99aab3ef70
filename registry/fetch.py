"""One JSON document from another host: https only, no redirects, bounded in size and time."""

import ssl
import time
import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlsplit

from registry.errors import Unavailable

LONGEST = 256 * 2**10  # bytes
_PIECE = 16 * 2**10


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a host that was reviewed must not send us to one that was not."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Refuse; the redirect itself becomes the error."""


def _hurried(ends: float) -> ssl.SSLContext:
    """Make connections that end at a moment, however slowly the other side goes on sending."""

    class Hurried(ssl.SSLSocket):
        def recv_into(self, *arguments: Any, **given: Any) -> int:
            self.settimeout(max(0.001, ends - time.monotonic()))
            return super().recv_into(*arguments, **given)

    context = ssl.create_default_context()
    context.sslsocket_class = Hurried
    return context


def document(url: str, seconds: float, bearer: str | None = None) -> bytes:
    """Fetch a document.

    Args:
        url: of an https server, whose certificate must hold.
        seconds: how long it may take; only looking up the host's name can take longer.
        bearer: a credential for it; None: there is none.

    Raises:
        Unavailable: there is no good answer, in words.
    """
    if urlsplit(url).scheme != "https":
        raise Unavailable(f"{url} is not https, and keys that travel unprotected prove nothing")
    context = _hurried(time.monotonic() + seconds)
    opener = urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=context))
    headers = {"Accept": "application/json", "User-Agent": "Waybill"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - https was checked
    try:
        with opener.open(request, timeout=seconds) as answer:
            read = b""
            while piece := answer.read1(_PIECE):
                read += piece
                if len(read) > LONGEST:
                    raise Unavailable(f"{url} answers with more than {LONGEST // 2**10} KiB")
            return read
    except urllib.error.HTTPError as error:
        error.close()
        kind = "a redirect, which is not followed" if 300 <= error.code < 400 else "an error"
        raise Unavailable(f"{url} answers {error.code}, {kind}") from None
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "reason", None) or error
        raise Unavailable(f"{url} cannot be reached: {why}") from None
