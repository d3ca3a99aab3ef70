"""From the bytes of a request that was understood before to the bytes of its answer, without a thread."""

import time
from dataclasses import dataclass

from gunicorn.util import http_date

from registry.web.front import Front, Ground
from registry.web.log import REQUEST_ID, line, moment
from registry.web.replies import Asked, Reply

UNDERSTOOD = 16 * 2**20  # bytes of requests that are kept
_BESIDE_BYTES = 1_500  # that one takes beside its own
_LONGEST = 8 * 2**10  # bytes of a request worth keeping


@dataclass(slots=True)
class Head:
    """The head of a request that was understood once: the same bytes mean the same again."""

    question: Asked
    client: str  # what it calls itself
    ends: bool  # whether the connection ends with the answer
    reply: Reply | None = None
    ground: Ground | None = None  # on which the reply was found to hold
    wire: str = ""  # the reply's status line and headers, up to what differs each time
    told: str = ""  # the reply's line in the log, as far as it is the same each time

    def answer(self, front: Front, ground: Ground, now: float) -> Reply | None:
        """Give the reply, if it would be the same on this ground and at this moment."""
        reply = self.reply
        if reply and reply.basis and self.ground is ground and reply.basis.begins <= now < reply.basis.ends:
            return reply
        reply = front.recall(self.question, ground, now)
        self.ground = ground
        if reply is not self.reply:
            self.reply = reply
            if reply:
                self.wire, self.told = opening(reply, self.ends), front.told(self.question, reply, self.client)
        return reply


def opening(reply: Reply, ends: bool) -> str:
    """Write status line and headers as far as they do not differ between answers; it stays open."""
    lines = [f"HTTP/1.1 {reply.status}", "Server: gunicorn", f"Connection: {'close' if ends else 'keep-alive'}"]
    lines += [f"{name}: {value}" for name, value in reply.headers if name != REQUEST_ID]
    return "\r\n".join([*lines, "Date: "])


class Express:
    """Knows what requests mean, by their bytes, and what the front answers them. For one thread."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self._heads: dict[bytes, Head] = {}
        self._weight = 0
        self._lines: list[str] = []
        self._ground: Ground | None = None
        self._now = self._began = 0.0
        self._date = self._moment = ""

    @staticmethod
    def keeps(whole: bytes | None) -> bool:
        """Tell whether a request is worth keeping: one that is nothing but a head, and a usual one."""
        return whole is not None and len(whole) <= _LONGEST

    def understand(self, whole: bytes, question: Asked, client: str, ends: bool) -> None:
        """Keep what a request means, as the web server's own parser read it."""
        self.forget(whole)
        self._heads[whole] = Head(question, client, ends)
        self._weight += _weight(whole)
        while self._weight > UNDERSTOOD:
            self.forget(next(iter(self._heads)))

    def forget(self, whole: bytes) -> None:
        """Know no more what a request means."""
        if self._heads.pop(whole, None):
            self._weight -= _weight(whole)

    def distrust(self, whole: bytes) -> None:
        """Let the application answer a request anew."""
        if whole in self._heads:
            self.front.forget(self._heads[whole].question)
            self.forget(whole)

    def look(self) -> None:
        """See where policy and ledger are, after requests have come and before any of them is answered.

        What was revoked before a request was sent is revoked for it.
        """
        self._ground, self._now, self._began = self.front.look(), time.time(), time.perf_counter()
        self._date, self._moment = http_date(self._now), moment()

    def answer(self, whole: bytes, remote: str) -> tuple[Reply, bytes, bool] | None:
        """Answer a request on what was seen last.

        Returns:
            The reply, its head as bytes, and whether the connection ends with it; None where the application must
            be asked.
        """
        head = self._heads.get(whole)
        reply = head.answer(self.front, self._ground, self._now) if head and self._ground else None
        if head is None or reply is None:
            return None
        request_id = self.front.repeated(reply)
        self._lines.append(line(self._moment, request_id, remote, time.perf_counter() - self._began, head.told))
        written = f"{head.wire}{self._date}\r\n{REQUEST_ID}: {request_id}\r\n\r\n"
        return reply, written.encode("latin-1"), head.ends

    def first(self, reply: Reply, ends: bool) -> bytes:
        """Write the head of a reply that a thread has just learned, and the application has logged."""
        request_id = dict(reply.headers)[REQUEST_ID]
        return f"{opening(reply, ends)}{http_date()}\r\n{REQUEST_ID}: {request_id}\r\n\r\n".encode("latin-1")

    def log(self) -> None:
        """Write the lines of all that was answered since the last time."""
        if self._lines and self.front.log:
            self.front.log.write("\n".join(self._lines))
        self._lines.clear()


def _weight(whole: bytes) -> int:
    return 3 * len(whole) + _BESIDE_BYTES
