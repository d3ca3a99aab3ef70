"""The server that the tests of the poller share."""

from collections.abc import Iterator

import pytest

from tests.registry.cli import served
from tests.registry.web.site import multipart
from tests.registry.web.wire import upload
from tests.running import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("poller")) as running:
        for archive in (served.SMALL, served.LARGE):
            assert upload(running, multipart([("content", archive)]), running.token).status == 200
        yield running
    assert "Traceback" not in running.log()
    assert '"status": 500' not in running.log()


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    yield
    while served.opened:
        served.opened.pop().close()
