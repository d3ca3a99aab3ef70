"""A plain client: pages and what is on them, and uploads as twine sends them."""

import gzip
import hashlib
import http.client
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from types import TracebackType
from typing import Self
from urllib.parse import urldefrag, urljoin, urlsplit

from tests.benchmarks.corpus import REQUIRES_PYTHON, Item

JSON = "application/vnd.pypi.simple.v1+json"
_MOVED = {301, 302, 303, 307, 308}
_ANCHOR = re.compile(r'<a\s[^>]*?href="([^"]+)"', re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What came back, and from which address after redirects."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes  # unpacked
    url: str
    wire: int  # bytes that came

    def links(self) -> dict[str, str]:
        """Read a page: the last part of each link, a filename or a project, and its address."""
        if "json" in self.headers.get("content-type", ""):
            page = json.loads(self.body)
            if "projects" in page:
                return {project["name"]: urljoin(self.url, f"{project['name']}/") for project in page["projects"]}
            return {file["filename"]: urljoin(self.url, file["url"]) for file in page["files"]}
        found = (urldefrag(urljoin(self.url, unescape(href))).url for href in _ANCHOR.findall(self.body.decode()))
        return {url.partition("?")[0].rstrip("/").rpartition("/")[2]: url for url in found}


def basic(user: str, password: str) -> dict[str, str]:
    """Write credentials as a header."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def get(url: str, headers: Mapping[str, str] | None = None, redirects: int = 3) -> Answer:
    """Ask once, on a connection of its own."""
    return send("GET", url, headers=headers, redirects=redirects)


def send(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None, redirects: int = 0
) -> Answer:
    """Send one request, and follow where it is sent on to."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=180)
    try:
        connection.request(method, parts.path or "/", body or None, dict(headers or {}))
        got = connection.getresponse()
        named, sent = {name.lower(): value for name, value in got.getheaders()}, got.read()
        unpacked = gzip.decompress(sent) if named.get("content-encoding") == "gzip" and sent else sent
        answer = Answer(got.status, named, unpacked, url, len(sent))
    except http.client.HTTPException as error:
        raise ConnectionError(repr(error)) from error
    finally:
        connection.close()
    if answer.status in _MOVED and redirects:
        return send(method, urljoin(url, answer.headers["location"]), body, headers, redirects - 1)
    return answer


class Uploader:
    """One uploader with a connection it keeps, as a pipeline's client does."""

    def __init__(self, url: str, credentials: Mapping[str, str]) -> None:
        self._parts, self._credentials = urlsplit(url), credentials
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def post(self, body: bytes, content_type: str) -> str | None:
        """Send one upload, and again if the server had closed the connection.

        Returns:
            What went wrong; None if it was taken.
        """
        for last in (False, True):
            connection = self._connection or http.client.HTTPConnection(
                self._parts.hostname or "", self._parts.port, timeout=180
            )
            self._connection = connection
            try:
                connection.request("POST", self._parts.path, body, {**self._credentials, "Content-Type": content_type})
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._close()
                if last:
                    return repr(error)
            else:
                taken = 200 <= answer.status < 300
                return None if taken else f"{answer.status}: {text[:160].decode(errors='replace')}"
        raise AssertionError("not reached")

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def form(item: Item, content: bytes) -> tuple[bytes, str]:
    """Write an upload with the fields that twine sends, ready to be posted: body and content type."""
    wheel = item.filename.endswith(".whl")
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.4",
        "name": item.project,
        "version": item.version,
        "filetype": "bdist_wheel" if wheel else "sdist",
        "pyversion": "py3" if wheel else "source",
        "requires_python": REQUIRES_PYTHON,
        "summary": "A package to measure with",
        "md5_digest": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256_digest": item.sha256,
        "blake2_256_digest": hashlib.blake2b(content, digest_size=32).hexdigest(),
    }
    cut = f"cut-{item.sha256[:32]}"
    head = "".join(f'--{cut}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
    head += f'--{cut}\r\nContent-Disposition: form-data; name="content"; filename="{item.filename}"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    return head.encode() + content + f"\r\n--{cut}--\r\n".encode(), f"multipart/form-data; boundary={cut}"
