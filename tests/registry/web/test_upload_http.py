"""Uploads over real HTTP: large bodies, early refusals, and what simple clients read of them."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.archives import wheel
from tests.registry.web.site import multipart
from tests.registry.web.wire import exchange, raw, upload
from tests.running import Server, serving

MB = 2**20
UV_ACCEPT = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7"
SMALL_FILES = "organization: acme\nadmins: [alice]\nlimits: {file_mb: 1}\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that accepts files up to 1 MB."""
    with serving(tmp_path_factory.mktemp("small")) as running:
        running.set_policy({"waybill.yaml": SMALL_FILES})
        yield running


def drafts(server: Server) -> list[str]:
    return [path.name for path in (server.git / "lfs" / "tmp").iterdir()]


def noise(size: int) -> bytes:
    """Give bytes that no archive makes smaller."""
    return hashlib.shake_128(b"noise").digest(size)


def large(name: str, size: int) -> tuple[bytes, str]:
    return multipart([(":action", "file_upload"), ("content", (f"{name}-1.0-py3-none-any.whl", noise(size)))])


def test_other_bytes_under_a_used_name_reach_the_client_in_the_status_line(shared_server: Server) -> None:
    first, second = (wheel("wire-taken", "1.0", body=body) for body in ("one", "two"))
    assert upload(shared_server, multipart([("content", first)]), shared_server.token).status == 200
    refused = upload(shared_server, multipart([("content", second)]), shared_server.token)
    assert (refused.status, refused.reason.startswith("File already exists")) == (400, True)
    assert refused.body.startswith(b"File already exists")
    coded = upload(shared_server, multipart([("content", second)]), shared_server.token, {"Accept": UV_ACCEPT})
    assert coded.headers["Content-Type"] == "application/json"
    assert json.loads(coded.body)["code"] == f"400 {coded.reason}"


def test_a_chunked_upload_without_content_length_is_accepted(shared_server: Server) -> None:
    body, content_type = multipart([("content", wheel("wire-chunked", "1.0"))])
    from_password = {"Authorization": f"Bearer {shared_server.token}", "Content-Type": content_type}
    pieces = (body[start : start + 100] for start in range(0, len(body), 100))
    assert exchange(shared_server, "POST", "/python/", pieces, from_password).status == 200


def test_thirty_megabytes_without_credentials_get_a_readable_401_and_store_nothing(shared_server: Server) -> None:
    body, content_type = large("wire-anonymous", 30 * MB)
    refused = requests.post(
        shared_server.upload_url, data=body, headers={"Content-Type": content_type}, timeout=60, allow_redirects=False
    )
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "__token__" in refused.text
    assert upload(shared_server, (body, content_type), None).status == 401
    assert drafts(shared_server) == []


@pytest.mark.parametrize("size", [2 * MB, 50 * MB])
def test_a_file_over_the_limit_gets_a_readable_413_that_names_the_setting(small: Server, size: int) -> None:
    refused = upload(small, large("wire-large", size), small.token)
    assert refused.status == 413
    assert "limits.file_mb" in refused.reason
    assert b"limits.file_mb" in refused.body
    assert drafts(small) == []


def test_a_chunked_file_over_the_limit_gets_the_same_413(small: Server) -> None:
    body, content_type = large("wire-large", 40 * MB)
    headers = {"Authorization": f"Bearer {small.token}", "Content-Type": content_type}
    pieces = (body[start : start + MB] for start in range(0, len(body), MB))
    refused = exchange(small, "POST", "/python/", pieces, headers)
    assert refused.status == 413
    assert drafts(small) == []


def test_a_file_just_under_the_limit_is_accepted(small: Server) -> None:
    archive = wheel("wire-fits", "1.0", files={"wire_fits.py": noise(MB - 4096)})
    assert MB - 4096 < len(archive[1]) <= MB
    assert upload(small, multipart([("content", archive)]), small.token).status == 200


@pytest.mark.parametrize("missing", [1, 30, 300])
def test_a_body_that_ends_early_stores_nothing(shared_server: Server, missing: int) -> None:
    archive = wheel(f"wire-short{missing}", "1.0")
    body, content_type = multipart([("name", f"wire-short{missing}"), ("content", archive)])
    head = "\r\n".join(
        [
            "POST /python/ HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {shared_server.token}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body) + 1}",
            "\r\n",
        ]
    )
    answer = raw(shared_server, head.encode(), (body + b"\n")[:-missing])
    page = f"/python/simple/wire-short{missing}/"
    stored = exchange(shared_server, "GET", page, headers={"Authorization": f"Bearer {shared_server.token}"}).status
    if missing > 1:  # with one byte missing, the form itself was whole
        assert answer is None or answer.status == 400
        assert stored == 404
    assert drafts(shared_server) == []


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nabc\r\n0\r\n\r\n",
        b"\r\n\r\n",
        b"-1\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3;\x00\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nTrailer without colon\r\n\r\n",
        b"3\r\nab",
        b"3\r\nabc",
        b"ffffffffffffffffffff\r\nabc",
        b"",
        b"1" * 20_000,
    ],
)
@pytest.mark.parametrize("signed", [True, False])
def test_chunks_that_are_none_or_break_off_are_the_clients_fault(
    shared_server: Server, signed: bool, chunks: bytes
) -> None:
    credentials = f"Authorization: Bearer {shared_server.token}\r\n" if signed else ""
    head = (
        f"POST /python/ HTTP/1.1\r\nHost: x\r\n{credentials}Content-Type: multipart/form-data; boundary=b\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    answer = raw(shared_server, head.encode(), chunks)
    assert answer is not None
    assert answer.status == (400 if signed else 401)
    assert "Traceback" not in shared_server.log()
    assert drafts(shared_server) == []


def test_a_worker_that_follows_a_killed_one_removes_its_unfinished_upload(server: Server) -> None:
    body, content_type = large("wire-killed", MB)
    head = "\r\n".join(
        [
            "POST /python/ HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {server.token}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            "\r\n",
        ]
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + body[: MB // 2])
        until(lambda: len(drafts(server)) == 1)
        assert server.process is not None
        listed = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True)
        for worker in listed.stdout.split():
            os.kill(int(worker), signal.SIGKILL)
        until(lambda: drafts(server) == [])
    assert upload(server, multipart([("content", wheel("wire-killed", "1.0"))]), server.token).status == 200


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(shared_server: Server) -> None:
    body, content_type = multipart([("content", wheel("wire-continue", "1.0"))])
    head = "\r\n".join(
        [
            "POST /python/ HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {shared_server.token}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            "Expect: 100-continue",
            "\r\n",
        ]
    )
    answer = raw(shared_server, head.encode(), body)
    assert answer is not None
    assert answer.status == 200


def test_after_a_refused_upload_the_next_one_works(shared_server: Server) -> None:
    with requests.Session() as session:
        body, content_type = multipart([("content", ("nonsense.whl", b"x"))])
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {shared_server.token}"}
        refused = session.post(shared_server.upload_url, data=body, headers=headers, timeout=30)
        assert refused.status_code == 400
        body, content_type = multipart([("content", wheel("wire-next", "1.0"))])
        assert session.post(shared_server.upload_url, data=body, headers=headers, timeout=30).status_code == 200
