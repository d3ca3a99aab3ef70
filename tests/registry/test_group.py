"""Threads that wait are served together, in order, and none is forgotten."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from registry.errors import Invalid, Unavailable
from registry.group import MOST, Group


class Bench:
    """A group whose work the test holds up, and what it did."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.entered = threading.Semaphore(0)
        self.may_go = threading.Semaphore(0)
        self.fails: dict[int, BaseException] = {}
        self.place = threading.Lock()
        self.group = Group(self._lock, self._work)
        self.pool = ThreadPoolExecutor(200)

    def start(self, *jobs: int, patience: float = 30.0) -> list[Future[None]]:
        """Let a thread each bring a job and queue up, in this order."""
        started = []
        for job in jobs:
            started.append(self.pool.submit(self.group.do, job, patience))
            while job not in [place.job for place in self.group._waiting]:  # noqa: SLF001
                time.sleep(0.0001)
        return started

    def first(self, job: int) -> Future[None]:
        """Start a job that is being done when this returns."""
        started = self.pool.submit(self.group.do, job)
        assert self.entered.acquire(timeout=10)
        return started

    @contextmanager
    def _lock(self, patience: float) -> Iterator[None]:
        if not self.place.acquire(timeout=patience):
            raise Unavailable("not free")
        try:
            yield
        finally:
            self.place.release()

    def _work(self, jobs: Sequence[int]) -> None:
        self.groups.append(list(jobs))
        self.entered.release()
        assert self.may_go.acquire(timeout=10)
        for job in jobs:
            if job in self.fails:
                raise self.fails[job]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    with made.pool:
        yield made


def test_what_comes_while_one_works_is_the_next_group_in_order(bench: Bench) -> None:
    done = [bench.first(0), *bench.start(*range(1, 6))]
    bench.may_go.release(2)
    assert [d.result(10) for d in done] == [None] * 6
    assert bench.groups == [[0], [1, 2, 3, 4, 5]]


def test_a_group_is_bounded_and_the_rest_is_the_next(bench: Bench) -> None:
    done = [bench.first(0), *bench.start(*range(1, 2 * MOST + 2))]
    bench.may_go.release(4)
    for each in done:
        each.result(10)
    assert [len(group) for group in bench.groups] == [1, MOST, MOST, 1]
    assert [job for group in bench.groups for job in group] == list(range(2 * MOST + 2))


def test_a_failed_group_fails_whole_and_the_next_is_served(bench: Bench) -> None:
    refused = Invalid("the disk is full")
    bench.fails = {2: refused}
    first, *done = bench.first(0), *bench.start(1, 2, 3)
    bench.may_go.release()
    assert bench.entered.acquire(timeout=10)  # the second group is at work
    third = bench.start(4)
    bench.may_go.release(2)
    assert first.result(10) is None
    for each in done:
        with pytest.raises(Invalid, match="the disk is full"):
            each.result(10)
    assert len({id(each.exception()) for each in done}) == 3, "each thread raises its own"
    assert third[0].result(10) is None


def test_a_leader_that_dies_wakes_all_that_waited_for_it(bench: Bench) -> None:
    bench.fails = {1: KeyboardInterrupt()}
    first, leader, other = bench.first(0), *bench.start(1, 2)
    bench.may_go.release(2)
    first.result(10)
    with pytest.raises(KeyboardInterrupt):
        leader.result(10)
    with pytest.raises(Unavailable, match="try again"):
        other.result(10)
    bench.may_go.release()
    bench.first(3).result(10)


def test_who_has_waited_too_long_is_told_and_its_job_is_not_done(bench: Bench) -> None:
    first = bench.first(0)
    (impatient,) = bench.start(1, patience=0.2)
    with pytest.raises(Unavailable, match="try again"):
        impatient.result(10)
    patient = bench.start(2)
    bench.may_go.release(2)
    first.result(10)
    patient[0].result(10)
    assert bench.groups == [[0], [2]]


def test_a_lock_that_another_process_keeps_is_waited_for_by_each_as_long_as_it_has_patience(bench: Bench) -> None:
    with bench.place:
        leader, second = *bench.start(1, patience=0.2), *bench.start(2, patience=30)
        with pytest.raises(Unavailable, match="not free"):
            leader.result(10)
        assert not second.done()
    bench.may_go.release()
    second.result(10)
    assert bench.groups == [[2]]


def test_nobody_is_forgotten_when_many_come_and_some_lose_patience(bench: Bench) -> None:
    bench.may_go.release(10_000)
    asked = [bench.pool.submit(bench.group.do, n, 0.001 if n % 7 == 0 else 30) for n in range(3000)]
    done = [n for n, each in enumerate(asked) if each.exception(30) is None]
    assert sorted(job for group in bench.groups for job in group) == done
    assert {n for n in range(3000) if n % 7} <= set(done)
