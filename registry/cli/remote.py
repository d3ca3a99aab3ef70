"""Asking a server instead of a folder: `--url`, and who you are in WAYBILL_TOKEN."""

import json
import os
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from registry.errors import Forbidden, Invalid, Unavailable

PATIENCE = 60  # seconds


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes a redirect as the error it is here: the API has none."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


class Server:
    """A running registry's `/-/api/v1`."""

    def __init__(self, url: str) -> None:
        self._base = f"{url}/-/api/v1/"
        self._open = urllib.request.build_opener(_NoRedirects).open  # a token is never sent on to another host
        self._token = os.environ.get("WAYBILL_TOKEN", "")
        if not self._token:
            raise Invalid("WAYBILL_TOKEN is not set; put your token in it, so that it is in no command line")

    def ask(
        self, method: str, path: str, query: dict[str, str | None] | None = None, body: dict[str, Any] | None = None
    ) -> Any:
        """Send one request.

        Args:
            method: the HTTP method.
            path: below `/-/api/v1/`.
            query: parameters; those that are None are left out.
            body: sent as JSON.

        Returns:
            The JSON answer.

        Raises:
            Forbidden: the server refused; with its own words.
            Unavailable: there is no server, or it failed.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = self._base + quote(path) + (f"?{urlencode(given)}" if given else "")
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - http(s) was checked
        try:
            with self._open(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Forbidden(f"{error.code} {_detail(error)}") from None
        except urllib.error.URLError as error:
            cause = getattr(error.reason, "strerror", None) or error.reason
            raise Unavailable(f"{self._base} does not answer: {cause}") from None
        except (OSError, ValueError) as error:
            raise Unavailable(f"{self._base} does not answer as a registry does: {error}") from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return error.reason
