"""One client's connection: it must keep a pace, and what it is to be sent goes out as fast as it takes it."""

import os
import socket
import time
from dataclasses import dataclass
from typing import Any, BinaryIO

from gunicorn.workers.gthread import TConn

from registry.web.replies import Asked, Reply

_MORE = getattr(socket, "MSG_MORE", 0)  # Linux: the head of an answer waits for its body
MOST_ANSWERED = 16 * 2**20  # bytes of one answer that are kept until it is whole
AT_ONCE = 4 * 2**20  # bytes of one answer, until others get their turn


class Connection(socket.socket):
    """A client's connection that must keep a pace: with a timeout per read, one byte now and then goes on for ever."""

    stall = 30.0  # seconds without a byte
    grace = 60.0  # seconds before the average counts
    slowest = 1000  # bytes per second, on average
    received = 0
    answered = bytearray()  # what a thread has answered, until the poller sends it
    _until = 0.0

    def begin(self) -> None:
        """Count from here: a new request."""
        self.received, self._until = 0, time.monotonic() + self.grace
        self.answered = bytearray()

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

    def sendall(self, data: Any, _flags: int = 0, /) -> None:
        """Keep what a thread answers, for the poller to send: no thread waits for a client that does not read."""
        self.answered += data
        if len(self.answered) > MOST_ANSWERED:
            self._let_go()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file as gunicorn does, for requests that are too odd for the poller; a client at a standstill ends it.

        What was answered before goes first.
        """
        self._let_go()
        return super().sendfile(file, offset, count)

    def _let_go(self) -> None:
        """Send what is kept, to a client that takes some of it before each stall and keeps the pace."""
        left, began = memoryview(bytes(self.answered)), time.monotonic()
        self.answered.clear()
        self.settimeout(self.stall)  # of each call: for all of it, a long answer to a slow client would be too much
        whole = len(left)
        while left:
            left = left[self.send(left) :]
            if time.monotonic() - began - self.grace > (whole - len(left)) / self.slowest:
                raise TimeoutError("the client takes its answer too slowly")


@dataclass(slots=True)
class Outgoing:
    """An answer on its way: bytes, then perhaps a piece of a file, which the kernel sends."""

    parts: list[memoryview]  # not joined, so that slow readers of one page share it
    file: BinaryIO | None
    start: int  # of the file: the first byte to send
    length: int  # of the file: bytes to send
    since: float  # monotonic seconds
    moved: float  # when the client last took something
    sent: int = 0

    def send(self, client: socket.socket) -> bool:
        """Send what the client takes now.

        Returns:
            Whether all of it is sent.

        Raises:
            OSError: the client is gone, or the file is shorter than it was.
        """
        turn, before = AT_ONCE, self.sent
        try:
            while self.parts:
                gone = client.send(self.parts[0], _MORE if self.length or len(self.parts) > 1 else 0)
                self.parts[0] = self.parts[0][gone:]
                self.sent += gone
                if not self.parts[0]:
                    del self.parts[0]
            while self.length and turn > 0 and self.file:
                gone = os.sendfile(client.fileno(), self.file.fileno(), self.start, min(self.length, turn))
                if gone == 0:
                    raise OSError("the file has become shorter")
                self.start, self.length = self.start + gone, self.length - gone
                self.sent, turn = self.sent + gone, turn - gone
        except BlockingIOError:
            pass
        if self.sent > before:
            self.moved = time.monotonic()
        return not self.parts and not self.length

    def is_slow(self, now: float) -> bool:
        """Tell whether the client takes it too slowly to be waited for; by the same measure as bodies."""
        late = now - self.since - Connection.grace
        return now - self.moved > Connection.stall or (late > 0 and self.sent < late * Connection.slowest)

    def close(self) -> None:
        """Let go of the file."""
        if self.file:
            self.file.close()


class Client(TConn):
    """A connection, and where its request stands; gunicorn's own with what the poller needs to know."""

    sock: Connection
    parser: Any  # of HTTP/1, more than gunicorn's stubs can tell

    def __init__(self, cfg: Any, client: socket.socket, address: Any, server: Any) -> None:
        super().__init__(cfg, Connection(fileno=client.detach()), address, server)
        self.remote = str(address[0]) if isinstance(address, tuple) else ""
        self.came = b""  # of the next request, as long as no thread has it
        self.whole: bytes | None = None  # the request that a thread has, where it was nothing but a head
        self.question: tuple[Asked, str] | None = (
            None  # what a thread found it to ask, and what the client calls itself
        )
        self.reply: Reply | None = None  # what a thread wants to be sent
        self.rest = b""  # what has come behind the request that is being answered
        self.outgoing: Outgoing | None = None
        self.ends = False  # after what is being sent
        self.gone = False
        self.since = 0.0  # monotonic seconds: when the poller began to wait for it
        self.patience = 0.0  # seconds
