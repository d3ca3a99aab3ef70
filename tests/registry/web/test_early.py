"""The first application of a process: what it answers is what the whole one would, and what it cannot, it waits for."""

import errno
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client, TestResponse

from registry.sessions import Sessions
from registry.web import early
from registry.web.faces import wired
from registry.web.pages import Pages
from registry.web.projects import ProjectPages
from tests.archives import wheel
from tests.registry.web.site import Site, basic

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LONG = 30  # seconds
SHORT = 0.3  # seconds, after which what waits still waits


@pytest.fixture
def published(site: Site) -> Site:
    site.publish(wheel("payments", "1.0"))
    return site


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    found = threading.Event()
    yield found
    found.set()  # lets the thread end


def begun(site: Site, before: Callable[[], object]) -> Client:
    """Begin a process whose whole application is made once something has been waited for."""
    pages = ProjectPages(site.installation, Pages(None))

    def whole() -> "WSGIApplication":
        before()
        app = wired(site.installation, None, pages, dict, backend=None, sessions=Sessions(), hook=None)
        return app.wsgi_app

    return Client(early.begin(site.installation, None, pages, dict, whole))


def told(answer: TestResponse) -> tuple[str, bytes, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}  # which no two share
    return answer.status, answer.data, headers


def ask(client: Client, site: Site, path: str, who: str | None = "alice", method: str = "GET") -> TestResponse:
    headers = {"Authorization": basic("__token__", site.token(who))} if who else {}
    return client.open(path, method=method, headers=headers)


@pytest.mark.parametrize("who", ["alice", None])
@pytest.mark.parametrize(
    "path",
    [
        "/python/simple/",
        "/python/simple/payments/",
        "/python/simple/Payments",
        "/python/simple/absent/",
        "/absent/simple/",
        "/-/ready",
    ],
)
def test_before_the_rest_is_there_installers_hear_what_they_hear_afterwards(
    published: Site, gate: threading.Event, path: str, who: str | None
) -> None:
    client = begun(published, lambda: gate.wait(LONG))
    first = told(ask(client, published, path, who))
    gate.set()
    assert ask(client, published, "/-/schemas/registry.json", None).status_code == 200  # the whole one is there
    assert told(ask(client, published, path, who)) == first
    assert first[:2] == told(published.ask(path, who))[:2]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/pypi/python/simple/payments/"), ("GET", "/-/api/v1/registries"), ("GET", "/"), ("POST", "/python/")],
)
def test_whoever_asks_for_something_else_waits_for_the_rest(
    published: Site, gate: threading.Event, method: str, path: str
) -> None:
    client = begun(published, lambda: gate.wait(LONG))
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(ask, client, published, path, "alice", method)
        with pytest.raises(TimeoutError):
            asked.result(timeout=SHORT)
        gate.set()
        expected = published.ask(path, "alice", method=method)
        assert told(asked.result(timeout=LONG))[:2] == told(expected)[:2]


@pytest.mark.parametrize(
    ("failure", "status", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), 503, "refused (Too many open files); try again"),
        (SyntaxError("a file was cut short"), 500, "its operator finds the details in the log"),
    ],
)
def test_an_application_that_could_not_be_made_is_said_and_tried_again(
    published: Site, caplog: pytest.LogCaptureFixture, failure: Exception, status: int, said: str
) -> None:
    tries: list[str] = []

    def before() -> None:
        tries.append("again")
        if len(tries) <= 2:  # the thread's own, and that of the first who asks
            raise failure

    client = begun(published, before)
    while not tries:
        assert ask(client, published, "/python/simple/payments/").status_code == 200
    refused = ask(client, published, "/-/api/v1/registries")
    assert (refused.status_code, said in refused.text) == (status, True)
    assert "file" in caplog.text
    assert ask(client, published, "/python/simple/payments/").status_code == 200
    assert ask(client, published, "/-/api/v1/registries").status_code == 200
    assert len(tries) == 3
