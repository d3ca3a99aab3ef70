"""Lists by pages: `limit`, a `cursor` that nobody needs to understand, and `Link: …; rel="next"` (RFC 8288)."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, jsonify, request

from registry.errors import Invalid
from registry.web import params
from registry.web.doors import Query

T = TypeVar("T")
MOST = 1000
_LARGEST = 2**53  # number in a cursor
LIMIT = Query("limit", f"at most so many; {MOST} are the most", {"type": "integer", "minimum": 1, "default": 100})
CURSOR = Query("cursor", "what the page before gave as `next`")
PAGES = (LIMIT, CURSOR)


def limit() -> int:
    """Read how many are wanted.

    Raises:
        Invalid: it is no number, or none are.
    """
    wanted = params.number("limit", 100)
    if wanted < 1:
        raise Invalid("limit: ask for at least one")
    return min(wanted, MOST)


def cursor(*shape: type) -> list[Any] | None:
    """Read where the page before ended; None for the first page.

    Args:
        shape: the types of what a cursor of this list holds.

    Raises:
        Invalid: this list has never given such a cursor.
    """
    given = request.args.get("cursor")
    if given is None:
        return None
    try:
        text = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        values: Any = json.loads(text)
        json.dumps(values, ensure_ascii=False).encode()  # half a character is none
    except (binascii.Error, ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or [type(value) for value in values] != list(shape) or not _small(values):
        raise Invalid("cursor: send what the page before gave as 'next', or leave it out")
    return values


def _small(values: list[Any]) -> bool:
    return all(abs(value) <= _LARGEST for value in values if isinstance(value, int))


def page(
    name: str, items: Iterable[T], show: Callable[[T], Any], place: Callable[[T], list[Any]], **beside: Any
) -> Response:
    """Answer with one page of a list.

    Args:
        name: of the list in the answer.
        items: what follows the cursor, in order; no more of it is read than is shown, and one.
        show: writes one of them.
        place: what a cursor says that goes on after this one.
        beside: what the answer has besides.
    """
    most = limit()
    found = list(islice(items, most + 1))
    following = place(found[most - 1]) if len(found) > most else None
    return whole(name, [show(one) for one in found[:most]], following, **beside)


def whole(name: str, shown: list[Any], following: list[Any] | None, **beside: Any) -> Response:
    """Answer with a page that is there already.

    Args:
        name: of the list in the answer.
        shown: the list.
        following: what the next cursor says; None: this is the last page.
        beside: what the answer has besides.
    """
    if following is None:
        return jsonify({name: shown, "next": None, **beside})
    text = base64.urlsafe_b64encode(json.dumps(following, separators=(",", ":")).encode()).decode().rstrip("=")
    response = jsonify({name: shown, "next": text, **beside})
    response.headers["Link"] = f'<?{urlencode({**request.args, "cursor": text})}>; rel="next"'
    return response
