"""kill -9 at random moments: what was acknowledged is there, nothing is half there, and nobody has to lend a hand."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.archives import sdist, wheel
from tests.legacy_client import Listed, check_download, listed, upload
from tests.running import Server, new_server, run_git

UPLOADERS = 8
# CRASH_SEED repeats a run.
SEED = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
ROUNDS_EACH = 20  # of a project, so that pages stay small in the long form


@dataclass
class Uploads:
    """Files on their way, and what came of each."""

    server: Server
    project: str = "crash"
    sent: dict[str, bytes] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Upload new files until told to stop; a broken connection is no refusal."""
        while not self.stop.is_set():
            with self._lock:
                number = next(self.numbers)
            filename, content = (wheel if number % 2 else sdist)(self.project, f"1.{number}")
            self.sent[filename] = content
            answer = upload(self.server.upload_url, self.server.token, filename, content)
            if answer.status == 200:
                self.acknowledged.add(filename)
            elif answer.status:
                self.refused.append(f"{filename}: {answer.status} {answer.text}")
            else:
                time.sleep(0.02)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Upload from several threads for the time of a block."""
        self.stop.clear()
        threads = [threading.Thread(target=self.run) for _ in range(UPLOADERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(timeout=60)

    def offered(self) -> dict[str, Listed]:
        """What the project's page offers."""
        return listed(f"{self.server.url}/python/simple/", self.server.token, self.project)

    def check(self, names: set[str] | None = None) -> None:
        """Everything acknowledged is offered, everything offered (or those names of it) downloads whole."""
        offered = self.offered()
        assert self.acknowledged - set(offered) == set(), "acknowledged, and lost"
        assert set(offered) - set(self.sent) == set(), "nobody sent it"
        chosen = offered if names is None else {n: f for n, f in offered.items() if n in names}
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda file: check_download(file, self.server.token), chosen.values()))

    def send_again(self, names: set[str]) -> None:
        """A client that heard nothing may always send the same again."""
        with ThreadPoolExecutor(UPLOADERS) as pool:
            again = list(
                pool.map(lambda n: upload(self.server.upload_url, self.server.token, n, self.sent[n]), sorted(names))
            )
        assert {answer.status for answer in again} <= {200}, [a.text for a in again if a.status != 200]
        self.acknowledged |= names


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = new_server(tmp_path, workers=2)
    made.start()
    yield made
    made.kill()


def fsck(server: Server) -> None:
    assert run_git(server.git, "fsck", "--full", "--strict", "--no-dangling") == ""


def crash(server: Server, seed: int, times: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    projects: list[Uploads] = []
    for number in range(times):
        if number % ROUNDS_EACH == 0:
            projects.append(Uploads(server, f"crash-{number}"))
        uploads = projects[-1]
        before = set(uploads.sent)
        with uploads.running():
            time.sleep(chance.uniform(0.05, 0.7))
            server.kill()
        began = time.monotonic()
        server.start()
        assert time.monotonic() - began < 5, "started without delay"
        newest = set(uploads.sent) - before
        uploads.check(newest)
        uploads.send_again(newest)
        if number % 10 == 0:
            fsck(server)
    for uploads in projects:
        uploads.check()
        assert uploads.refused == []
        assert set(uploads.offered()) == set(uploads.sent)
    fsck(server)
    assert list((server.git / "lfs" / "tmp").iterdir()) == []
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("seed", [SEED])  # in the test's id, so that a failure names it
def test_killed_at_random_moments_nothing_acknowledged_is_lost_and_nothing_is_half_there(
    server: Server, seed: int
) -> None:
    crash(server, seed, 50)


@pytest.mark.long
@pytest.mark.parametrize("seed", [SEED])
def test_killed_at_500_random_moments_nothing_acknowledged_is_lost_and_nothing_is_half_there(
    server: Server, seed: int
) -> None:
    crash(server, seed, 500)


def workers_of(server: Server) -> list[int]:
    assert server.process
    master = server.process.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return [int(pid) for pid in children]


@pytest.mark.parametrize("seed", [SEED])
def test_a_killed_worker_is_replaced_while_the_others_go_on(server: Server, seed: int) -> None:
    uploads = Uploads(server)
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    with uploads.running():
        for _ in range(5):
            time.sleep(chance.uniform(0.2, 0.8))
            workers = workers_of(server)
            assert workers
            os.kill(chance.choice(workers), signal.SIGKILL)
        done = len(uploads.acknowledged)
        time.sleep(3)
        assert len(uploads.acknowledged) > done, "uploads go on without a restart"
    assert uploads.refused == []
    uploads.check()
    uploads.send_again(set(uploads.sent) - uploads.acknowledged)
    fsck(server)
    assert len(workers_of(server)) == 2


def test_told_to_stop_every_accepted_request_is_answered_and_the_exit_is_0(server: Server) -> None:
    uploads = Uploads(server)
    with uploads.running():
        time.sleep(1)
        assert server.stop() == 0
    unanswered = set(uploads.sent) - uploads.acknowledged
    assert uploads.refused == []
    server.start()
    uploads.check()
    assert set(uploads.offered()) & unanswered == set(), "stored, but its client was never told"
    uploads.send_again(set(uploads.sent))
    assert "which a killed process left behind" not in server.log()


def test_two_servers_on_one_folder_are_one_registry(server: Server, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    other = Server(server.data, server.port, server.token, workers=2)
    other.port = new_server(tmp_path / "second").port
    try:
        first, second = Uploads(server), Uploads(other, numbers=iter(range(500_000, 10**6)))
        with first.running():
            other.start()  # recovers while the first one writes
            with second.running():
                time.sleep(2)
        assert first.refused == second.refused == []
        assert first.acknowledged
        assert second.acknowledged
        everything = first.acknowledged | second.acknowledged
        assert set(first.offered()) == set(second.offered()) == everything
        assert int(run_git(server.git, "rev-list", "--count", "ledger", "--grep=^publish: ")) == len(everything)
        fsck(server)
    finally:
        other.kill()
