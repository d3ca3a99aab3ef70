"""A gunicorn worker in which no client can make another one wait.

A thread serves one client at a time, so neither a slow one nor a quick question may have it. One poller waits for the
heads of requests, sends what the front can answer again, and finishes all long answers as their clients take them;
threads do the rest, and bodies must keep a pace. This reaches into gunicorn; `tests/registry/web/test_slow.py` and
`test_poller.py` tell when that stops to fit, and the version is bounded for that reason.
"""

import selectors
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

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
_END = b"\r\n\r\n"


class Worker(Poller):
    """Requests, and who answers them: the front in the poller, or the application in a thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._came: list[Client] = []  # whose request is all here, and may be one that the front can answer

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
        """Answer, in a thread; what the front may repeat is only found out here, and sent by the poller."""
        if conn.whole and self.alive and req.version == (1, 1) and not req.should_close():
            environ = dict(wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg)[1])
            question = asked(environ)
            if question:
                conn.question, front = (question, environ.get("HTTP_USER_AGENT", "")), self.express.front
                if not front.recall(question, front.look(), time.time()):
                    conn.reply = front.learn(question, environ)
                return True
        kept = super().handle_request(req, conn)
        conn.sock.hurry()
        with suppress(Exception):  # of a body that nobody wanted to read, nobody wants to know what is wrong with it
            return kept and bool(conn.parser.finish_body(deadline=time.monotonic() + 1))
        return False

    def finish_request(self, conn: Client, fs: Future[Any]) -> None:  # type: ignore[override]  # as above
        """Go on with a connection that a thread is done with."""
        if fs.cancelled() or fs.exception() or not fs.result():
            self.leave(conn)
            return
        self.wait(conn, KEEP_ALIVE)
        question, conn.question = conn.question, None
        reply, conn.reply = conn.reply, None
        if question and conn.whole:
            self.express.understand(conn.whole, *question)
        if reply and conn.whole:
            conn.came = conn.whole
            self._send(conn, reply, self.express.first(reply))
        else:
            self._consider(conn, conn.whole if question and conn.whole else conn.parser.unreader.take_buffered())

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
            conn.patience = PATIENCE
        conn.came = came
        end = came.find(_END)
        if end >= 0 and end + len(_END) == len(came):
            self._came.append(conn)
        elif end >= 0:
            self._hand_over(conn)
        elif len(came) > LONGEST_HEAD:
            text = f"longer than {LONGEST_HEAD} bytes"
            self.stop_waiting(conn)
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders(text))
            self.leave(conn)

    def _answer(self) -> None:
        """Send what can be repeated; a thread has the rest."""
        came, self._came = self._came, []
        self.express.look()
        for conn in came:
            found = self.express.answer(conn.came, conn.remote) if self.alive else None
            if found:
                self._send(conn, *found)
            else:
                self._hand_over(conn)
        self.express.log()

    def _send(self, conn: Client, reply: Reply, head: bytes) -> None:
        """Send an answer, or as much of it as the client takes at once."""
        file = None
        if reply.length:
            try:
                file = self.express.front.open(reply)
            except WaybillError:  # it was there when the application answered; now it has to say what is wrong
                self.express.forget(conn.came)
                self._hand_over(conn)
                return
        now = time.monotonic()
        conn.outgoing = Outgoing(memoryview(head + reply.body), file, reply.start, reply.length, now, now)
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
        if conn in self.sending:
            del self.sending[conn]
            self.waiting[conn] = None
            self.poller.modify(conn.sock, selectors.EVENT_READ, partial(self.read, conn))

    def _hand_over(self, conn: Client) -> None:
        """Give a request to a thread."""
        self.stop_waiting(conn)
        conn.init()
        conn.parser.unreader.unread(conn.came)
        conn.whole, conn.came = conn.came if conn.came.find(_END) == len(conn.came) - len(_END) else None, b""
        conn.sock.begin()
        conn.data_ready = True
        self.enqueue_req(conn)
