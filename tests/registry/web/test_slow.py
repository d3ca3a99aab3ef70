"""Slow clients over real HTTP: they hold no thread, they are told in words, and who is only slow gets through."""

import contextlib
import hashlib
import http.client
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.crowds import crowd
from tests.registry.web.site import multipart
from tests.registry.web.wire import Answer, exchange
from tests.running import CLEAN, WAYBILL, Server, new_server

UPLOAD = "POST /python/ HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
READY = "GET /-/ready HTTP/1.1\r\nHost: x\r\n"
# The whole server, but with less patience than an operator would want, so that a test need not have it either.
HASTY = """
from registry.cli import connection, main, poller
poller.PATIENCE, connection.Connection.stall, connection.Connection.grace = 2, 1.5, 2.0
raise SystemExit(main())
"""


@contextlib.contextmanager
def eight_threads(folder: Path, *command: str) -> Iterator[Server]:
    """Serve with few threads; at the end, nothing may have been a defect."""
    server = new_server(folder)
    bind = f"127.0.0.1:{server.port}"
    options = ["serve", str(server.data), "--bind", bind, "--workers", "2", "--threads", "4"]
    with (folder / "serve.log").open("wb") as log:
        server.process = subprocess.Popen(
            [*command, *options], stdout=log, stderr=log, env=CLEAN, start_new_session=True
        )
    try:
        until(lambda: ready(server))
        yield server
    finally:
        server.kill()
    assert "Traceback" not in server.log()
    assert '"status": 500' not in server.log()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with eight_threads(tmp_path_factory.mktemp("few"), *WAYBILL) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with eight_threads(tmp_path_factory.mktemp("hasty"), sys.executable, "-c", HASTY) as running:
        yield running


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ready(server: Server) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.url}/-/ready", timeout=10):
        return True
    return False


def ask(server: Server, *pieces: bytes, pause: float = 0.0) -> Answer | None:
    """Send pieces with pauses between them, as long as the server takes them; give its first answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(pieces[0])
        for piece in pieces[1:]:
            time.sleep(pause)
            with contextlib.suppress(OSError):
                client.sendall(piece)
        response = http.client.HTTPResponse(client)
        try:
            response.begin()
            return Answer(response.status, response.reason, dict(response.getheaders()), response.read())
        except (http.client.BadStatusLine, ConnectionError):
            return None
        finally:
            response.close()


def signed(server: Server, *more: str) -> bytes:
    return "\r\n".join([UPLOAD + f"Authorization: Bearer {server.token}", *more, "\r\n"]).encode()


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (UPLOAD + "Content-Length: 100000\r\n\r\n--b", b"x"),
        (UPLOAD + "Transfer-Encoding: chunked\r\n\r\nfff\r\nabc", b"x"),
        (UPLOAD + "Transfer-Encoding: chunked\r\n\r\n", b"1;"),
        (READY + "Content-Length: 100000\r\n\r\n", b"x"),
        (READY + "X: ", b"x"),
        (READY + "\r\n" + READY + "X: ", b"x"),
        ("G", b""),
        ("", b""),
        ("GET /-/ready HTTP/1.0\r\n\r\n", b""),
        ("GET /-/ready HTTP/9.9\r\n\r\n", b"x"),
    ],
    ids=["body", "chunk", "chunk-size", "body-of-get", "head", "second-head", "letter", "silence", "stays", "nonsense"],
)
def test_sixty_slow_clients_without_credentials_do_not_keep_others_waiting(
    few: Server, first: str, drip: bytes
) -> None:
    with crowd(few, 60, first.encode(), drip):
        time.sleep(0.6)
        began = time.monotonic()
        for _ in range(4):
            assert ready(few)
        assert time.monotonic() - began < 10
    assert ready(few)


def test_a_slow_client_without_credentials_is_told_so_before_it_has_sent_its_body(few: Server) -> None:
    answer = ask(few, UPLOAD.encode() + b"Content-Length: 100000\r\n\r\n", b"--b", pause=0.2)
    assert answer is not None
    assert (answer.status, b"__token__" in answer.body) == (401, True)


def test_a_body_at_a_standstill_ends_with_408_in_words_and_keeps_nothing(hasty: Server) -> None:
    began = time.monotonic()
    body, _ = multipart([("content", wheel("slow-still", "1.0"))])
    answer = ask(hasty, signed(hasty, "Content-Length: 100000"), body[:200])
    assert answer is not None
    assert (answer.status, "too slowly" in answer.reason, b"too slowly" in answer.body) == (408, True, True)
    assert time.monotonic() - began < 10
    assert list((hasty.git / "lfs" / "tmp").iterdir()) == []


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
def test_a_body_byte_by_byte_ends_too_although_it_never_stands_still(hasty: Server, framing: str) -> None:
    drips = [b"fff\r\n", *[b"-"] * 12] if "chunked" in framing else [b"-"] * 12
    answer = ask(hasty, signed(hasty, framing), *drips, pause=0.25)
    assert answer is not None
    assert answer.status == 408


def test_a_body_of_the_api_that_stands_still_ends_with_408_as_a_problem(hasty: Server) -> None:
    head = (
        f"POST /-/api/v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hasty.token}\r\nContent-Length: 9\r\n\r\n"
    )
    answer = ask(hasty, head.encode(), b"{")
    assert answer is not None
    assert (answer.status, answer.headers["Content-Type"]) == (408, "application/problem+json")


def test_an_upload_that_is_only_slow_is_accepted(hasty: Server) -> None:
    body, content_type = multipart(
        [("content", wheel("slow-steady", "1.0", files={"slow.py": hashlib.shake_128().digest(9000)}))]
    )
    head = (
        f"POST /python/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hasty.token}\r\nContent-Type: {content_type}\r\n"
    )
    framed = f"{head}Content-Length: {len(body)}\r\n\r\n".encode()
    step = len(body) // 10 + 1
    began = time.monotonic()
    answer = ask(hasty, framed, *(body[at : at + step] for at in range(0, len(body), step)), pause=0.3)
    assert answer is not None
    assert answer.status == 200
    assert time.monotonic() - began > 2  # longer than the grace in which any pace is good


@pytest.mark.parametrize("first", [READY + "X: ", "", UPLOAD + "Content-Length: 100000\r\n\r\n--b"])
def test_a_client_that_never_goes_on_is_hung_up_on(hasty: Server, first: str) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=10) as client:
        client.sendall(first.encode())
        received = bytearray()
        with contextlib.suppress(ConnectionError):
            while more := client.recv(65536):
                received += more
    assert received.startswith(b"HTTP/1.1 401 ") == first.startswith("POST")


@pytest.mark.parametrize("cut", [1, 8, len(READY) - 1, len(READY), len(READY) + 1])
def test_a_head_may_come_in_pieces(few: Server, cut: int) -> None:
    head = f"{READY}\r\n".encode()
    answer = ask(few, head[:cut], head[cut:], pause=0.1)
    assert answer is not None
    assert answer.status == 200


def test_requests_sent_at_once_are_answered_one_after_the_other(few: Server) -> None:
    whole = f"{READY}\r\n".encode()
    with socket.create_connection(("127.0.0.1", few.port), timeout=10) as client:
        client.sendall(whole * 2 + whole[:9])
        time.sleep(0.2)
        client.sendall(whole[9:].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        received = bytearray()
        while more := client.recv(65536):
            received += more
    assert received.count(b"HTTP/1.1 200 ") == 3


def test_a_head_without_end_is_refused_and_one_of_many_headers_is_not(few: Server) -> None:
    refused = ask(few, READY.encode() + b"X: " + b"x" * 70_000)
    assert refused is not None
    assert refused.status == 431
    assert exchange(few, "GET", "/-/ready", headers={f"X-{n}": "x" * 600 for n in range(60)}).status == 200
