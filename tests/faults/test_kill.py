"""kill -9 at random moments: what was acknowledged is there, nothing is half there, and nobody has to lend a hand.

Killed are the whole server, one of its workers, or the process that watches over these, under eight uploaders.
Long form, 500 kills: python -m pytest -m long tests/faults/test_kill.py
"""

import random
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.uploads import SEED, Uploads, fsck, kill, mistakes, until, workers_of
from tests.running import Server, new_server, run_git

ROUNDS_EACH = 20  # of a project, so that pages stay small in the long form
PATIENCE = 5  # seconds until uploads are taken again, whatever was killed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = new_server(tmp_path, workers=3)
    made.start()
    yield made
    made.kill()


def kill_everything(server: Server, _: random.Random) -> None:
    server.kill()


def kill_a_worker(server: Server, chance: random.Random) -> None:
    kill(chance.choice(workers_of(server)))


def kill_the_master(server: Server, _: random.Random) -> None:
    assert server.process
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(timeout=10)


def revive(server: Server) -> None:
    """Start what was killed, as an init system does; workers without a master end by themselves."""
    assert server.process
    if server.process.poll() is not None:
        until(lambda: is_free(server.port), PATIENCE, "the workers of a killed server end")
        server.start()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


KILLS = (kill_everything, kill_a_worker, kill_the_master)


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
            KILLS[number % len(KILLS)](server, chance)
        revive(server)
        uploads.next_within(PATIENCE)
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
    until(lambda: not list((server.git / "lfs" / "tmp").iterdir()), PATIENCE, "no draft is left")
    assert mistakes(server) == ""


@pytest.mark.parametrize("seed", [SEED])  # in the test's id, so that a failure names it
def test_killed_at_random_moments_nothing_acknowledged_is_lost_and_nothing_is_half_there(
    server: Server, seed: int
) -> None:
    crash(server, seed, 15)


@pytest.mark.long
@pytest.mark.parametrize("seed", [SEED])
def test_killed_at_500_random_moments_nothing_acknowledged_is_lost_and_nothing_is_half_there(
    server: Server, seed: int
) -> None:
    crash(server, seed, 500)


@pytest.mark.parametrize("seed", [SEED])
def test_a_killed_worker_is_replaced_while_the_others_go_on(server: Server, seed: int) -> None:
    uploads = Uploads(server)
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    with uploads.running():
        for _ in range(5):
            time.sleep(chance.uniform(0.2, 0.8))
            kill_a_worker(server, chance)
        done = len(uploads.acknowledged)
        until(lambda: len(uploads.acknowledged) > done, PATIENCE, "uploads go on without a restart")
    assert uploads.refused == []
    uploads.check()
    uploads.send_again(set(uploads.sent) - uploads.acknowledged)
    fsck(server)
    until(lambda: len(workers_of(server)) == 3, PATIENCE, "the killed are replaced")


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
