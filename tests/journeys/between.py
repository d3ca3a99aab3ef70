"""What stands between a client and the server and sees what they say; it can lose an answer, cut it, change a page."""

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.running import Server

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Exchange:
    """A request, and what the server answered; names of headers are lower-case."""

    method: str
    path: str
    asked: Mapping[str, str]
    status: int
    answered: Mapping[str, str]


@dataclass
class Between:
    """The place where they meet. What is set here is done to all that follows."""

    port: int = 0
    seen: list[Exchange] = field(default_factory=list)
    page: Callable[[str], str] | None = None  # changes pages of the index
    lose: int = 0  # this many answers to uploads get lost after the server gave them
    instead: int = 503  # what the client reads then; 0 is nothing, the connection ends
    cut: int = 0  # this many downloads of artifacts end in the middle

    def url(self, userinfo: str = "") -> str:
        """The server's address as clients see it."""
        return f"http://{userinfo + '@' if userinfo else ''}127.0.0.1:{self.port}"

    def of(self, method: str, part: str = "") -> list[Exchange]:
        """Give the exchanges of one method, on paths with this in them."""
        return [one for one in self.seen if one.method == method and part in one.path]


class _Listening(ThreadingHTTPServer):
    def __init__(self, place: Between, server: Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.place, self.inner = place, server.port
        place.port = self.server_address[1]

    def handle_error(self, *_: object) -> None:  # of clients that went away
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listening

    def do_GET(self) -> None:
        place = self.server.place
        changing = place.page if "/simple/" in self.path else None
        one, reason, data = self._forwarded(plain=changing is not None)
        place.seen.append(one)
        if changing is not None:
            data = changing(data.decode()).encode()
        if self.command == "POST" and place.lose:
            place.lose -= 1
            self.close_connection = True
            if place.instead:
                self._say(place.instead, "Lost", {"content-type": "text/plain"}, b"lost")
            return
        size = int(one.answered["content-length"]) if self.command == "HEAD" else len(data)
        if "/files/" in self.path and not self.path.endswith(".metadata") and place.cut:
            place.cut -= 1
            data, self.close_connection = data[: len(data) // 2], True
        self._say(one.status, reason, one.answered, data, size)

    do_HEAD = do_POST = do_GET  # noqa: N815 - names of the base class

    def _forwarded(self, *, plain: bool) -> tuple[Exchange, str, bytes]:
        """Ask the server the same; where a page will be changed, in plain text."""
        asked = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(asked.get("content-length", 0)))
        left_out = _HOP | {"host", *(["accept-encoding"] if plain else [])}
        inner = http.client.HTTPConnection("127.0.0.1", self.server.inner, timeout=60)
        inner.request(self.command, self.path, body, {n: value for n, value in asked.items() if n not in left_out})
        answer = inner.getresponse()
        data = answer.read()
        inner.close()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Exchange(self.command, self.path, asked, answer.status, headers), answer.reason, data

    def _say(self, status: int, reason: str, headers: Mapping[str, str], data: bytes, size: int = 0) -> None:
        self.send_response(status, reason)
        for name, value in headers.items():
            if name not in _HOP | {"server", "date"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(size or len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def between(server: Server) -> Iterator[Between]:
    """Stand between clients and a server, for the time of a block."""
    place = Between()
    with _Listening(place, server) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield place
        finally:
            listening.shutdown()
            thread.join()
