"""One structured line per request, without secrets: what a log collector reads and nobody regrets."""

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response, g, request

from registry.credentials import REDACTED
from registry.policy.roles import ANYONE, Principal
from registry.records import timestamp

REQUEST_ID = "X-Request-Id"
LONGEST_PATH = 500
LONGEST_CLIENT = 200


class RequestLog:
    """Writes JSON lines. Headers and query values are never among them: that is where secrets travel."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write

    def attach(self, app: Flask) -> None:
        """Log every request of an application."""
        app.before_request(self._begin)
        app.after_request(self._end)

    def _begin(self) -> None:
        g.began = time.perf_counter()
        g.request_id = uuid.uuid4().hex[:16]

    def _end(self, response: Response) -> Response:
        principal = g.get("principal", ANYONE)
        told = rest(
            (request.method, request.path, request.user_agent.string),
            response.status,
            response.content_length,
            principal,
        )
        response.headers[REQUEST_ID] = g.request_id
        self.write(line(moment(), g.request_id, request.remote_addr or "", time.perf_counter() - g.began, told))
        return response


def moment() -> str:
    """Write the time as lines have it."""
    return timestamp(datetime.now(UTC))


def line(when: str, request_id: str, remote: str, seconds: float, told: str) -> str:
    """Write one request's line.

    Args:
        when: what `moment` says.
        request_id: what its answer has as `X-Request-Id`.
        remote: the client's address.
        seconds: how long it took.
        told: what `rest` says of it.
    """
    return f'{{"time": "{when}", "request": "{request_id}", "ms": {seconds * 1000:.2f}, "remote": "{remote}", {told}'


def rest(asked: tuple[str, str, str], status: str, size: int | None, principal: Principal) -> str:
    """Write what is the same in every line of a repeated request.

    Args:
        asked: method, path, and what the client calls itself.
        status: the status line.
        size: bytes of the body.
        principal: who asked.
    """
    method, path, client = asked
    code, _, reason = status.partition(" ")
    told = {
        "method": method,
        "path": REDACTED.sub("wb_[redacted]", path)[:LONGEST_PATH],
        "status": int(code),
        "bytes": size,
        "principal": principal.name,
        "token": principal.token,
        "client": REDACTED.sub("wb_[redacted]", client)[:LONGEST_CLIENT],
    }
    if int(code) >= 400:
        told["reason"] = REDACTED.sub("wb_[redacted]", reason)
    return json.dumps(told)[1:]  # ASCII: no control character or line separator survives in a log line
