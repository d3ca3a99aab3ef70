"""Uploads, durable as each server makes them: one uploader, eight, and twine; an empty server and a filled one."""

import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.client import form, get
from tests.benchmarks.corpus import Item, fresh
from tests.benchmarks.machine import CLIENT_CORE, SERVER_CORE, Unmeasured, keep_to, run, undisturbed
from tests.benchmarks.servers import Server
from tests.benchmarks.tables import Cell, Row, Target
from tests.benchmarks.uploading import Uploaded, upload

TWINE = 20  # files
_FLAT = 0.8  # of the rate when empty: a long ledger must not slow it down
_tags = itertools.count()


def measure(servers: Sequence[Server], two_cores: Sequence[Server], say: Callable[[str], None]) -> list[Row]:
    """Measure rates.

    Args:
        servers: each on its own core.
        two_cores: the same, configured for both cores, which the client shares.
        say: told each figure as it is there.
    """
    files = f"{len(servers[0].setup.corpus.items):,} files"
    rows = []
    for every, filled, core, state in (
        (servers, False, SERVER_CORE, "empty, one core"),
        (servers, True, SERVER_CORE, f"{files}, one core"),
        (two_cores, False, None, "empty, two cores"),
    ):
        made = _rows(state, filled=filled, shared=core is None)
        for server in every:
            for row, cell in zip(made, _cells(server, filled=filled, core=core), strict=True):
                row.cells[server.name] = cell
                say(f"{row.what} · {server.name}: {cell.text(row.unit)}")
        rows += made
    return rows


def _rows(state: str, *, filled: bool, shared: bool) -> list[Row]:
    one, eight = (f"{who}, {state}" for who in ("one uploader", "8 uploaders"))
    aims: tuple[tuple[Target, ...], ...] = ((Target(200),), (Target(250),), (Target(0.6),))
    if filled:
        flat = [Target(_FLAT, row=f"{who}, empty, one core") for who in ("one uploader", "8 uploaders")]
        aims = ((flat[0],), (flat[1],), (Target(0.6),))
    elif shared:
        aims = ((), (Target(500),), ())
    return [
        Row(one, "/s", aims[0]),
        Row(eight, "/s", aims[1]),
        Row(f"twine, {TWINE} files, {state}", "s", aims[2]),
    ]


def _cells(server: Server, *, filled: bool, core: int | None) -> list[Cell]:
    """Measure one server: one uploader, eight, twine; what comes after a failure fails for the same reason."""
    cells: list[Cell] = []
    keep_to(None if core is None else CLIENT_CORE)
    try:
        with server.running(filled=filled, core=core):
            _require_at_once(server)
            cells += [_rate(server, uploaders) for uploaders in (1, 8)]
            cells.append(_twine(server))
    except (Unmeasured, OSError) as reason:
        cells += [Cell(problem=str(reason))] * (3 - len(cells))
    finally:
        keep_to(CLIENT_CORE)
    return cells


def _rate(server: Server, uploaders: int) -> Cell:
    count = 100 if server.setup.quick else 200
    done = undisturbed(lambda: _round(server, count, uploaders))
    detail = f"{done.p50:.1f}/{done.p99:.1f} ms, {done.failures} failed, {done.missing} missing"
    return Cell(done.rate, detail, done.problem, done.stolen)


def _round(server: Server, count: int, uploaders: int) -> Uploaded:
    made = fresh(f"round{next(_tags)}", count)
    done = upload(server.upload_url, server.upload_credentials, [form(*each) for each in made], uploaders)
    done.missing = missing(server, [item for item, _ in made])
    if done.missing and not done.problem:
        done.problem = f"{done.missing} accepted files are not on their pages"
    return done


def _require_at_once(server: Server) -> None:
    """Require that each of a few files is on its page at the very next request."""
    for made in fresh(f"once{next(_tags)}", 10):
        done = upload(server.upload_url, server.upload_credentials, [form(*made)])
        if done.failures:
            raise Unmeasured(f"refuses uploads: {done.problem}")
        if missing(server, [made[0]]):
            raise Unmeasured("an accepted file was not on its page right after")


def missing(server: Server, items: Sequence[Item]) -> int:
    """Count the files that are not on their project's page."""
    lost = 0
    for project in dict.fromkeys(item.project for item in items):
        wanted = {item.filename for item in items if item.project == project}
        answer = get(server.page(project), server.credentials)
        lost += len(wanted - answer.links().keys()) if answer.status == 200 else len(wanted)
    return lost


def _twine(server: Server) -> Cell:
    user, password = server.account or ("", "")
    made = fresh(f"twine{next(_tags)}", TWINE)
    with tempfile.TemporaryDirectory() as folder:
        for item, content in made:
            (Path(folder) / item.filename).write_bytes(content)
        options = ["--non-interactive", "--disable-progress-bar", "--config-file", "/dev/null"]
        where = ["--repository-url", server.upload_url, "-u", user, "-p", password]
        files = [Path(folder) / item.filename for item, _ in made]
        began = time.perf_counter()
        run(Path(sys.executable).with_name("twine"), "upload", *options, *where, *files)
        passed = time.perf_counter() - began
    lost = missing(server, [item for item, _ in made])
    return Cell(passed, problem=f"{lost} files are not on their pages" if lost else None)
