"""What becomes of identity and upload tokens in a server of several processes."""

import contextlib
import json
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from registry.cli.data import STATE
from registry.credentials import digest, new_secret
from registry.model import UploadToken
from registry.state import State
from tests.archives import wheel
from tests.claim_sets import GITHUB
from tests.exchanges import BURN, MINT, Exchanges, exchanging
from tests.journeys.clients import ask, publish
from tests.registry.web.pipelines import PROJECT, trusting

PARALLEL = 1_000


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchanges]:
    with exchanging(tmp_path_factory.mktemp("exchange")) as made:
        yield made


def test_of_a_thousand_parallel_exchanges_of_one_token_one_succeeds(exchanges: Exchanges) -> None:
    body = json.dumps({"token": exchanges.token(1)}).encode()
    head = (
        f"POST {MINT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    )
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", exchanges.server.port), timeout=60))
            for _ in range(PARALLEL)
        ]
        for client in clients:  # all but the last byte of what must be read before a thread begins
            client.sendall(head[:-1])
        for client in clients:
            client.sendall(head[-1:] + body)
        answers = [b"".join(iter(lambda c=client: c.recv(65536), b"")) for client in clients]  # type: ignore[misc]  # mypy knows no lambda with a default
    counted = Counter(answer.split(b"\r\n", 1)[0] for answer in answers)
    assert counted == {b"HTTP/1.1 200 OK": 1, b"HTTP/1.1 422 invalid-reuse-token": PARALLEL - 1}


def test_a_replayed_token_fails_on_every_worker(exchanges: Exchanges) -> None:
    token = exchanges.token(2)
    assert exchanges.mint(token)
    workers = [exchanges.mint(token) for _ in exchanges.each_worker()]
    assert workers == [None, None, None]


def test_a_burned_token_fails_at_once_on_every_worker(exchanges: Exchanges) -> None:
    secret = exchanges.mint(exchanges.token(3))
    assert secret
    publish(exchanges.server, wheel("payments-api", "1.0"), token=secret)
    assert [exchanges.reads(secret) for _ in exchanges.each_worker()] == [200, 200, 200]
    assert exchanges.post(BURN, secret) == (202, "")
    assert [exchanges.reads(secret) for _ in exchanges.each_worker()] == [401, 401, 401]


def test_an_expired_token_fails_on_every_worker(exchanges: Exchanges) -> None:
    now = datetime.now(UTC)
    token_id, secret = new_secret()
    over = UploadToken(
        token_id, digest(secret), now, "github/acme/payments", {**GITHUB, "iss": exchanges.issuer.url},
        (("python", "payments-api"),), {}, {},
    )  # fmt: skip
    state = State(exchanges.server.data / STATE)
    assert state.exchange("of another job", now + timedelta(minutes=1), over, now)
    state.close()
    answers = [ask(f"{exchanges.server.url}/python/simple/payments-api/", secret) for _ in exchanges.each_worker()]
    assert [status for status, _ in answers] == [401, 401, 401]
    assert all("expired" in text for _, text in answers)


def test_a_publisher_that_is_removed_ends_its_tokens_on_every_worker(exchanges: Exchanges) -> None:
    secret = exchanges.mint(exchanges.token(4))
    assert secret
    assert [exchanges.reads(secret) for _ in exchanges.each_worker()] == [200, 200, 200]
    exchanges.server.set_policy({PROJECT: "protected: true\n"})
    assert [exchanges.reads(secret) for _ in exchanges.each_worker()] == [403, 403, 403]
    exchanges.server.set_policy({PROJECT: trusting(exchanges.issuer.url)})
    assert [exchanges.reads(secret) for _ in exchanges.each_worker()] == [200, 200, 200]


def test_a_restart_remembers_what_was_used_and_what_was_given(exchanges: Exchanges) -> None:
    token = exchanges.token(5)
    secret = exchanges.mint(token)
    assert secret
    exchanges.server.kill()
    exchanges.server.start()
    assert exchanges.mint(token) is None
    assert exchanges.reads(secret) == 200


def test_a_hundred_jobs_at_once_all_get_their_tokens(exchanges: Exchanges) -> None:
    tokens = [exchanges.token(1000 + number) for number in range(100)]
    with ThreadPoolExecutor(100) as pool:
        secrets = list(pool.map(exchanges.mint, tokens))
    assert all(secrets)
    assert len(set(secrets)) == 100
