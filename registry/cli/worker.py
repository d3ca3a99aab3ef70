"""A gunicorn worker in which no client can make another one wait.

A thread serves one client at a time, so a slow one must not have it: a poller waits for the heads of requests and for
refused clients to hang up, and bodies must keep a pace. This reaches into gunicorn; `tests/registry/web/test_slow.py`
tells when that stops to fit, and the version is bounded for that reason.
"""

import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request
from gunicorn.workers.gthread import ThreadWorker

Conn = Any  # gunicorn's TConn with our socket and its parser of HTTP/1, more than its stubs can tell

PATIENCE = 30  # seconds a client has to send the head of a request, and to hang up after a refusal
PARTING = 2  # seconds of patience that a stopping server still has
LONGEST_HEAD = 64 * 2**10  # bytes of request line and headers
LEFT_UNREAD = 64 * 2**20  # bytes of a refused body that are thrown away, so that its client gets to read the refusal


class Connection(socket.socket):
    """A client's connection that must keep a pace: with a timeout per read, one byte now and then goes on for ever."""

    stall = 30.0  # seconds without a byte
    grace = 60.0  # seconds before the average counts
    slowest = 1000  # bytes per second, on average
    received = 0
    _until = 0.0

    def begin(self) -> None:
        """Count from here: a new request."""
        self.received, self._until = 0, time.monotonic() + self.grace

    def hurry(self) -> None:
        """Give only what has arrived already."""
        self._until = float("-inf")

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Read what comes next; a TimeoutError says that nothing came in time, or too little so far."""
        given, earned = self.gettimeout(), self._until + self.received / self.slowest - time.monotonic()
        if given != 0:
            self.settimeout(max(0.001, min(self.stall, earned, given or self.stall)))
        try:
            data = super().recv(size, flags)
        finally:
            self.settimeout(given)
        self.received += len(data)
        return data


class Worker(ThreadWorker):
    """gunicorn's threads, behind a poller that alone waits for heads of requests, and for clients to hang up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[Conn, float] = {}  # connections that the poller waits for, and since when

    def enqueue_req(self, conn: Conn) -> None:
        """Give a request to a thread once all of its head is here."""
        if not isinstance(conn.sock, Connection):
            conn.sock = Connection(fileno=conn.sock.detach())
        head, ended = _head(conn)
        if ended:
            self._waiting.pop(conn, None)
            conn.sock.begin()
            conn.data_ready = True
            super().enqueue_req(conn)
        elif len(head) > LONGEST_HEAD:
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders(f"longer than {LONGEST_HEAD} bytes"))
            self._leave(conn)
        else:
            self._wait(conn, self._resume, self._waiting.get(conn))

    def handle_request(self, req: Request, conn: Conn) -> bool:
        """Answer; keep the connection only if the whole body is here already, as the next request begins after it."""
        kept = super().handle_request(req, conn)
        conn.sock.hurry()
        with suppress(Exception):  # of a body that nobody wanted to read, nobody wants to know what is wrong with it
            return kept and bool(conn.parser.finish_body(deadline=time.monotonic() + 1))
        return False

    def finish_request(self, conn: Conn, fs: Future[bool]) -> None:
        """Keep the connection, or let the client go."""
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)
        else:
            self._leave(conn)

    def murder_pending(self) -> None:
        """Drop clients that were waited for long enough; gunicorn's loop calls this at least every second."""
        super().murder_pending()
        latest = time.monotonic() - (PATIENCE if self.alive else PARTING)
        for conn in [conn for conn, since in self._waiting.items() if since < latest]:
            self._drop(conn)

    def _wait(self, conn: Conn, then: Callable[..., None], since: float | None = None) -> None:
        self._waiting[conn] = since or time.monotonic()
        self.poller.register(conn.sock, EVENT_READ, partial(then, conn))

    def _resume(self, conn: Conn, client: Connection) -> None:
        self.poller.unregister(client)
        self.enqueue_req(conn)

    def _leave(self, conn: Conn) -> None:
        """End an answered connection; closing it while its client still sends would take the answer away from it."""
        try:
            conn.sock.settimeout(0)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
        else:
            conn.sock.begin()
            self._wait(conn, self._swallow)

    def _swallow(self, conn: Conn, client: Connection) -> None:
        with suppress(OSError):
            if client.recv(65536) and client.received <= LEFT_UNREAD:
                return
        self._drop(conn)

    def _drop(self, conn: Conn) -> None:
        self._waiting.pop(conn, None)
        with suppress(KeyError, ValueError):  # it was not registered, or is closed
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def _head(conn: Conn) -> tuple[bytes, bool]:
    """Take what has come of the next head without waiting, and tell whether a thread can go on with it."""
    conn.init()
    conn.sock.settimeout(0)
    head = conn.parser.unreader.take_buffered()
    try:
        more = conn.sock.recv(LONGEST_HEAD)
        ended = not more
    except OSError as error:  # the thread meets any other again, and knows what to do about it
        more, ended = b"", not isinstance(error, BlockingIOError)
    conn.parser.unreader.unread(head + more)
    return head + more, ended or b"\r\n\r\n" in head + more
