"""What one waits for on a ledger of a given size; run by `tests.benchmarks.ledger --measure`."""

import hashlib
import http.client
import json
import socket
import statistics
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from registry import audit, history
from registry.cli import data
from registry.names import project_name
from registry.store import LEDGER
from registry.wanted import Wanted
from tests.archives import wheel
from tests.legacy_client import PAGE, authorization, upload
from tests.running import CLEAN, WAYBILL, Server, run_git, waybill

PROJECT = "ledger-7"
Row = tuple[str, str]


def measure(folder: Path, uploads: int = 200) -> Iterator[Row]:
    """Measure one thing after the other, on a server of its own.

    Args:
        folder: an installation made by `tests.benchmarks.ledger`.
        uploads: how many files are published into it.

    Yields:
        What was measured, and the figure.
    """
    token = waybill("token", "create", "--data", str(folder), "--person", "alice").stdout.strip()
    server = Server(folder, _free_port(), token, workers=2)
    yield "commits", run_git(server.git, "rev-list", "--count", LEDGER).strip()
    yield from _questions(folder)
    began = time.perf_counter()
    server.start()
    try:
        _get(server, f"/python/simple/{PROJECT}/")
        yield "from start to first page", f"{time.perf_counter() - began:.2f} s"
        yield from _pages(server)
        yield from _uploads(server, uploads)
        yield from _memory(server)
        yield from _maintenance(server)
        for name, value in _uploads(server, uploads):
            yield f"after maintenance: {name}", value
    finally:
        server.kill()


def _questions(folder: Path) -> Iterator[Row]:
    """Ask about the past, first without the index of it."""
    (folder / data.TRAIL).unlink(missing_ok=True)
    installation = data.open_installation(folder)
    yield "index of history made anew", _seconds(lambda: installation.trail.catch_up(LEDGER))
    wanted = Wanted(project=project_name(PROJECT))
    found = list(audit.log(installation, wanted))
    if not found or any(event.facts["Project"] != PROJECT for event in found):
        raise SystemExit("the log is wrong")
    yield f"log of a project ({len(found)} events), in process", _median(lambda: list(audit.log(installation, wanted)))
    commit = found[-1].commit[:12]
    yield "index at a past commit, lookup", _median(lambda: history.at(installation.trail, LEDGER, commit))
    command = ("log", PROJECT, "--data", str(folder))
    yield "log of a project, whole command", _median(lambda: waybill(*command), 5)
    yield "  of which any command takes", _median(lambda: waybill("--version"), 5)


def _pages(server: Server) -> Iterator[Row]:
    yield "page of a project, one connection", _median(lambda: _get(server, f"/python/simple/{PROJECT}/"), 200)
    yield "list of all projects", _median(lambda: _get(server, "/python/simple/"), 3)
    yield "log of a project, API", _median(lambda: _get(server, f"/-/api/v1/log?project={PROJECT}"))


def _uploads(server: Server, count: int) -> Iterator[Row]:
    """Publish new small wheels into new projects, one after the other."""
    name = f"later-{uuid.uuid4().hex[:8]}"
    wheels = [wheel(f"{name}-{n % 20}", f"2.{n}") for n in range(count)]
    before, took = _git_bytes(server), []
    written = _written(server)
    for filename, content in wheels:
        began = time.perf_counter()
        answer = upload(server.upload_url, server.token, filename, content)
        took.append(time.perf_counter() - began)
        if answer.status != 200:
            raise SystemExit(f"{filename}: {answer.status} {answer.text}")
    cut = statistics.quantiles(took, n=100)
    yield "uploads, one uploader", f"{count / sum(took):.0f}/s, p50 {cut[49] * 1000:.1f}, p99 {cut[98] * 1000:.1f} ms"
    yield "git repository grows per upload", f"{(_git_bytes(server) - before) / count / 1000:.1f} kB"
    yield "server writes per upload, artifact included", f"{(_written(server) - written) / count / 1000:.1f} kB"


def _memory(server: Server) -> Iterator[Row]:
    sums = {"Rss": 0, "Pss": 0}
    for process in _processes(server):
        for line in (process / "smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in sums:
                sums[name] += int(value.split()[0])
    yield "memory of the server's processes", f"RSS {sums['Rss'] // 1024} MB, PSS {sums['Pss'] // 1024} MB"


def _maintenance(server: Server) -> Iterator[Row]:
    """Let C git answer a question before and after; the server goes on meanwhile."""
    shard = hashlib.sha256(PROJECT.encode()).hexdigest()[:2]
    question = ("log", "--format=%H", LEDGER, "--", f"python/{shard}/{PROJECT}")
    began = time.perf_counter()
    before = _asked(server, question)  # of a million commits, git reads for minutes
    yield "git log -- path, before maintenance", f"{(time.perf_counter() - began) * 1000:.1f} ms"
    for when in ("first maintenance", "maintenance with nothing to do"):
        said = json.loads(_maintain(server))
        if said["problems"]:
            raise SystemExit(f"maintenance: {said['problems']}")
        yield when, f"{said['seconds']:.1f} s, packs {said['packs']}"
    if _asked(server, question) != before:
        raise SystemExit("git log changed its answer")
    yield "git log -- path, after maintenance", _median(lambda: _asked(server, question), 3)
    yield "page of a project, after maintenance", _median(lambda: _get(server, f"/python/simple/{PROJECT}/"), 200)


def _asked(server: Server, question: Sequence[str]) -> str:
    command = ["git", "-C", str(server.git), *question]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=CLEAN, timeout=1800).stdout


def _maintain(server: Server) -> str:
    command = [*WAYBILL, "maintain", "--data", str(server.data), "--grace", "7d"]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=CLEAN).stdout


def _get(server: Server, path: str) -> bytes:
    headers = {"Authorization": authorization(server.token), "Accept": PAGE}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {body[:200]!r}")
    return body


def _median(work: Callable[[], object], times: int = 20) -> str:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return f"{statistics.median(took) * 1000:.1f} ms"


def _seconds(work: Callable[[], object]) -> str:
    began = time.perf_counter()
    work()
    return f"{time.perf_counter() - began:.1f} s"


def _git_bytes(server: Server) -> int:
    return sum(path.stat().st_size for path in (server.git / "objects").rglob("*") if path.is_file())


def _written(server: Server) -> int:
    """Count the bytes the server made the disk write, as the kernel counts them."""
    lines = [(process / "io").read_text().splitlines() for process in _processes(server)]
    return sum(int(line.split()[1]) for io in lines for line in io if line.startswith("write_bytes"))


def _processes(server: Server) -> list[Path]:
    """Find the server and its workers, which all are in its process group."""
    pid = server.process.pid if server.process else 0
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            group = (process / "stat").read_text().rpartition(")")[2].split()[2]
        except OSError:
            continue
        if int(group) == pid:
            found.append(process)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
