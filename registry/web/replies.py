"""A request and its answer, as far as an answer can be repeated."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from registry.downloads import Download
from registry.web.basis import Basis

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_BESIDE_BODY = 2_000  # bytes an answer takes in memory beside its body
_FACT = 250  # bytes of each path that it rests on, with the id of what is there
_BLOCK = 256 * 2**10  # bytes
_ASKED_AGAIN = re.compile(r"/+(?![-_]/)[^/]+/")  # indexes and files, under whatever address; /-/ and /_/ have none
_BODY = ("HTTP_TRANSFER_ENCODING", "CONTENT_LENGTH", "CONTENT_TYPE")


class Asked(NamedTuple):
    """All of a request that its answer may depend on."""

    method: str
    path: str
    query: str
    accept: str | None
    encoding: str | None
    authorization: str | None
    none_match: str | None
    range: str | None
    if_range: str | None
    match: str | None
    modified: str | None
    unmodified: str | None

    @property
    def weight(self) -> int:
        """Bytes it takes in memory."""
        return sum(len(text) for text in self if text)


def asked(environ: "WSGIEnvironment") -> Asked | None:
    """Read what a request asks; None where no answer is given twice."""
    path = environ.get("PATH_INFO", "")
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not _ASKED_AGAIN.match(path) or environ.get("SCRIPT_NAME"):
        return None
    if any(environ.get(name) for name in _BODY):
        return None
    header = environ.get
    return Asked(
        environ["REQUEST_METHOD"],
        path,
        environ.get("QUERY_STRING", ""),
        header("HTTP_ACCEPT"),
        header("HTTP_ACCEPT_ENCODING"),
        header("HTTP_AUTHORIZATION"),
        header("HTTP_IF_NONE_MATCH"),
        header("HTTP_RANGE"),
        header("HTTP_IF_RANGE"),
        header("HTTP_IF_MATCH"),
        header("HTTP_IF_MODIFIED_SINCE"),
        header("HTTP_IF_UNMODIFIED_SINCE"),
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: a body in memory, or a piece of an artifact."""

    status: str  # "200 OK"
    headers: tuple[tuple[str, str], ...]
    body: bytes
    basis: Basis | None  # None: not to be repeated
    start: int = 0  # first byte of the artifact that is sent
    length: int = 0  # bytes of the artifact that are sent
    download: Download | None = None  # what is counted whenever this is answered

    @property
    def weight(self) -> int:
        """Bytes it takes in memory."""
        return len(self.body) + _BESIDE_BODY + _FACT * (len(self.basis.facts) if self.basis else 0)


def piece(basis: Basis | None, method: str, status: str, headers: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Tell which bytes of an artifact an answer carries: first, and how many."""
    if basis is None or basis.artifact is None or method != "GET":
        return 0, 0
    if status.startswith("200"):
        return 0, int(dict(headers)["Content-Length"])
    if status.startswith("206"):
        first, last = dict(headers)["Content-Range"].removeprefix("bytes ").partition("/")[0].split("-")
        return int(first), int(last) + 1 - int(first)
    return 0, 0


def blocks(stream: BinaryIO, length: int) -> Iterator[bytes]:
    """Read so many bytes, and close."""
    with stream:
        while length and (block := stream.read(min(length, _BLOCK))):
            length -= len(block)
            yield block
