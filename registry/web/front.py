"""The layer before Flask: it gives an answer again as long as it would be the same, and has no rules of its own.

Index pages, their 304s, downloads and "there is no such project" are asked for over and over. Flask answers each of
them once and notes what the answer rests on (`basis.py`); from then on, it is repeated while the policy commit, the
facts, the token and the day are what they were. So nothing is decided here that `decide` has not decided on the same
ground, a revocation counts at the next request, and every byte is Flask's.
"""

import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, BinaryIO

from werkzeug.test import run_wsgi_app

from registry.downloads import carries_all
from registry.errors import WaybillError
from registry.installation import Installation
from registry.policy.roles import ANYONE
from registry.store import LEDGER, POLICY, Snapshot
from registry.web.basis import NOTE, Note
from registry.web.log import REQUEST_ID, RequestLog, line, moment, rest
from registry.web.replies import Asked, Reply, asked, blocks, piece

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEPT_BYTES = 48 * 2**20  # of answers, of one process; a body that several answers share is counted for each


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Policy and ledger as somebody saw them; the same object as long as neither moved."""

    policy: str
    ledger: Snapshot


class Front:
    """A WSGI layer that repeats what stays true. Any thread may use it."""

    def __init__(self, app: "WSGIApplication", installation: Installation, log: RequestLog | None) -> None:
        """Stand before an application.

        Args:
            app: answers what is not known here.
            installation: what both serve.
            log: takes one line per answer given here; the application writes its own.
        """
        self.log = log
        self._app = app
        self._installation = installation
        self._replies: dict[Asked, Reply] = {}
        self._weight = 0
        self._changing = threading.Lock()
        self._seen: Ground | None = None
        self._id, self._answered = uuid.uuid4().hex[:8], count()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, from memory or by the application."""
        question = asked(environ)
        if question is None:
            return self._app(environ, start_response)
        answer = self._again(question, environ)
        if answer is None:
            reply = self.learn(question, environ)
            answer = reply, self._body(reply)
        start_response(answer[0].status, list(answer[0].headers))
        return answer[1]

    def look(self) -> Ground | None:
        """See where policy and ledger are now; None when that cannot be told."""
        store = self._installation.store
        try:
            policy, ledger = store.head(POLICY).id, store.head(LEDGER)
        except WaybillError:
            return None
        seen = self._seen
        if seen is None or (seen.policy, seen.ledger.id) != (policy, ledger.id):
            seen = self._seen = Ground(policy, ledger)
        return seen

    def recall(self, question: Asked, ground: Ground | None, now: float) -> Reply | None:
        """Give an answer again, if it would be the same now.

        Args:
            question: the request.
            ground: what `look` saw after all of the request had come.
            now: seconds since the epoch.
        """
        reply = self._replies.get(question)
        if reply is None or reply.basis is None or ground is None:
            return None
        basis = reply.basis
        with suppress(WaybillError):  # what cannot be read now, the application says in words
            if basis.begins <= now < basis.ends and basis.holds(ground.policy, ground.ledger):
                return reply
        self.forget(question)
        return None

    def learn(self, question: Asked, environ: "WSGIEnvironment") -> Reply:
        """Ask the application, and keep what may be repeated.

        Returns:
            Its whole answer, with the request id it was logged under.
        """
        note = environ[NOTE] = Note()
        body, status, given = run_wsgi_app(self._app, environ)
        headers = [header for header in given if header[0] != "Date"]  # which the web server writes, anew each time
        try:
            start, length = piece(note.basis, question.method, status, headers)
            content = b"" if length else b"".join(body)
        finally:
            if close := getattr(body, "close", None):
                close()
        given_whole = length and note.basis and carries_all(question.method, status, dict(headers))
        download = note.basis.download if given_whole and note.basis else None  # the application has counted its own
        reply = Reply(status, tuple(headers), content, note.basis, start, length, download)
        if note.basis and status < "5":
            lasting = tuple(header for header in headers if header[0] != REQUEST_ID)
            self._keep(question, replace(reply, headers=lasting))
        return reply

    def open(self, reply: Reply) -> BinaryIO:
        """Open the artifact of an answer that carries a piece of one, where that piece begins.

        Raises:
            NotFound: it is not stored any more.
        """
        if reply.basis is None or reply.basis.artifact is None:
            raise ValueError("this answer carries no artifact")
        stream = self._installation.blobs.open(reply.basis.artifact)
        stream.seek(reply.start)
        return stream

    def repeated(self, reply: Reply) -> str:
        """Count an answer that is given again, and name the request.

        Returns:
            The id of the request.
        """
        if reply.download:
            self._installation.downloads.count(reply.download)
        return f"{self._id}{next(self._answered) & 0xFFFFFFFF:08x}"

    def finish(self) -> None:
        """Write what was counted, before the process ends."""
        self._installation.downloads.write()

    @staticmethod
    def told(question: Asked, reply: Reply, client: str) -> str:
        """Write the lasting part of the log line of a repeated answer."""
        size = dict(reply.headers).get("Content-Length")
        principal = reply.basis.principal if reply.basis else ANYONE
        return rest((question.method, question.path, client), reply.status, int(size) if size else None, principal)

    def _again(self, question: Asked, environ: "WSGIEnvironment") -> tuple[Reply, Iterable[bytes]] | None:
        began = time.perf_counter()
        reply = self.recall(question, self.look(), time.time())
        if reply is None:
            return None
        try:
            body = self._body(reply)
        except (
            WaybillError,
            OSError,
        ):  # the artifact was there when the application answered; now it has to say what is wrong
            self.forget(question)
            return None
        request_id = self.repeated(reply)
        if self.log:
            told = self.told(question, reply, environ.get("HTTP_USER_AGENT", ""))
            remote, seconds = environ.get("REMOTE_ADDR", ""), time.perf_counter() - began
            self.log.write(line(moment(), request_id, remote, seconds, told))
        return replace(reply, headers=(*reply.headers, (REQUEST_ID, request_id))), body

    def _body(self, reply: Reply) -> Iterable[bytes]:
        return blocks(self.open(reply), reply.length) if reply.length else [reply.body]

    def _keep(self, question: Asked, reply: Reply) -> None:
        with self._changing:
            self._drop(question)
            self._replies[question] = reply
            self._weight += reply.weight + question.weight
            while self._weight > KEPT_BYTES:
                self._drop(next(iter(self._replies)))

    def forget(self, question: Asked) -> None:
        """Ask the application next time."""
        with self._changing:
            self._drop(question)

    def _drop(self, question: Asked) -> None:
        gone = self._replies.pop(question, None)
        if gone:
            self._weight -= gone.weight + question.weight
