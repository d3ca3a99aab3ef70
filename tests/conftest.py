"""Fixtures for every test: running servers, and installations without one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Server, serving


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
