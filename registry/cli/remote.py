"""Asking a server instead of a folder: `--url`, and who you are in WAYBILL_TOKEN.

What answers may be no registry, or a hostile one: nothing of an answer is used before its shape was checked, and none
of its words reach a terminal unescaped.
"""

import json
import os
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException, IncompleteRead
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from registry.errors import Forbidden, Invalid, Unavailable
from registry.shown import shown

PATIENCE = 60  # seconds
LONGEST = 64 * 2**20  # bytes of an answer
_EMPTY_PAGES = 1_000  # on each of which a server may have looked for seconds
_BLOCK = 256 * 2**10  # bytes of a file that are sent at one time
LONGEST_REFUSAL = 64 * 2**10  # bytes of an answer that says no
_TOKEN = re.compile(r"[!-~]+")  # whether it is a good one, the server knows; other characters break or forge headers

Shape = dict[str, Any]  # what an answer must have: by key a type, a list with the shape of its items, or a shape again


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes a redirect as the error it is here: the API has none."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


class Server:
    """A running registry's `/-/api/v1`, or another part of it."""

    def __init__(self, url: str, part: str = "-/api/v1/", token: str | None = None) -> None:
        """Know whom to ask.

        Args:
            url: the server's address, without a slash at its end.
            part: what is asked there.
            token: who asks; None: WAYBILL_TOKEN says it.
        """
        self._base = f"{url}/{part}"
        self._open = urllib.request.build_opener(NoRedirects).open  # a token is never sent on to another host
        self._token = (
            token or os.environ.get("WAYBILL_TOKEN", "")
        ).strip()  # files made on Windows end lines with CR LF
        if not self._token:
            raise Invalid("WAYBILL_TOKEN is not set; put your token in it, so that it is in no command line")
        if not _TOKEN.fullmatch(self._token):
            raise Invalid("WAYBILL_TOKEN has a space, a line break or another character that no token has; set it anew")

    def ask(
        self,
        method: str,
        path: str,
        query: dict[str, str | None] | None = None,
        body: dict[str, Any] | None = None,
        shape: Shape | None = None,
    ) -> Any:
        """Send one request.

        Args:
            method: the HTTP method.
            path: below `/-/api/v1/`.
            query: parameters; those that are None are left out.
            body: sent as JSON.
            shape: what the answer must have; None: it is an object.

        Returns:
            The JSON answer, an object.

        Raises:
            Forbidden: the server refused; with its own words.
            Unavailable: there is no server, or it failed, or it is no registry.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = self._base + quote(path, errors="replace") + (f"?{urlencode(given, errors='replace')}" if given else "")
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - http(s) was checked
        answer = self._json(self._sent(request))
        if not _fits(answer, shape or {}):
            keys = ", ".join(f"'{key}'" for key in shape or {})
            raise self._strange(f"its answer lacks {keys}, or what is in there" if keys else "its answer is no object")
        return answer

    def pages(
        self, path: str, query: Mapping[str, str | None], shape: Shape, name: str, most: int
    ) -> Iterator[Mapping[str, Any]]:
        """Ask for a list, page after page, as long as more of it is wanted; otherwise as `ask` does.

        Args:
            path: below `/-/api/v1/`.
            query: parameters.
            shape: what each page must have.
            name: of the list in it.
            most: how many are wanted; a few more may come.
        """
        cursor: str | None = None
        known, empty = set[str](), 0  # cursors; pages with nothing, one after another
        while most > 0:
            answer = self.ask("GET", path, {**query, "limit": str(most), "cursor": cursor}, shape=shape)
            yield from answer[name]
            most -= len(answer[name])
            empty = 0 if answer[name] else empty + 1
            cursor = answer.get("next")  # an earlier version has no pages
            if cursor is None:
                return
            if not isinstance(cursor, str) or cursor in known or empty == _EMPTY_PAGES:
                raise self._strange("one page of its list leads nowhere")
            known.add(cursor)

    def send(
        self,
        path: str,
        query: dict[str, str],
        file: Path,
        shape: Shape,
        *,
        more: Mapping[str, str] | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> Any:
        """Send a file as an upload would, in blocks; otherwise as `ask` does.

        Args:
            path: below what is asked.
            query: parameters.
            file: what is sent.
            shape: what the answer must have.
            more: headers.
            sent: is told of how many bytes more have gone.
        """
        mark = uuid.uuid4().hex
        named = f'Content-Disposition: form-data; name="content"; filename="{file.name}"'
        head, end = f"--{mark}\r\n{named}\r\n\r\n".encode(), f"\r\n--{mark}--\r\n".encode()
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "Content-Type": f"multipart/form-data; boundary={mark}",
            "Content-Length": str(len(head) + file.stat().st_size + len(end)),
            **(more or {}),
        }
        with file.open("rb") as content:
            body = chain([head], _blocks(content, sent), [end])
            url = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
            request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - as above
            answer = self._json(self._sent(request))
        if not _fits(answer, shape):
            raise self._strange("its answer lacks what was asked for")
        return answer

    def _sent(self, request: urllib.request.Request) -> bytes:
        """Send a request and give what came back; no words of a library, which may quote what was sent."""
        try:
            with self._open(request, timeout=PATIENCE) as answer:
                text: bytes = answer.read(LONGEST + 1)
        except urllib.error.HTTPError as error:
            raise Forbidden(f"{error.code} {_detail(error)}") from None
        except urllib.error.URLError as error:
            cause = getattr(error.reason, "strerror", None) or error.reason
            raise Unavailable(f"{self._base} does not answer: {shown(cause)}") from None
        except OSError as error:
            raise Unavailable(f"{self._base} stops answering: {shown(error.strerror or error)}; try again") from None
        except IncompleteRead:
            raise Unavailable(f"{self._base} breaks its answer off; try again") from None
        except HTTPException:
            raise self._strange("what it sends is not HTTP") from None
        except ValueError:
            raise Unavailable(f"{self._base} cannot be asked; check the host's name in --url") from None
        if len(text) > LONGEST:
            raise Unavailable(f"{self._base} answers more than {LONGEST // 2**20} MiB; ask for less, as with --limit")
        return text

    def _json(self, text: bytes) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise self._strange("its answer is not JSON") from None

    def _strange(self, what: str) -> Unavailable:
        return Unavailable(f"{self._base} does not answer as a registry does: {what}; check --url")


def _blocks(content: BinaryIO, sent: Callable[[int], None] | None) -> Iterator[bytes]:
    """Read a file to its end, and count."""
    while block := content.read(_BLOCK):
        yield block
        if sent:
            sent(len(block))


def _fits(value: object, shape: Any) -> bool:
    """Tell whether a JSON value has at least what a shape names."""
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(key in value and _fits(value[key], shape[key]) for key in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(item, shape[0]) for item in value)
    return isinstance(value, shape)


def _detail(error: urllib.error.HTTPError) -> str:
    """Find the server's own sentence; without one, the reason phrase says a little."""
    try:
        said = json.loads(error.read(LONGEST_REFUSAL))
        return shown(said["detail"] if "detail" in said else said["message"])  # of the API; of uploads
    except (OSError, HTTPException, ValueError, LookupError, TypeError, RecursionError):
        return shown(error.reason)
