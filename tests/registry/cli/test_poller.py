"""The poller over real HTTP: what it answers without a thread, it answers as a thread would."""

import contextlib
import hashlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.archives import wheel
from tests.registry.web.site import basic, multipart
from tests.registry.web.wire import Answer, upload
from tests.running import Server, serving, waybill

SMALL = wheel("small", "1.0")
LARGE = wheel("large", "1.0", files={"large.bin": hashlib.shake_128(b"large").digest(30 * 2**20)})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("poller")) as running:
        for archive in (SMALL, LARGE):
            assert upload(running, multipart([("content", archive)]), running.token).status == 200
        yield running
    assert "Traceback" not in running.log()
    assert '"status": 500' not in running.log()


_opened: list[http.client.HTTPConnection] = []


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


class Kept:
    """A connection that is used again and again, as pip and uv use theirs."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        _opened.append(self._connection)

    def get(self, path: str, token: str, method: str = "GET", **headers: str) -> Answer:
        sent = {"Authorization": basic("__token__", token)} | {k.replace("_", "-"): v for k, v in headers.items()}
        self._connection.request(method, path, headers=sent)
        response = self._connection.getresponse()
        return Answer(response.status, response.reason, dict(response.getheaders()), response.read())


def file_url(server: Server, project: str) -> str:
    page = Kept(server).get(f"/python/simple/{project}/", server.token, Accept="application/vnd.pypi.simple.v1+json")
    url: str = json.loads(page.body)["files"][0]["url"]
    return "/python/" + url.removeprefix("../../")


def lasting(answer: Answer) -> tuple[int, str, dict[str, str], bytes]:
    headers = {k: v for k, v in answer.headers.items() if k not in ("Date", "X-Request-Id")}
    return answer.status, answer.reason, headers, answer.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/python/simple/", {}, 200),
        ("/python/simple/small/", {}, 200),
        ("/python/simple/small/", {"Accept_Encoding": "gzip"}, 200),
        ("/python/simple/small/", {"If_None_Match": "*"}, 304),
        ("/python/simple/absent/", {}, 404),
        ("/nowhere/simple/absent/", {}, 404),
        ("SMALL", {}, 200),
        ("SMALL.metadata", {}, 200),
        ("LARGE", {"Range": "bytes=1000000-29999999"}, 206),
        ("LARGE", {"Range": "bytes=99999999-"}, 416),
    ],
)
def test_the_second_answer_is_the_first_one_but_for_date_and_id(
    server: Server, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    path = path.replace("SMALL", file_url(server, "small")).replace("LARGE", file_url(server, "large"))
    kept = Kept(server)
    answers = [kept.get(path, server.token, method, **headers) for _ in range(4)]
    assert answers[0].status == status
    assert all(lasting(answer) == lasting(answers[0]) for answer in answers)
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == 4
    deadline = time.monotonic() + 10  # a line is written once the answer is sent
    while [server.log().count(id_) for id_ in ids] != [1] * 4:
        assert time.monotonic() < deadline


def test_large_files_arrive_whole_again_and_again(server: Server) -> None:
    kept, url = Kept(server), file_url(server, "large")
    for _ in range(3):
        assert kept.get(url, server.token).body == LARGE[1]


def test_a_revocation_counts_at_the_next_request_in_every_process(server: Server) -> None:
    token = server.token_for("alice")
    clients = [Kept(server) for _ in range(24)]  # so that each of the processes has several
    url = file_url(server, "small")
    for _ in range(2):
        for client in clients:
            assert client.get("/python/simple/small/", token).status == 200
            assert client.get(url, token).status == 200
    waybill("token", "revoke", token.split("_")[1], "--data", str(server.data))
    assert {client.get("/python/simple/small/", token).status for client in clients} == {401}
    assert {client.get(url, token).status for client in clients} == {401}


def test_a_change_of_the_policy_counts_at_the_next_request_in_every_process(server: Server) -> None:
    token, clients = server.token_for("alice", "--role", "read"), [Kept(server) for _ in range(24)]
    for _ in range(2):
        assert {client.get("/python/simple/small/", token).status for client in clients} == {200}
    server.set_policy({"people.yaml": "alice: {disabled: true}\n"})
    try:
        assert {client.get("/python/simple/small/", token).status for client in clients} == {403}
    finally:
        server.set_policy({"people.yaml": "alice: {}\n"})
    assert {client.get("/python/simple/small/", token).status for client in clients} == {200}


def test_an_upload_is_on_the_page_that_every_process_gives_next(server: Server) -> None:
    clients = [Kept(server) for _ in range(12)]
    for n in range(5):
        for client in clients:
            assert client.get("/python/simple/seen/", server.token).status == (404 if n == 0 else 200)
        assert upload(server, multipart([("content", wheel("seen", f"1.{n}"))]), server.token).status == 200
        assert all(f"seen-1.{n}-".encode() in c.get("/python/simple/seen/", server.token).body for c in clients)


@contextlib.contextmanager
def reading_slowly(server: Server, path: str, size: int) -> Iterator[None]:
    """Let many clients ask for a large file, and take next to nothing of it."""
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode()
    clients = []
    for _ in range(size):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(head)
        clients.append(client)
    over = threading.Event()

    def sip() -> None:
        while not over.wait(0.2):
            for client in clients:
                client.recv(1)

    sipping = threading.Thread(target=sip)
    sipping.start()
    try:
        yield
    finally:
        over.set()
        sipping.join()
        for client in clients:
            client.close()


def test_slow_readers_of_a_large_file_keep_nobody_waiting(server: Server) -> None:
    with reading_slowly(server, file_url(server, "large"), 100):
        time.sleep(0.5)
        began = time.monotonic()
        for n in range(8):
            assert Kept(server).get("/python/simple/small/", server.token, User_Agent=f"new-{n}").status == 200
            assert upload(server, multipart([("content", wheel("beside", f"1.{n}"))]), server.token).status == 200
        assert Kept(server).get(file_url(server, "large"), server.token).body == LARGE[1]
        assert time.monotonic() - began < 20
    assert Kept(server).get("/python/simple/small/", server.token).status == 200


def test_requests_in_pieces_and_several_at_once_are_answered_in_order(server: Server) -> None:
    ask = "GET /python/simple/{}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + server.token + "\r\n\r\n"
    small, absent = ask.format("small").encode(), ask.format("absent").encode()
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


def test_clients_at_once_each_get_their_own_answer(server: Server) -> None:
    tokens = [server.token_for("alice", "--project", "small"), server.token_for("alice", "--project", "large")]

    def ask(n: int) -> None:
        kept, mine, other = Kept(server), ("small", "large")[n % 2], ("large", "small")[n % 2]
        for _ in range(40):
            answer = kept.get(f"/python/simple/{mine}/", tokens[n % 2])
            assert (answer.status, f"Links for {mine}".encode() in answer.body) == (200, True)
            assert kept.get(f"/python/simple/{other}/", tokens[n % 2]).status == 403

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))


def test_a_stopping_server_finishes_what_it_began_to_send(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("stopping")) as own:
        assert upload(own, multipart([("content", LARGE)]), own.token).status == 200
        head = f"GET {file_url(own, 'large')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {own.token}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", own.port), timeout=20) as client:
            client.sendall(head.encode())
            received = client.recv(1000)
            assert own.process
            own.process.terminate()
            time.sleep(0.5)
            while more := client.recv(2**20):
                received += more
            assert received.endswith(LARGE[1][-1000:])
        assert own.process.wait(timeout=20) == 0


def raw_status(server: Server, head: str) -> tuple[list[int], bytes]:
    """Send a head as it is, and read until the server hangs up or stops."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=3) as client:
        client.sendall(head.encode())
        received = bytearray()
        with contextlib.suppress(TimeoutError):
            while more := client.recv(65536):
                received += more
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)], bytes(received)


def test_clients_that_never_read_their_answers_hold_up_nobody(server: Server) -> None:
    asks = b"GET /-/schemas/registry.json HTTP/1.1\r\nHost: x\r\n\r\n" * 600
    closing = f"GET {file_url(server, 'large')} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    closing += f"Authorization: Bearer {server.token}\r\n\r\n"
    clients = []
    for n in range(150):  # more than there are threads
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            client.sendall(asks if n % 2 else closing.encode())
        clients.append(client)
    try:
        for n in range(8):
            answer = Kept(server).get("/python/simple/small/", server.token, User_Agent=f"beside-{n}")
            assert answer.status == 200
            assert Kept(server).get("/-/ready", server.token).status == 200
    finally:
        for client in clients:
            client.close()


def test_an_artifact_that_cannot_be_opened_is_a_503_and_ends_no_process(server: Server) -> None:
    assert upload(server, multipart([("content", wheel("knotted", "1.0"))]), server.token).status == 200
    url = file_url(server, "knotted")
    clients = [Kept(server) for _ in range(8)]
    assert {client.get(url, server.token).status for client in clients} == {200}
    (artifact,) = (server.git / "lfs").rglob(url.split("/")[3])
    good = artifact.read_bytes()
    artifact.unlink()
    artifact.symlink_to(artifact)
    try:
        assert {client.get(url, server.token).status for client in clients} == {503}
    finally:
        artifact.unlink()
        artifact.write_bytes(good)
    assert {client.get(url, server.token).status for client in clients} == {200}


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
