"""Crowds of slow, silent and lying clients: the others are answered as if these were not there.

The slowest answers are shown with: python -m pytest -rP tests/faults/test_crowd.py
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.crowds import crowd
from tests.faults.uploads import Uploads, mistakes, until, workers_of
from tests.legacy_client import ask, authorization, listed, upload
from tests.registry.web.site import BOUNDARY, multipart
from tests.registry.web.wire import Answer, raw
from tests.running import Server, serving

NORMAL = 20  # clients, each with so many requests:
REQUESTS = 15
LONGEST = 5  # seconds; a slow client has at least thirty, so whoever waited for one takes longer
BIG = 50 * 2**20


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one large wheel."""
    with serving(tmp_path_factory.mktemp("crowd")) as server:
        filename, content = wheel("big", "1.0", files={"noise.bin": os.urandom(BIG)})
        assert upload(server.upload_url, server.token, filename, content).status == 200
        yield server
        assert mistakes(server) == ""


def one_normal_client(server: Server) -> list[float]:
    took = []
    for _ in range(REQUESTS):
        began = time.monotonic()
        answer = ask(f"{server.url}/python/simple/big/", Authorization=authorization(server.token), timeout=LONGEST)
        assert answer.status == 200, "it waited for a slow one"
        took.append(time.monotonic() - began)
    return took


def normal_clients(server: Server, beside: str) -> None:
    """Let normal clients ask; none may have waited for a slow one."""
    with ThreadPoolExecutor(NORMAL) as pool:
        took = sorted(t for each in pool.map(one_normal_client, [server] * NORMAL) for t in each)
    p99 = took[int(len(took) * 0.99)]
    print(f"beside {beside}: p50 {took[len(took) // 2] * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")  # noqa: T201 - shown
    filename, content = wheel("normal", f"1.{time.monotonic_ns()}")
    assert upload(server.upload_url, server.token, filename, content).status == 200


def head(server: Server, length: int) -> bytes:
    return (
        f"POST /python/ HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization(server.token)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_200_idle_and_50_slow_strangers_hold_up_nobody(big: Server) -> None:
    slow = head(big, 10**6).replace(b"Authorization", b"X-Nothing")
    with crowd(big, 200, b""), crowd(big, 50, slow, b"x"), crowd(big, 50, b"GET /-/ready HTTP/1.1\r\nX: ", b"x"):
        normal_clients(big, "200 idle clients, 50 slow heads and 50 slow bodies without credentials")


def test_200_idle_clients_and_50_slow_uploaders_hold_up_nobody(big: Server) -> None:
    with crowd(big, 200, b""), crowd(big, 50, head(big, 10**6), b"x"):
        normal_clients(big, "200 idle clients and 50 slow uploads")


def test_50_slow_readers_of_a_large_file_hold_up_nobody(big: Server) -> None:
    (file,) = listed(f"{big.url}/python/simple/", big.token, "big").values()
    path = file.url.removeprefix(big.url)
    asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization(big.token)}\r\n\r\n"
    with crowd(big, 50, asked.encode(), read=True):
        normal_clients(big, "50 slow readers")


@pytest.mark.parametrize("more", [0, 1, 10**7])
def test_a_body_that_ends_before_its_length_is_refused_and_nothing_is_kept(big: Server, more: int) -> None:
    body = form(f"short{more}")
    answer = raw(big, head(big, len(body) + more) + body[: len(body) // 2])
    refused(big, answer, f"short{more}")


@pytest.mark.parametrize("less", [100, 500])
def test_a_body_that_goes_on_after_its_length_is_refused_and_nothing_is_kept(big: Server, less: int) -> None:
    body = form(f"long{less}")
    refused(big, raw(big, head(big, len(body) - less) + body), f"long{less}")


def form(project: str) -> bytes:
    return multipart([("content", wheel(project, "1.0", files={"noise.bin": os.urandom(5000)}))])[0]


def refused(server: Server, answer: Answer | None, project: str) -> None:
    assert answer is None or 400 <= answer.status < 500
    assert listed(f"{server.url}/python/simple/", server.token, project) == {}
    assert list((server.git / "lfs" / "tmp").iterdir()) == []


def test_ten_thousand_parts_are_refused_in_words(big: Server) -> None:
    body, _ = multipart([(f"field{number}", "x") for number in range(10_000)])
    answer = raw(big, head(big, len(body)) + body)
    assert answer is not None
    assert answer.status in {400, 413}
    assert answer.body.strip()
    normal_clients(big, "nobody")


def test_a_crowd_that_comes_and_goes_leaves_nothing_behind(big: Server) -> None:
    uploads = Uploads(big, "after")
    for _ in range(3):
        with crowd(big, 100, head(big, 10**6) + b"--b"):
            pass
    uploads.next_within(5)
    workers = [Path(f"/proc/{pid}/fd") for pid in workers_of(big)]
    until(lambda: max(len(list(fds.iterdir())) for fds in workers) < 60, 10, "connections are closed")
