"""kill -9 while identity tokens are exchanged: none is ever exchanged twice, whoever heard of the first time."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.exchanges import Exchanges, exchanging
from tests.faults.uploads import SEED, kill, mistakes, processes_of, workers_of
from tests.issuer import issuing, trusted_file
from tests.registry.web.pipelines import PROJECT, Ci, accepting, trusting
from tests.registry.web.site import new_site
from tests.running import CLEAN

ROUNDS = 15
AT_ONCE = 6
# A worker that the kernel kills after the exchange is durable, and before its answer.
DOOMED = """
import os, signal, sys
from pathlib import Path
from registry.cli import data
from registry.state import State
from registry.web.faces import create_app

exchange = State.exchange

def last(*arguments):
    assert exchange(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

State.exchange = last
app = create_app(data.open_installation(Path(sys.argv[1])), log=lambda line: None)
app.test_client().post("/_/oidc/mint-token", json={"token": sys.argv[2]})
"""


@pytest.fixture
def exchanges(tmp_path: Path) -> Iterator[Exchanges]:
    with exchanging(tmp_path) as made:
        yield made


def test_a_worker_killed_between_exchange_and_answer_used_the_token_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted_file(tmp_path)))
    with issuing() as issuer:
        ci = Ci(new_site(tmp_path / "data"), issuer)
        ci.site.policy(waybill=accepting(issuer.url), **{PROJECT.removesuffix(".yaml"): trusting(issuer.url)})
        token = ci.token()
        environment = {**CLEAN, "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"]}
        command = [sys.executable, "-c", DOOMED, str(ci.site.folder), token]
        assert subprocess.run(command, env=environment, check=False, timeout=60).returncode == -signal.SIGKILL
        assert ci.refusal(token)[0] == "invalid-reuse-token"
        assert ci.secret()  # another job is not disturbed


def test_whenever_a_worker_is_killed_a_token_is_exchanged_at_most_once(exchanges: Exchanges) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable, as it must be
    heard = []
    for number in range(ROUNDS):
        token = exchanges.token(number)

        def send(token: str = token) -> str | None:
            try:
                return exchanges.mint(token)
            except (URLError, OSError):  # its worker was killed
                return None

        processes_of(exchanges.server)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sent = [pool.submit(send) for _ in range(AT_ONCE)]
            time.sleep(chance.uniform(0, 0.03))
            kill(chance.choice(workers_of(exchanges.server)))
        answers = [one.result() for one in sent]
        answers += [send(), send()]
        given = [secret for secret in answers if secret]
        assert len(given) <= 1, f"FAULT_SEED={SEED}"
        heard += given
    assert heard  # else nothing was tried
    assert mistakes(exchanges.server) == ""
