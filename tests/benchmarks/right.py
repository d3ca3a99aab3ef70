"""Correctness before speed: an answer is looked at before anybody counts how many of it come per second."""

import hashlib
from collections.abc import Iterable, Sequence

from tests.benchmarks.client import JSON, Answer, get
from tests.benchmarks.corpus import Item
from tests.benchmarks.machine import Unmeasured
from tests.benchmarks.servers import Server

HTML = "text/html"


def page(server: Server, project: str, accept: str) -> tuple[Answer, dict[str, str]]:
    """Ask for a project's page as the load will, and require the whole truth on it.

    Returns:
        The plain answer, and the headers for the load.
    """
    headers = asking(server, accept)
    answer = get(server.page(project), headers)
    require(answer, accept)
    require_files(answer, server.held(project))
    return answer, headers


def root(server: Server, accept: str) -> tuple[Answer, dict[str, str]]:
    """Ask for the list of projects, and require every project of the corpus on it."""
    headers = asking(server, accept)
    answer = get(server.index_url, headers)
    require(answer, accept)
    missing = server.setup.corpus.projects().keys() - answer.links().keys()
    if missing:
        raise Unmeasured(f"wrong list: {len(missing)} projects are missing")
    return answer, headers


def file(server: Server, project: str) -> Answer:
    """Download the only file of a project, and require its bytes."""
    item = server.held(project)[0]
    shown = get(server.page(project), asking(server, HTML))
    require_files(shown, [item])
    answer = get(shown.links()[item.filename], server.credentials)
    if answer.status != 200 or hashlib.sha256(answer.body).hexdigest() != item.sha256:
        raise Unmeasured(f"wrong file: {answer.status}, {len(answer.body)} bytes")
    return answer


def unchanged(server: Server, project: str) -> dict[str, str]:
    """Require 304 for a page that the client has, and give the headers that ask so."""
    headers = asking(server, HTML)
    etag = get(server.page(project), headers).headers.get("etag")
    if not etag:
        raise Unmeasured("its pages have no ETag")
    conditional = {**headers, "If-None-Match": etag}
    status = get(server.page(project), conditional).status
    if status != 304:
        raise Unmeasured(f"{status} instead of 304")
    return conditional


def missing(server: Server, items: Sequence[Item]) -> int:
    """Count the files that are not on their project's page."""
    lost = 0
    for project in dict.fromkeys(item.project for item in items):
        wanted = {item.filename for item in items if item.project == project}
        answer = get(server.page(project), server.credentials)
        lost += len(wanted - answer.links().keys()) if answer.status == 200 else len(wanted)
    return lost


def asking(server: Server, accept: str) -> dict[str, str]:
    """Give the headers of a reader, which accepts gzip as every installer does."""
    return {**server.credentials, "Accept": accept, "Accept-Encoding": "gzip"}


def require(answer: Answer, accept: str) -> None:
    """Require success and the form that was asked for."""
    if answer.status != 200:
        raise Unmeasured(f"answered {answer.status}")
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if accept == JSON and kind != JSON:
        raise Unmeasured("has no JSON pages")
    if kind != accept:
        raise Unmeasured(f"answered {kind or 'something'}")


def require_files(answer: Answer, items: Iterable[Item]) -> None:
    """Require exactly these files on a page."""
    shown, wanted = set(answer.links()), {item.filename for item in items}
    if shown != wanted:
        raise Unmeasured(f"wrong page: {len(wanted - shown)} files missing, {len(shown - wanted)} too many")
