"""One structured line per request, without secrets: what a log collector reads and nobody regrets."""

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response, g, request

from registry.credentials import REDACTED
from registry.policy.roles import ANYONE
from registry.records import timestamp

LONGEST_PATH = 500


class RequestLog:
    """Writes JSON lines. Headers and query values are never among them: that is where secrets travel."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def attach(self, app: Flask) -> None:
        """Log every request of an application."""
        app.before_request(self._begin)
        app.after_request(self._end)

    def _begin(self) -> None:
        g.began = time.perf_counter()
        g.request_id = uuid.uuid4().hex[:16]

    def _end(self, response: Response) -> Response:
        principal = g.get("principal", ANYONE)
        line = {
            "time": timestamp(datetime.now(UTC)),
            "request": g.request_id,
            "method": request.method,
            "path": REDACTED.sub("wb_[redacted]", request.path)[:LONGEST_PATH],
            "status": response.status_code,
            "bytes": response.content_length,
            "ms": round((time.perf_counter() - g.began) * 1000, 2),
            "principal": principal.name,
            "token": principal.token,
            "client": REDACTED.sub("wb_[redacted]", request.user_agent.string)[:200],
            "remote": request.remote_addr,
        }
        if response.status_code >= 400:
            line["reason"] = REDACTED.sub("wb_[redacted]", response.status.partition(" ")[2])
        response.headers["X-Request-Id"] = g.request_id
        self._write(json.dumps(line))  # ASCII: no control character or line separator survives in a log line
        return response
