"""Uploads that go on while something breaks, and what must hold for each of them afterwards."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.archives import sdist, wheel
from tests.legacy_client import Answer, Listed, check_download, listed, upload
from tests.running import Server, run_git

UPLOADERS = 8
CLEAR = {503, 507}  # later perhaps; nothing that a client would take for an answer to its file
SEED = int(os.environ["FAULT_SEED"])  # repeats a run; tests/conftest.py chooses one


@dataclass
class Uploads:
    """Files on their way, and what came of each."""

    server: Server
    project: str = "crash"
    sent: dict[str, bytes] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    refused: list[Answer] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def one(self) -> Answer:
        """Upload one new file; a broken connection is no refusal."""
        with self._lock:
            number = next(self.numbers)
        filename, content = (wheel if number % 2 else sdist)(self.project, f"1.{number}")
        self.sent[filename] = content
        answer = upload(self.server.upload_url, self.server.token, filename, content)
        if answer.status == 200:
            self.acknowledged.add(filename)
        elif answer.status:
            self.refused.append(answer)
        return answer

    def run(self) -> None:
        """Upload new files until told to stop."""
        while not self.stop.is_set():
            if self.one().status != 200:
                time.sleep(0.02)

    @contextmanager
    def running(self, uploaders: int = UPLOADERS) -> Iterator[None]:
        """Upload from several threads for the time of a block."""
        self.stop.clear()
        threads = [threading.Thread(target=self.run) for _ in range(uploaders)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(timeout=90)

    def next_within(self, seconds: float) -> None:
        """Upload until one is taken, which may not be long."""
        until(lambda: self.one().status == 200, seconds, "the next upload is taken")

    def offered(self) -> dict[str, Listed]:
        """What the project's page offers."""
        return listed(f"{self.server.url}/python/simple/", self.server.token, self.project)

    def check(self, names: set[str] | None = None) -> None:
        """Everything acknowledged is offered, everything offered (or those names of it) downloads whole."""
        check(self.server, self.project, self.sent, self.acknowledged, names)

    def send_again(self, names: set[str]) -> None:
        """A client that heard nothing may always send the same again."""
        with ThreadPoolExecutor(UPLOADERS) as pool:
            again = list(
                pool.map(lambda n: upload(self.server.upload_url, self.server.token, n, self.sent[n]), sorted(names))
            )
        assert {answer.status for answer in again} <= {200}, (again, mistakes(self.server))
        self.acknowledged |= names


def check(
    server: Server, project: str, sent: dict[str, bytes], acknowledged: set[str], names: set[str] | None = None
) -> None:
    """What a server offers is all that was acknowledged, nothing that nobody sent, and downloads whole."""
    offered = listed(f"{server.url}/python/simple/", server.token, project)
    assert acknowledged - set(offered) == set(), "acknowledged, and lost"
    assert set(offered) - set(sent) == set(), "nobody sent it"
    chosen = offered if names is None else {n: f for n, f in offered.items() if n in names}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda file: check_download(file, server.token), chosen.values()))


def fsck(server: Server) -> None:
    """C git finds nothing to complain about."""
    assert run_git(server.git, "fsck", "--full", "--strict", "--no-dangling") == ""


def is_clear(answer: Answer) -> bool:
    """Tell whether a refusal of the machine lets a client know what to do, and an operator where to look."""
    return answer.status in CLEAR and any(word in answer.text for word in ("again", "operator", "restart"))


def mistakes(server: Server) -> str:
    """Give the first traceback of a server's log; there may be none, whatever is done to it."""
    log = server.log()
    found = log.find("Traceback")
    return log[found : found + 5000] if found >= 0 else ""


def until(true: Callable[[], bool], seconds: float, promise: str) -> None:
    """Wait for a promise to come true, no longer than it says."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, promise
        time.sleep(0.02)


def workers_of(server: Server) -> list[int]:
    """The processes that answer requests."""
    assert server.process
    master = server.process.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return [int(pid) for pid in children]


def processes_of(server: Server) -> list[int]:
    """All processes of a server, once it has all its workers."""
    until(lambda: len(workers_of(server)) == server.workers, 10, "every worker starts")
    assert server.process
    return [server.process.pid, *workers_of(server)]


def kill(pid: int) -> None:
    """Kill one process; it may have ended by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
