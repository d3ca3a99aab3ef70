"""Two servers on one folder, and one is stopped while it holds the lock: the other waits or says so; nothing is lost.

Long form, stopped for a minute: python -m pytest -m long tests/faults/test_stopped.py
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.faults.uploads import Uploads, fsck, mistakes, processes_of, until
from tests.legacy_client import upload
from tests.registry.web.site import multipart
from tests.registry.web.wire import upload as post
from tests.running import Server, new_server, run_git

Pair = tuple[Server, Server]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two servers on one folder, each with a log of its own."""
    first = new_server(tmp_path)
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "data").symlink_to(first.data)
    (tmp_path / "elsewhere").mkdir()
    port = new_server(tmp_path / "elsewhere").port
    second = Server(tmp_path / "second" / "data", port, first.token)
    first.start()
    second.start()
    yield first, second
    tell(first, signal.SIGCONT)
    first.kill()
    second.kill()


def tell(server: Server, what: signal.Signals) -> None:
    """Signal all processes of a server."""
    assert server.process
    os.killpg(server.process.pid, what)


def is_held(server: Server) -> bool:
    """Tell whether some process has the writer's place."""
    with (server.git / "waybill.lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def stop_with_the_lock(server: Server) -> bool:
    """Stop a server; let it go on at once where it was not in the writer's place."""
    tell(server, signal.SIGSTOP)
    time.sleep(0.01)  # a process stops when it next returns from the kernel
    if is_held(server):
        return True
    tell(server, signal.SIGCONT)
    time.sleep(0.01)
    return False


def stop_and_go_on(pair: Pair, seconds: float) -> list[int]:
    """Stop the first server in the writer's place for some time, and ask the second meanwhile.

    Returns:
        How its uploads were answered.
    """
    first, second = pair
    processes_of(first)
    one, other = Uploads(first, "held"), Uploads(second, "held", numbers=iter(range(500_000, 10**6)))
    with one.running():
        until(lambda: stop_with_the_lock(first), 60, "an upload is stopped in the writer's place")
        stopped = time.monotonic()
        with other.running():
            while time.monotonic() - stopped < seconds:
                assert other.offered() is not None  # reads go on
                time.sleep(0.2)
            tell(first, signal.SIGCONT)
            until(lambda: other.one().status == 200, 10, "the other goes on")
        until(lambda: one.one().status == 200, 10, "the stopped one goes on")
    answers = [answer.status for answer in other.refused]
    for uploads in (one, other):
        uploads.send_again(set(uploads.sent))  # whoever was refused, or cut off, may simply try again
    everything = set(one.sent) | set(other.sent)
    assert set(one.offered()) == set(other.offered()) == everything
    assert int(run_git(first.git, "rev-list", "--count", "ledger", "--grep=^publish: ")) == len(everything)
    fsck(first)
    assert mistakes(first) == mistakes(second) == ""
    return answers


def test_while_a_stopped_server_holds_the_lock_the_other_reads_and_waits_and_then_all_goes_on(pair: Pair) -> None:
    assert stop_and_go_on(pair, 4) == []


@pytest.mark.long
def test_who_waited_too_long_is_told_to_try_again_and_nothing_is_lost_or_doubled(pair: Pair) -> None:
    answers = stop_and_go_on(pair, 60)
    assert answers
    assert set(answers) == {503}


@pytest.mark.long
def test_the_refusal_says_when_to_try_again(pair: Pair) -> None:
    first, second = pair
    with Uploads(first, "held").running():
        until(lambda: stop_with_the_lock(first), 60, "an upload is stopped in the writer's place")
        refused = post(second, multipart([("content", wheel("waiting", "1.0"))]), second.token)
        tell(first, signal.SIGCONT)
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "again" in refused.reason
    filename, content = wheel("waiting", "1.0")
    assert upload(second.upload_url, second.token, filename, content).status == 200
