"""Who is waited for, and for how long: a gunicorn worker's clients while no thread has them."""

import errno
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from registry.cli.connection import Client

PATIENCE = 30  # seconds a client has to send the head of a request, and to hang up after a refusal
PARTING = 2  # seconds of patience that a stopping server still has
LEFT_UNREAD = 64 * 2**20  # bytes of a refused body that are thrown away, so that its client gets to read the refusal
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Poller(ThreadWorker):
    """gunicorn's threaded worker, with a poller that keeps all clients who do not need a thread now."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: dict[Client, None] = {}  # until they send something
        self.sending: dict[Client, None] = {}  # until they take something
        self._tidied = 0.0

    def read(self, conn: Client, _: Any) -> None:
        """Read what a client has sent."""
        raise NotImplementedError

    def accept(self, listener: socket.socket) -> None:
        """Take a new client; where there is no room for another one, an idle one makes it."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._make_room()
            return  # whatever it was, the next one may come through
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        self.wait(Client(self.cfg, sock, address, listener.getsockname()), PATIENCE)

    def murder_pending(self) -> None:
        """Drop clients that were waited for long enough; gunicorn's loop calls this at least every second."""
        now = time.monotonic()
        if now - self._tidied < 0.5:
            return
        self._tidied = now
        self.method_queue.defer(lambda: None)  # a thread's own call may have been lost, and its client waits for it
        for conn in [c for c in self.waiting if now - c.since > (c.patience if self.alive else PARTING)]:
            self.drop(conn)
        for conn in [c for c in self.sending if c.outgoing and c.outgoing.is_slow(now)]:
            self.drop(conn)

    def wait(self, conn: Client, patience: float, then: Callable[..., None] | None = None) -> None:
        """Wait until a client sends something."""
        conn.sock.settimeout(0)
        conn.since, conn.patience = time.monotonic(), patience
        self.waiting[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(then or self.read, conn))

    def stop_waiting(self, conn: Client) -> None:
        """Leave a client to whoever has it now."""
        self.waiting.pop(conn, None)
        self.sending.pop(conn, None)
        with suppress(KeyError, ValueError):  # it was not registered, or is closed
            self.poller.unregister(conn.sock)

    def leave(self, conn: Client) -> None:
        """End an answered connection; closing it while its client still sends would take the answer away from it."""
        try:
            conn.sock.settimeout(0)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop(conn)
        else:
            conn.sock.begin()
            self.wait(conn, PATIENCE, self._swallow)

    def drop(self, conn: Client) -> None:
        """Hang up."""
        if conn.gone:
            return
        conn.gone = True
        self.stop_waiting(conn)
        if conn.outgoing:
            conn.outgoing.close()
        self.nr_conns -= 1
        conn.close()

    def _swallow(self, conn: Client, _: Any) -> None:
        with suppress(OSError):
            if conn.sock.recv(65536) and conn.sock.received <= LEFT_UNREAD:
                return
        self.drop(conn)

    def _make_room(self) -> None:
        """Drop the client that was waited for longest; where there is none, let the threads finish something."""
        idle = next((conn for conn in self.waiting if not conn.came), None)
        if idle:
            self.drop(idle)
        else:
            time.sleep(0.02)
