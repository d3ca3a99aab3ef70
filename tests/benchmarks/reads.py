"""Pages and files under load. All servers stand ready, each cell is measured on one after the other: drift hits all."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.benchmarks import right
from tests.benchmarks.client import JSON, Uploader, form
from tests.benchmarks.corpus import LARGE, MANY, SMALL, Item, fresh
from tests.benchmarks.load import Load, Variety, load
from tests.benchmarks.machine import Unmeasured
from tests.benchmarks.right import HTML
from tests.benchmarks.servers import Server
from tests.benchmarks.tables import BEST_PEER, NGINX, Cell, Row, Target

PAGES, HEADS = 300, 40  # of the load that is never the same request twice in a row
PACE = 5  # files/s that come in while pages are asked for
_KEPT_UP = 0.8  # of them, or pages were fast at the cost of uploads
_PLAIN = "page of ten files, HTML, 16 connections"
_FAST = (Target(0.5, NGINX), Target(30, BEST_PEER))

Measure = Callable[[Server], tuple[Load, str]]  # what it did, and a remark


def measure(servers: Sequence[Server], say: Callable[[str], None]) -> list[Row]:
    """Measure every cell on every server that is ready for it."""
    rows = []
    with ExitStack() as stack:
        ready: dict[str, Server | str] = {}
        for server in servers:
            try:
                ready[server.name] = stack.enter_context(server.running(filled=True))
            except Unmeasured as reason:
                ready[server.name] = str(reason)
        for row, one in _cells(servers[0]):
            for name, server_or_reason in ready.items():
                row.cells[name] = _cell(one, server_or_reason, row.unit)
                say(f"{row.what} · {name}: {row.cells[name].text(row.unit)}")
            rows.append(row)
    return rows


def _cells(server: Server) -> Iterator[tuple[Row, Measure]]:
    many, pages = len(server.setup.corpus.projects()[MANY]), len(server.setup.corpus.ordinary(PAGES))
    yield Row(_PLAIN, "/s", _FAST), _page(16, HTML)
    yield Row("that page unchanged (304), HTML, 16 connections", "/s", (Target(1, row=_PLAIN),)), _unchanged
    yield Row("page of ten files, JSON, 16 connections", "/s", _FAST), _page(16, JSON)
    # No peer can be beaten thirty times here: one connection waits for the network, on nginx as well.
    yield Row("page of ten files, HTML, 1 connection", "/s", _FAST[:1]), _page(1, HTML)
    yield Row("page of ten files, JSON, 1 connection", "/s", _FAST[:1]), _page(1, JSON)
    yield Row(f"{pages} such pages x {HEADS} heads, HTML, 16 connections", "/s", _FAST), _various
    yield Row(f"page of ten files while {PACE} files/s come in, HTML, 16 connections", "/s", _FAST), _while_uploading
    yield Row(f"page of {many:,} files, HTML, 1 connection, p50", "ms", (Target(1),)), _many
    yield Row("list of projects, HTML, 16 connections", "/s"), _root(16)
    yield Row("list of projects, HTML, 1 connection, p50", "ms", (Target(1),)), _root(1)
    yield Row("wheel of 10 kB, 16 connections", "/s", (Target(0.25, NGINX), Target(1, "peryx"))), _file(SMALL, 16)
    yield Row("wheel of 50 MB, 1 connection", "MB/s", (Target(1500),)), _file(LARGE, 1)


def _cell(one: Measure, server: Server | str, unit: str) -> Cell:
    if isinstance(server, str):
        return Cell(problem=server)
    try:
        did, remark = one(server)
    except (Unmeasured, OSError) as reason:
        return Cell(problem=str(reason))
    value = {"/s": did.rate, "ms": did.p50, "MB/s": did.megabytes}[unit]
    detail = f"{did.p50:.2f}/{did.p99:.2f} ms" + (f", {remark}" if remark else "")
    return Cell(value, detail, did.problem, did.stolen)


def _page(connections: int, accept: str) -> Measure:
    def one(server: Server) -> tuple[Load, str]:
        answer, headers = right.page(server, _ordinary(server), accept)
        return load(answer.url, headers, connections, server.setup.seconds, least=answer.wire), ""

    return one


def _unchanged(server: Server) -> tuple[Load, str]:
    headers = right.unchanged(server, _ordinary(server))
    return load(server.page(_ordinary(server)), headers, 16, server.setup.seconds), ""


def _various(server: Server) -> tuple[Load, str]:
    projects = server.setup.corpus.ordinary(PAGES)
    least = min(right.page(server, project, HTML)[0].wire for project in projects)
    variety = Variety([urlsplit(server.page(project)).path for project in projects], server.heads(HEADS))
    headers = right.asking(server, HTML)
    return load(server.index_url, headers, 16, server.setup.seconds, least=least, variety=variety), ""


def _while_uploading(server: Server) -> tuple[Load, str]:
    answer, headers = right.page(server, _ordinary(server), HTML)
    if not server.takes_uploads and server.name != NGINX:
        raise Unmeasured("takes no uploads")
    with _uploads(server) as came:
        did = load(answer.url, headers, 16, server.setup.seconds, least=answer.wire)
    if not server.takes_uploads:
        return did, "nothing comes in"
    lost = right.missing(server, came.items)
    if came.failed:
        did.problem = did.problem or f"{len(came.failed)} uploads failed: {came.failed[0]}"
    elif lost:
        did.problem = did.problem or f"{lost} accepted files are not on their pages"
    elif len(came.items) < _KEPT_UP * came.due:
        did.problem = did.problem or "uploads starve"
    return did, f"{len(came.items)} of {came.due} files came in"


@dataclass
class _Came:
    items: list[Item] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    due: int = 0


@contextmanager
def _uploads(server: Server) -> Iterator[_Came]:
    """Upload in the background at a pace that does not wait for the server."""
    came, enough, began = _Came(), threading.Event(), time.monotonic()

    def work() -> None:
        with Uploader(server.upload_url, server.upload_credentials) as uploader:
            for n in itertools.count():
                (made,) = fresh(f"while{n}", 1)
                if enough.wait(max(0.0, began + n / PACE - time.monotonic())):
                    return
                if failure := uploader.post(*form(*made)):
                    came.failed.append(failure)
                else:
                    came.items.append(made[0])

    thread = threading.Thread(target=work)
    if server.takes_uploads:
        thread.start()
    try:
        yield came
    finally:
        came.due = 1 + int((time.monotonic() - began) * PACE)
        enough.set()
        if server.takes_uploads:
            thread.join()


def _many(server: Server) -> tuple[Load, str]:
    answer, headers = right.page(server, MANY, HTML)
    held, whole = len(server.held(MANY)), len(server.setup.corpus.projects()[MANY])
    remark = f"{answer.wire:,} B {answer.headers.get('content-encoding', 'plain')}"
    if held < whole:
        remark += f"; only {held:,} files, more took it too long"
    return load(answer.url, headers, 1, server.setup.seconds, least=answer.wire), remark


def _root(connections: int) -> Measure:
    def one(server: Server) -> tuple[Load, str]:
        answer, headers = right.root(server, HTML)
        return load(answer.url, headers, connections, server.setup.seconds, least=answer.wire), ""

    return one


def _file(project: str, connections: int) -> Measure:
    def one(server: Server) -> tuple[Load, str]:
        answer = right.file(server, project)
        return load(answer.url, server.credentials, connections, server.setup.seconds, least=answer.wire), ""

    return one


def _ordinary(server: Server) -> str:
    return server.setup.corpus.ordinary(1)[0]
