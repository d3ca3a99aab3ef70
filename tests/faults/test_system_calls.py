"""Every system call of one upload fails once, or kills its worker: nobody is told a lie, and the next upload is taken.

Long form, every call: python -m pytest -m long tests/faults/test_system_calls.py
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.faults.strace import injecting
from tests.faults.uploads import check, is_clear, mistakes, until, workers_of
from tests.legacy_client import Answer, ask, authorization, check_download, listed, upload
from tests.running import Server, new_server

CALLS = [
    *("openat", "write", "writev", "pwrite64", "ftruncate", "fsync", "fdatasync"),
    *("link", "linkat", "rename", "renameat", "unlink", "mkdir", "flock"),
]
FLUSHES = {"fsync", "fdatasync"}
FAULTS = ("error=EIO", "error=ENOSPC", "signal=KILL")
PATIENCE = 5  # seconds until uploads are taken again
SPARSE = 13  # the short form spoils every so-manieth call; a prime, so that all kinds of fault are among them
MODULE = {"spoilt.py": hashlib.shake_128(b"").digest(200_000)}  # large enough to be written in pieces

Case = tuple[str, int, str]  # a call, which of its occurrences, and what happens to it


@dataclass
class Spoilt:
    """Uploads to a server of one worker, each with one system call that goes wrong."""

    server: Server
    sent: dict[str, bytes] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    project: str = "spoilt"

    def upload(self) -> Answer:
        """Upload a new file; what is answered must be one of the things that a client can act on."""
        filename, content = wheel(self.project, f"1.{next(self.numbers)}", files=MODULE)
        self.sent[filename] = content
        answer = upload(self.server.upload_url, self.server.token, filename, content)
        assert answer.status in {0, 200} or is_clear(answer), answer
        if answer.status == 200:
            self.acknowledged.add(filename)
        return answer

    def next_is_taken(self, flush: bool) -> None:
        """Upload until one is taken; only after a flush that failed may the server want to be started again."""
        if flush and self.upload().status == 503:
            self.server.stop()
            self.server.start()
        until(lambda: self.upload().status == 200, PATIENCE, "the next upload is taken")

    def cases(self) -> list[Case]:
        """Every system call of an upload as it is now, with every fault."""
        nothing = f"{','.join(CALLS)}:error=EIO:when=65535"
        with injecting(workers_of(self.server), self.server.data.parent / "trace", nothing) as trace:
            assert self.upload().status == 200
        counted = trace.counted()
        return [(call, n, fault) for call in CALLS for n in range(1, counted[call] + 1) for fault in FAULTS]

    def spoil(self, case: Case) -> bool:
        """Spoil one call of an upload, and look what is there afterwards.

        Returns:
            Whether there was such a call.
        """
        call, number, fault = case
        until(lambda: len(workers_of(self.server)) == 1, PATIENCE, "a killed worker is replaced")
        before = set(self.sent)
        trace_log = self.server.data.parent / "trace"
        with injecting(workers_of(self.server), trace_log, f"{call}:{fault}:when={number}") as trace:
            self.upload()
        self.next_is_taken(flush=call in FLUSHES)
        check(self.server, self.project, self.sent, self.acknowledged, set(self.sent) - before)
        return trace.injected

    def restart(self) -> None:
        """Take away what is only in memory, and look again."""
        self.server.kill()
        self.server.start()
        check(self.server, self.project, self.sent, self.acknowledged)
        assert mistakes(self.server) == ""


@pytest.fixture
def spoilt(tmp_path: Path) -> Iterator[Spoilt]:
    server = new_server(tmp_path, workers=1)
    server.start()
    yield Spoilt(server)
    server.kill()


def spoil(spoilt: Spoilt, cases: Iterable[Case]) -> None:
    met = [spoilt.spoil(case) for case in cases]
    assert sum(met) > len(met) / 2, "most uploads make as many calls as the one that was counted"
    spoilt.restart()


def test_a_system_call_that_fails_or_kills_makes_no_false_answer_and_no_standstill(spoilt: Spoilt) -> None:
    assert spoilt.upload().status == 200
    spoil(spoilt, spoilt.cases()[::SPARSE])


@pytest.mark.long
def test_each_system_call_that_fails_or_kills_makes_no_false_answer_and_no_standstill(spoilt: Spoilt) -> None:
    assert spoilt.upload().status == 200
    spoil(spoilt, spoilt.cases())


@pytest.mark.parametrize("call", ["sendfile", "read", "sendto"])
def test_a_download_that_meets_a_broken_disk_is_never_taken_for_the_whole_file(spoilt: Spoilt, call: str) -> None:
    assert spoilt.upload().status == 200
    (file,) = listed(f"{spoilt.server.url}/python/simple/", spoilt.server.token, spoilt.project).values()
    for number in range(1, 5):
        with injecting(
            workers_of(spoilt.server), spoilt.server.data.parent / "trace", f"{call}:error=EIO:when={number}"
        ):
            answer = ask(file.url, Authorization=authorization(spoilt.server.token))
        assert answer.status in {0, 503} or hashlib.sha256(answer.body).hexdigest() == file.sha256
        check_download(file, spoilt.server.token)
