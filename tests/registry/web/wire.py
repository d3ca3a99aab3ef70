"""Real HTTP to a real server, where the status line and the moment of the answer matter."""

import http.client
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.registry.web.site import basic
from tests.running import Server


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


def exchange(
    server: Server,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send the whole request, then read the answer, as simple clients do."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, body, dict(headers or {}))
        return _read(connection.getresponse())
    finally:
        connection.close()


def upload(
    server: Server, form: tuple[bytes, str], token: str | None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Post a form that `multipart` wrote; None sends no credentials."""
    body, content_type = form
    sent = {"Content-Type": content_type, **({"Authorization": basic("__token__", token)} if token else {})}
    return exchange(server, "POST", "/python/", body, {**sent, **(headers or {})})


def raw(server: Server, *pieces: bytes) -> Answer | None:
    """Send bytes as they are, then no more; None where the server only hung up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
            return _read(response)
        except (http.client.BadStatusLine, ConnectionError):
            return None
        finally:
            response.close()


def _read(response: http.client.HTTPResponse) -> Answer:
    return Answer(response.status, response.reason, dict(response.getheaders()), response.read())
