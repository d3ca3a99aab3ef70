"""What people notice besides rates: how soon a server is there, what it holds in memory, how long an install takes."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.benchmarks import right
from tests.benchmarks.corpus import INSTALLED, ordinary
from tests.benchmarks.load import Variety, load
from tests.benchmarks.machine import SERVER_CORE, Unmeasured, run, wait
from tests.benchmarks.reads import HEADS, PAGES
from tests.benchmarks.right import HTML
from tests.benchmarks.servers import Server
from tests.benchmarks.tables import NGINX, Cell, Row, Target

Say = Callable[[str], None]
Command = Callable[[str, Path], list[str | Path]]
_CLOSE = Target(1.15, NGINX)


def starts(servers: Sequence[Server], say: Say) -> list[Row]:
    """Measure from the start of the command to the first right page: the first start ever, and later ones."""
    files = f"{len(servers[0].setup.corpus.items):,} files"
    first, again = (
        Row(f"{what}, {files}", "s", (Target(0.5),)) for what in ("first start", "later starts, median of 3")
    )
    for server in servers:
        try:
            with server.standing(filled=True):
                took = [_start(server) for _ in range(4)]
            first.cells[server.name], again.cells[server.name] = Cell(took[0]), Cell(statistics.median(took[1:]))
        except (Unmeasured, OSError) as reason:
            first.cells[server.name] = again.cells[server.name] = Cell(problem=str(reason))
        say(f"start · {server.name}: {first.cells[server.name].text('s')}, {again.cells[server.name].text('s')}")
    return [first, again]


def memory(servers: Sequence[Server], say: Say) -> list[Row]:
    """Measure what all processes of a server hold after they answered for a while."""
    seconds = 10 if servers[0].setup.quick else 60
    row = Row(f"memory of all processes after {seconds} s of load", "MB", (Target(150),))
    for server in servers:
        try:
            with server.running(filled=True) as running:
                paths = [urlsplit(server.page(project)).path for project in server.setup.corpus.ordinary(PAGES)]
                variety = Variety(paths, server.heads(HEADS))
                did = load(server.index_url, right.asking(server, HTML), 16, seconds, variety=variety)
                assert running.process
                row.cells[server.name] = Cell(
                    running.process.memory(), f"at {did.rate:,.0f}/s", did.problem, did.stolen
                )
        except (Unmeasured, OSError) as reason:
            row.cells[server.name] = Cell(problem=str(reason))
        say(f"memory · {server.name}: {row.cells[server.name].text(row.unit)}")
    return [row]


def installs(servers: Sequence[Server], say: Say) -> list[Row]:
    """Measure what a pipeline waits for: an install of thirty packages without any cache, the servers taking turns."""
    rounds = 3 if servers[0].setup.quick else 5
    tools = {"uv": _uv, "pip": _pip}
    rows = {tool: Row(f"{tool} installs {INSTALLED} packages, median of {rounds}", "s", (_CLOSE,)) for tool in tools}
    with ExitStack() as stack:
        for server in servers:
            try:
                stack.enter_context(server.running(filled=True))
            except Unmeasured as reason:
                for row in rows.values():
                    row.cells[server.name] = Cell(problem=str(reason))
        for tool, command in tools.items():
            ready = [server for server in servers if server.name not in rows[tool].cells]
            took = _turns(ready, command, rounds)
            rows[tool].cells.update(took)
            for name, cell in took.items():
                say(f"{rows[tool].what} · {name}: {cell.text('s')}")
    return list(rows.values())


def _start(server: Server) -> float:
    """Start it, and tell how long it took until a page was right."""

    def right_page() -> bool:
        try:
            right.page(server, server.setup.corpus.ordinary(1)[0], HTML)
        except Unmeasured:
            return False
        return True

    server.launch(SERVER_CORE)
    assert server.process
    try:
        return wait(right_page, server.process)
    finally:
        server.stop()


def _turns(servers: Sequence[Server], command: Command, rounds: int) -> dict[str, Cell]:
    took: dict[str, list[float]] = {server.name: [] for server in servers}
    failed: dict[str, Cell] = {}
    for _ in range(rounds):
        for server in servers:
            try:
                took[server.name].append(_install(server, command))
            except Unmeasured as reason:
                failed[server.name] = Cell(problem=str(reason))
    return {name: failed.get(name) or Cell(statistics.median(times)) for name, times in took.items()}


def _install(server: Server, command: Command) -> float:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "target"
        began = time.perf_counter()
        run(*command(_with_account(server), target))
        passed = time.perf_counter() - began
        installed = len(list(target.glob("*.dist-info")))
    if installed != min(INSTALLED, server.setup.corpus.sizes.projects):
        raise Unmeasured(f"installed {installed} packages")
    return passed


def _uv(index: str, target: Path) -> list[str | Path]:
    uv = Path(sys.executable).with_name("uv")
    options: list[str | Path] = ["--no-cache", "--python", sys.executable, "--index-url", index, "--target", target]
    return [uv, "pip", "install", "-q", *options, ordinary(0)]


def _pip(index: str, target: Path) -> list[str | Path]:
    options: list[str | Path] = ["--no-cache-dir", "--no-compile", "--index-url", index, "--target", target]
    return [sys.executable, "-m", "pip", "install", "-q", *options, ordinary(0)]


def _with_account(server: Server) -> str:
    """Write the index as installers take it; only a private one needs the account."""
    if not server.credentials or not server.account:
        return server.index_url
    return server.index_url.replace("//", f"//{':'.join(map(quote, server.account))}@", 1)
