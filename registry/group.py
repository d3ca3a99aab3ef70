"""Group commit: of the threads that wait for the one writer's place, one takes it and does the work of all.

So what many wait for is flushed once. What arrives during a flush waits for the next.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from registry.durable import LOCK_PATIENCE
from registry.errors import Unavailable, WaybillError

MOST = 64  # of one group: the first of them waits for the last
Job = TypeVar("Job")


class _Place(Generic[Job]):
    """One thread's place in the queue."""

    def __init__(self, job: Job, patience: float) -> None:
        self.job = job
        self.until = time.monotonic() + patience
        self.called = threading.Event()  # its work is done, or it is its turn to lead
        self.leads = False
        self.error: BaseException | None = None


class Group(Generic[Job]):
    """The queue of one process; between processes the lock decides."""

    def __init__(
        self, lock: Callable[[float], AbstractContextManager[None]], work: Callable[[Sequence[Job]], None]
    ) -> None:
        """Say what is done in turn.

        Args:
            lock: the writer's place, to be had within so many seconds.
            work: does all jobs of a group; what it raises, each of them failed with.
        """
        self._lock = lock
        self._work = work
        self._guard = threading.Lock()
        self._waiting: list[_Place[Job]] = []
        self._led = False

    def do(self, job: Job, patience: float = LOCK_PATIENCE) -> None:
        """Have a job done, by this thread or another.

        Args:
            job: what `work` gets.
            patience: seconds until this thread gives up its place in the queue.

        Raises:
            Unavailable: its turn did not come in time, or the thread that led failed.
        """
        place = _Place(job, patience)
        with self._guard:
            self._waiting.append(place)
            place.leads, self._led = not self._led, True
        if not place.leads and not place.called.wait(patience):
            with self._guard:
                if place in self._waiting and not place.leads:
                    self._waiting.remove(place)
                    raise Unavailable("Too many uploads are being committed; try again in a few seconds")
            place.called.wait()  # it is being done right now
        if place.leads:
            self._lead(place)
        if place.error:
            raise place.error

    def _lead(self, leader: _Place[Job]) -> None:
        """Do what waits, and call the next leader even if that fails; the leader is the first in the queue."""
        group = [leader]
        failed: BaseException | None = None
        try:
            with self._lock(max(0.0, leader.until - time.monotonic())):
                with self._guard:  # only now, so that those who came meanwhile are in it
                    group = self._waiting[:MOST]
                    del self._waiting[:MOST]
                self._work([place.job for place in group])
        except BaseException as error:
            failed = error
            raise
        finally:
            with self._guard:
                if leader in self._waiting:  # the lock was not to be had
                    self._waiting.remove(leader)
                self._led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].leads = True
                    self._waiting[0].called.set()
            for place in group:
                if place is not leader:
                    place.error = _told(failed)
                    place.called.set()


def _told(failed: BaseException | None) -> BaseException | None:
    """Tell another thread why its job failed: a refusal as it is, anything else without the insides of the leader."""
    if failed is None:
        return None
    if isinstance(failed, WaybillError):
        return type(failed)(*failed.args)
    return Unavailable("What was written together with another upload failed; try again, once more does no harm")
