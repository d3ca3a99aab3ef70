"""Many uploads, one after the other or by several uploaders at once, and what became of them."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.benchmarks.client import Uploader, form
from tests.benchmarks.corpus import Item

Form = tuple[bytes, str]  # body, content type


@dataclass
class Uploaded:
    """How a round of uploads went."""

    count: int
    rate: float  # per second
    p50: float  # ms
    p99: float  # ms
    worst: float  # ms
    failures: int
    missing: int = 0  # taken, and not on the page that was asked for right after
    problem: str | None = None  # the first failure
    stolen: float = 0.0  # percent


@dataclass
class _Round:
    forms: Iterator[Form]
    until: float
    took: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Form | None:
        with self.lock:
            return next(self.forms, None) if time.perf_counter() < self.until else None

    def work(self, uploader: Uploader) -> None:
        while made := self.next():
            began = time.perf_counter()
            failure = uploader.post(*made)
            passed = time.perf_counter() - began
            with self.lock:
                self.took.append(passed)
                if failure:
                    self.failures.append(failure)


def upload(
    url: str, credentials: Mapping[str, str], forms: Iterable[Form], uploaders: int = 1, seconds: float = 1e9
) -> Uploaded:
    """Upload everything, or what can be done in a time.

    Args:
        url: where to.
        credentials: header of the uploader.
        forms: what is posted; give a list to measure the server and not the making of them.
        uploaders: how many at once, each with a connection of its own.
        seconds: no upload begins later.
    """
    began = time.perf_counter()
    work = _Round(iter(forms), began + seconds)

    def uploader() -> None:
        with Uploader(url, credentials) as client:
            work.work(client)

    threads = [threading.Thread(target=uploader) for _ in range(uploaders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - began
    took = sorted(work.took)
    return Uploaded(
        count=len(took),
        rate=len(took) / passed,
        p50=1000 * took[len(took) // 2],
        p99=1000 * took[min(len(took) - 1, len(took) * 99 // 100)],
        worst=1000 * took[-1],
        failures=len(work.failures),
        problem=work.failures[0] if work.failures else None,
    )


def forms(made: Iterable[tuple[Item, bytes]]) -> Iterator[Form]:
    """Write the forms of files."""
    return (form(item, content) for item, content in made)
