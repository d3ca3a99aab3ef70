"""The poller over real HTTP: what it answers without a thread, it answers as a thread would."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.archives import wheel
from tests.registry.cli.served import LARGE, Kept, file_url
from tests.registry.web.site import multipart
from tests.registry.web.wire import Answer, upload
from tests.running import Server, waybill


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
    server.force_policy({"people.yaml": "alice: {disabled: true}\n"})
    try:
        assert {client.get("/python/simple/small/", token).status for client in clients} == {403}
    finally:
        server.force_policy({"people.yaml": "alice: {}\n"})
    assert {client.get("/python/simple/small/", token).status for client in clients} == {200}


def test_an_upload_is_on_the_page_that_every_process_gives_next(server: Server) -> None:
    clients = [Kept(server) for _ in range(12)]
    for n in range(5):
        for client in clients:
            assert client.get("/python/simple/seen/", server.token).status == (404 if n == 0 else 200)
        assert upload(server, multipart([("content", wheel("seen", f"1.{n}"))]), server.token).status == 200
        assert all(f"seen-1.{n}-".encode() in c.get("/python/simple/seen/", server.token).body for c in clients)


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
