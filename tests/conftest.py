"""Fixtures for every test: running servers, and installations without one."""

import errno
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import freezegun
import pytest

from registry import durable
from tests.running import Server, serving

# How long a host may take to answer is real time, also where a test has set the clock.
freezegun.configure(extend_ignore_list=["registry.fetch", "registry.keys"])

# What strikes at random can be repeated; chosen here, it is one number for all processes that share the tests.
os.environ.setdefault("FAULT_SEED", str(random.SystemRandom().randrange(1, 10**6)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long suites take as long as they take; what hangs in all others fails (`timeout` in pyproject.toml)."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh server of one's own."""
    with serving(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for tests that use project names of their own."""
    with serving(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
def failing_flush(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Let the next flush of this process fail, and the ones after it succeed; the disk is trusted again afterwards."""
    flush = os.fsync

    def fail(_fd: int) -> None:
        monkeypatch.setattr(os, "fsync", flush)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    yield lambda: monkeypatch.setattr(os, "fsync", fail)
    durable._SAID[:2] = bytes(2)  # noqa: SLF001 - what a restart does
