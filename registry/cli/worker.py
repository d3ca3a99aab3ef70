"""A gunicorn worker in which no client can make another one wait.

A thread serves one client at a time, so neither a slow one nor a quick question may have it. One poller waits for the
heads of requests, sends what the front can answer again, and finishes all long answers as their clients take them;
threads do the rest, and bodies must keep a pace. This reaches into gunicorn; `tests/registry/web/test_slow.py` and
`test_poller.py` tell when that stops to fit, and the version is bounded for that reason.
"""

import selectors
import signal
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, BinaryIO

from gunicorn.http import wsgi
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request

from registry.cli.connection import Client, Outgoing
from registry.cli.express import Express
from registry.cli.poller import PATIENCE, Poller
from registry.errors import WaybillError
from registry.web.replies import Reply, asked

KEEP_ALIVE = 75  # seconds until the next request
LONGEST_HEAD = 64 * 2**10  # bytes of request line and headers
SHARED = 16 * 2**10  # bytes of a body that is worth a system call of its own, to be shared by its slow readers
STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
_END = b"\r\n\r\n"


class Worker(Poller):
    """Requests, and who answers them: the front in the poller, or the application in a thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._came: list[Client] = []  # whose request is all here, and may be one that the front can answer

    def init_signals(self) -> None:
        """Heed signals from here on, also those that came since the master forked."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    @cached_property
    def express(self) -> Express:
        """What can be answered without a thread."""
        return Express(self.wsgi.extensions["front"])  # type: ignore[attr-defined]  # gunicorn: any WSGI callable

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Serve everybody who has sent or taken something."""
        super().wait_for_and_dispatch_events(timeout)
        if self._came:
            self._answer()

    def handle_request(self, req: Request, conn: Client) -> bool:  # type: ignore[override]  # all of ours are Clients
        """Answer, in a thread, and leave it to the poller to send that."""
        conn.ends = req.should_close() or not self.alive
        if not any(name == "EXPECT" for name, _ in req.headers):  # it is answered once, by gunicorn
            environ = dict(wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg)[1])
            question = asked(environ)
            if question:
                conn.question, front = (question, environ.get("HTTP_USER_AGENT", "")), self.express.front
                again = self.alive and self.express.keeps(conn.whole)
                if not (again and front.recall(question, front.look(), time.time())):
                    conn.reply = front.learn(question, environ)
                return True
        kept = super().handle_request(req, conn)
        conn.sock.hurry()
        with suppress(Exception):  # of a body that nobody wanted to read, nobody wants to know what is wrong with it
            return kept and bool(conn.parser.finish_body(deadline=time.monotonic() + 1))
        return False

    def finish_request(self, conn: Client, fs: Future[Any]) -> None:  # type: ignore[override]  # as above
        """Go on with a connection that a thread is done with."""
        if conn.sock.fileno() < 0:  # gunicorn has hung up
            self.drop(conn)
            return
        kept = not (fs.cancelled() or fs.exception()) and bool(fs.result())
        conn.rest = conn.parser.unreader.take_buffered() if kept else b""
        self.wait(conn, KEEP_ALIVE)
        question, conn.question = conn.question, None
        reply, conn.reply = conn.reply, None
        answered = bytes(conn.sock.answered)
        conn.sock.answered.clear()
        if kept and question and conn.whole and self.express.keeps(conn.whole) and (reply is None or reply.basis):
            self.express.understand(conn.whole, *question, conn.ends)
        if kept and reply:
            self._send(conn, reply, self.express.first(reply, conn.ends))
        elif kept and question and conn.whole:
            self._consider(conn, conn.whole)
        else:
            conn.ends = not kept
            if conn.ends:  # what gunicorn wrote before it was known
                answered = answered.replace(b"\r\nConnection: keep-alive\r\n", b"\r\nConnection: close\r\n", 1)
            self._begin(conn, [answered], None, None)

    def read(self, conn: Client, _: Any) -> None:
        """Read what a client has sent, without waiting."""
        try:
            more = socket.socket.recv(conn.sock, LONGEST_HEAD)  # what waits here is not measured: patience is
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if more:
            self._consider(conn, conn.came + more if conn.came else more)
        elif conn.came:
            self._hand_over(conn)  # a thread tells the client what is missing
        else:
            self.drop(conn)

    def _consider(self, conn: Client, came: bytes) -> None:
        """Go on with what has come of a request."""
        if came and not conn.came:
            conn.since, conn.patience = time.monotonic(), PATIENCE
        conn.came = came
        end = came.find(_END)
        if end >= 0 and end + len(_END) == len(came):
            self._came.append(conn)
        elif end >= 0:
            self._hand_over(conn)
        elif len(came) > LONGEST_HEAD:
            text = f"longer than {LONGEST_HEAD} bytes"
            conn.sock.begin()
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders(text))
            conn.ends = True
            self._begin(conn, [bytes(conn.sock.answered)], None, None)

    def _answer(self) -> None:
        """Send what can be repeated; a thread has the rest."""
        came, self._came = self._came, []
        self.express.look()
        for conn in came:
            if conn.gone:
                continue
            found = self.express.answer(conn.came, conn.remote) if self.alive else None
            if found:
                reply, head, conn.ends = found
                conn.whole = conn.came
                self._send(conn, reply, head)
            else:
                self._hand_over(conn)
        self.express.log()

    def _send(self, conn: Client, reply: Reply, head: bytes) -> None:
        """Send an answer, or as much of it as the client takes at once."""
        try:
            file = self.express.front.open(reply) if reply.length else None
        except (WaybillError, OSError):  # it was there when the application answered; now it has to say what is wrong
            if conn.whole is None or not self.express.keeps(conn.whole):
                self.drop(conn)
                return
            self.express.distrust(conn.whole)
            conn.came = conn.whole
            self._hand_over(conn)
            return
        parts = [head, reply.body] if len(reply.body) > SHARED else [head + reply.body]
        self._begin(conn, parts, file, reply)

    def _begin(self, conn: Client, parts: list[bytes], file: BinaryIO | None, reply: Reply | None) -> None:
        now = time.monotonic()
        start, length = (reply.start, reply.length) if reply else (0, 0)
        conn.outgoing = Outgoing([memoryview(part) for part in parts if part], file, start, length, now, now)
        self._go_on(conn, None)

    def _go_on(self, conn: Client, _: Any) -> None:
        """Send more of an answer; after its end, wait for the next request."""
        out = conn.outgoing
        try:
            done = out is None or out.send(conn.sock)
        except OSError:
            self.drop(conn)
            return
        if not done:
            if conn in self.waiting:
                del self.waiting[conn]
                self.sending[conn] = None
                self.poller.modify(conn.sock, selectors.EVENT_WRITE, partial(self._go_on, conn))
            return
        if out:
            out.close()
        conn.outgoing, conn.came, conn.since, conn.patience = None, b"", time.monotonic(), KEEP_ALIVE
        if conn.ends:
            self.stop_waiting(conn)
            self.leave(conn)
            return
        if conn in self.sending:
            del self.sending[conn]
            self.waiting[conn] = None
            self.poller.modify(conn.sock, selectors.EVENT_READ, partial(self.read, conn))
        if conn.rest:
            rest, conn.rest = conn.rest, b""
            self._consider(conn, rest)

    def _hand_over(self, conn: Client) -> None:
        """Give a request to a thread."""
        self.stop_waiting(conn)
        conn.init()
        conn.parser.unreader.unread(conn.came)
        conn.whole, conn.came = conn.came if conn.came.find(_END) == len(conn.came) - len(_END) else None, b""
        conn.sock.begin()
        conn.data_ready = True
        self.enqueue_req(conn)
