"""What a connection sees of the poller: slow readers, requests in pieces, the end of an answer."""

import contextlib
import re
import socket
import time

import pytest

from tests.archives import wheel
from tests.crowds import crowd
from tests.registry.cli.served import LARGE, Kept, file_url
from tests.registry.web.site import multipart
from tests.registry.web.wire import upload
from tests.running import Server, serving


def bearer(server: Server, path: str, *more: str) -> bytes:
    """Write the head of a request with the admin's token."""
    lines = [f"GET {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {server.token}", *more, "\r\n"]
    return "\r\n".join(lines).encode()


def raw_status(server: Server, head: str) -> tuple[list[int], bytes]:
    """Send a head as it is, and read until the server hangs up or stops."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=3) as client:
        client.sendall(head.encode())
        received = bytearray()
        with contextlib.suppress(TimeoutError):
            while more := client.recv(65536):
                received += more
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)], bytes(received)


def test_requests_in_pieces_and_several_at_once_are_answered_in_order(server: Server) -> None:
    small, absent = (bearer(server, f"/python/simple/{name}/") for name in ("small", "absent"))
    last = small.replace(b"Host: x", b"Host: x\r\nConnection: close")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        for piece in (small, small, small[:20], small[20:], small + absent + small, absent[:-1], absent[-1:], last):
            client.sendall(piece)
            time.sleep(0.1)
        received = bytearray()
        while more := client.recv(65536):
            received += more
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
    assert statuses == [200, 200, 200, 200, 404, 200, 404, 200]


def test_slow_readers_of_a_large_file_keep_nobody_waiting(server: Server) -> None:
    with crowd(server, 100, bearer(server, file_url(server, "large")), read=True):
        began = time.monotonic()
        for n in range(8):
            assert Kept(server).get("/python/simple/small/", server.token, User_Agent=f"new-{n}").status == 200
            assert upload(server, multipart([("content", wheel("beside", f"1.{n}"))]), server.token).status == 200
        assert Kept(server).get(file_url(server, "large"), server.token).body == LARGE[1]
        assert time.monotonic() - began < 20
    assert Kept(server).get("/python/simple/small/", server.token).status == 200


def test_clients_that_never_read_their_answers_hold_up_nobody(server: Server) -> None:
    asks = b"GET /-/schemas/registry.json HTTP/1.1\r\nHost: x\r\n\r\n" * 600
    closing = bearer(server, file_url(server, "large"), "Connection: close")
    clients = []
    for n in range(150):  # more than there are threads
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            client.sendall(asks if n % 2 else closing)
        clients.append(client)
    try:
        for n in range(8):
            answer = Kept(server).get("/python/simple/small/", server.token, User_Agent=f"beside-{n}")
            assert answer.status == 200
            assert Kept(server).get("/-/ready", server.token).status == 200
    finally:
        for client in clients:
            client.close()


def test_a_stopping_server_finishes_what_it_began_to_send(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("stopping")) as own:
        assert upload(own, multipart([("content", LARGE)]), own.token).status == 200
        with socket.create_connection(("127.0.0.1", own.port), timeout=20) as client:
            client.sendall(bearer(own, file_url(own, "large")))
            received = client.recv(1000)
            assert own.process
            own.process.terminate()
            time.sleep(0.5)
            while more := client.recv(2**20):
                received += more
            assert received.endswith(LARGE[1][-1000:])
        assert own.process.wait(timeout=20) == 0


def test_a_refusal_that_ends_the_connection_says_so(server: Server) -> None:
    statuses, received = raw_status(server, "POST /python/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
    assert statuses == [401]
    assert b"\r\nConnection: close\r\n" in received


def test_who_expects_100_is_told_once(server: Server) -> None:
    body, content_type = multipart([("content", wheel("expected", "1.0"))])
    head = (
        f"POST /python/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\nContent-Type: {content_type}\r\n"
    )
    head += f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(head.encode())
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_wants_the_end_gets_the_whole_answer_and_the_end(server: Server, version: str) -> None:
    close = "Connection: close\r\n" if version == "1.1" else ""
    head = f"GET {file_url(server, 'large')} HTTP/{version}\r\nHost: x\r\n{close}"
    for _ in range(2):
        statuses, received = raw_status(server, f"{head}Authorization: Bearer {server.token}\r\n\r\n")
        assert statuses == [200]
        assert b"\r\nConnection: close\r\n" in received[:1000]
        assert received[:1000].count(b"\r\nDate: ") == 1
        assert received.endswith(LARGE[1])
