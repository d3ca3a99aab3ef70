"""Uploads, durable as each server makes them: one uploader, eight, and twine; an empty server and a filled one."""

import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import right
from tests.benchmarks.client import form
from tests.benchmarks.corpus import fresh
from tests.benchmarks.machine import CLIENT_CORE, SERVER_CORE, Unmeasured, keep_to, run, undisturbed
from tests.benchmarks.servers import Server
from tests.benchmarks.tables import Cell, Row, Target
from tests.benchmarks.uploading import Uploaded, upload

Say = Callable[[str], None]

ROUNDS = 3
TWINE = 20  # files
_FLAT = 0.8  # of the rate when empty: a long ledger must not slow it down
_tags = itertools.count()


def measure(servers: Sequence[Server], two_cores: Sequence[Server], say: Say) -> list[Row]:
    """Measure rates.

    Args:
        servers: each on its own core.
        two_cores: the same, configured for both cores, which the client shares.
        say: told each figure as it is there.
    """
    files = f"{len(servers[0].setup.corpus.items):,} files"
    one, eight = "one uploader, empty, one core", "8 uploaders, empty, one core"
    twine = Target(0.6)
    rows = _state("empty, one core", servers, say, (Target(200), Target(250), twine))
    longer = (Target(_FLAT, row=one), Target(_FLAT, row=eight), twine)
    rows += _state(f"{files}, one core", servers, say, longer, filled=True)
    rows += _state("empty, two cores", two_cores, say, (None, Target(500), None), core=None)
    return rows


def _state(
    state: str,
    servers: Sequence[Server],
    say: Say,
    targets: tuple[Target | None, ...],
    *,
    filled: bool = False,
    core: int | None = SERVER_CORE,
) -> list[Row]:
    """Measure servers that stand ready together and take turns, so that drift of the machine hits all."""
    questions: dict[str, tuple[str, Callable[[Server], Cell]]] = {
        "one uploader": ("/s", lambda server: _rate(server, 1)),
        "8 uploaders": ("/s", lambda server: _rate(server, 8)),
        f"twine, {TWINE} files": ("s", _twine),
    }
    rows = []
    keep_to(None if core is None else CLIENT_CORE)
    with ExitStack() as stack:
        absent: dict[str, str] = {}
        for server in servers:
            try:
                stack.enter_context(server.running(filled=filled, core=core))
                _require_at_once(server)
            except (Unmeasured, OSError) as reason:
                absent[server.name] = str(reason)
        for (what, (unit, ask)), target in zip(questions.items(), targets, strict=True):
            row = Row(f"{what}, {state}", unit, (target,) if target else ())
            row.cells = {name: Cell(problem=reason) for name, reason in absent.items()}
            row.cells |= _turns([server for server in servers if server.name not in absent], ask)
            for name, cell in row.cells.items():
                say(f"{row.what} · {name}: {cell.text(unit)}")
            rows.append(row)
    keep_to(CLIENT_CORE)
    return rows


def _turns(servers: Sequence[Server], ask: Callable[[Server], Cell]) -> dict[str, Cell]:
    """Ask each server in turn, several times; of each, give the middle result, or the first that went wrong."""
    every: dict[str, list[Cell]] = {server.name: [] for server in servers}
    for _ in range(1 if servers and servers[0].setup.quick else ROUNDS):
        for server in servers:
            try:
                every[server.name].append(ask(server))
            except (Unmeasured, OSError) as reason:
                every[server.name].append(Cell(problem=str(reason)))
    return {name: _middle(cells) for name, cells in every.items()}


def _middle(cells: list[Cell]) -> Cell:
    wrong = [cell for cell in cells if cell.problem]
    return wrong[0] if wrong else sorted(cells, key=lambda cell: cell.value or 0)[len(cells) // 2]


def _rate(server: Server, uploaders: int) -> Cell:
    count = 100 if server.setup.quick else 200
    done = undisturbed(lambda: _round(server, count, uploaders))
    detail = f"{done.p50:.1f}/{done.p99:.1f} ms, {done.failures} failed, {done.missing} missing"
    return Cell(done.rate, detail, done.problem, done.stolen)


def _round(server: Server, count: int, uploaders: int) -> Uploaded:
    made = fresh(f"round{next(_tags)}", count)
    done = upload(server.upload_url, server.upload_credentials, [form(*each) for each in made], uploaders)
    done.missing = right.missing(server, [item for item, _ in made])
    if done.missing and not done.problem:
        done.problem = f"{done.missing} accepted files are not on their pages"
    return done


def _require_at_once(server: Server) -> None:
    """Require that each of a few files is on its page at the very next request."""
    for made in fresh(f"once{next(_tags)}", 10):
        done = upload(server.upload_url, server.upload_credentials, [form(*made)])
        if done.failures:
            raise Unmeasured(f"refuses uploads: {done.problem}")
        if right.missing(server, [made[0]]):
            raise Unmeasured("an accepted file was not on its page right after")


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
    lost = right.missing(server, [item for item, _ in made])
    return Cell(passed, problem=f"{lost} files are not on their pages" if lost else None)
