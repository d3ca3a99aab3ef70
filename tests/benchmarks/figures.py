"""The first plain figures: uploads, pages, and the first page after a start.

Run it with:  .venv/bin/python -m tests.benchmarks.figures
"""

import hashlib
import http.client
import shutil
import statistics
import subprocess
import tempfile
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from registry import names, records
from registry.cli.data import open_installation
from registry.index import file_path, project_folder
from registry.model import Decision, File, Origin, Sha256
from registry.store import LEDGER, NewCommit, Signature
from tests.archives import wheel
from tests.running import Server, new_server, serving

UPLOADS = 400
PAGES_SECONDS = 5
BATCH = 500


def main() -> None:
    """Measure and print a table."""
    with tempfile.TemporaryDirectory(prefix="waybill-figures-") as folder:
        for name, value in {
            **uploads(Path(folder) / "u"),
            **pages(Path(folder) / "p"),
            **first_page(Path(folder) / "f"),
        }.items():
            print(f"{name:<58} {value}")


def uploads(folder: Path) -> dict[str, str]:
    """Measure durable uploads of a small wheel, one after the other and by eight uploaders."""
    folder.mkdir()
    with serving(folder) as server:
        wheels = [wheel(f"bench-{n % 40}", f"1.{n}") for n in range(2 * UPLOADS)]
        took = [_post(server, *made) for made in wheels[:UPLOADS]]
        began = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            parallel = list(pool.map(lambda made: _post(server, *made), wheels[UPLOADS:]))
        elapsed = time.perf_counter() - began
        return {
            "uploads/s, one uploader": f"{UPLOADS / sum(took):.0f}",
            "  p50 / p99 ms": _percentiles(took),
            "uploads/s, eight uploaders": f"{UPLOADS / elapsed:.0f}",
            "  p50 / p99 ms, eight uploaders": _percentiles(parallel),
        }


def pages(folder: Path) -> dict[str, str]:
    """Measure the page of a project with ten files, private, with a token."""
    folder.mkdir()
    with serving(folder) as server:
        for n in range(10):
            _post(server, *wheel("bench", f"1.{n}"))
        url = f"{server.url}/python/simple/bench/"
        command = ["wrk", "-t1", "-c16", f"-d{PAGES_SECONDS}s", "-H", f"Authorization: Basic {_basic(server)}", url]
        if shutil.which("wrk") is None:
            return {"pages/s, 16 connections": "not measured: wrk is not installed"}
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rate = next(line.split()[1] for line in out.splitlines() if "Requests/sec" in line)
        return {"pages/s (10 files, JSON or HTML), 16 connections": rate}


def first_page(folder: Path, files: int = 10_000) -> dict[str, str]:
    """Measure from the start of the process to a correct page, with 10,000 files in the ledger."""
    folder.mkdir()
    server = new_server(folder)
    began = time.perf_counter()
    fill(server.data, files)
    built = time.perf_counter() - began
    try:
        began = time.perf_counter()
        server.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/python/simple/bench-7/", headers={"Authorization": f"Basic {_basic(server)}"})
        page = connection.getresponse().read()
        elapsed = time.perf_counter() - began
        connection.close()
        if b"bench_7-" not in page:
            raise SystemExit("the first page is wrong")
    finally:
        server.kill()
    return {f"s from start to first page, {files:,} files": f"{elapsed:.2f} (ledger built in {built:.1f} s)"}


def fill(data: Path, files: int) -> None:
    """Write a ledger of many files, ten to a project, through the store: one commit each, flushed in batches."""
    installation = open_installation(data)
    store, registry = installation.store, names.registry_name("python")
    who, policy = Signature("bench", "bench@acme.invalid"), installation.policy().commit
    for start in range(0, files, BATCH):
        head, commits = store.head(LEDGER), []
        for n in range(start, min(start + BATCH, files)):
            dist = names.distribution(f"bench_{n // 10}-1.{n % 10}-py3-none-any.whl")
            artifact = dist.filename.encode()
            sha = Sha256(hashlib.sha256(artifact).hexdigest())
            lies = data / "waybill.git" / "lfs" / "objects" / sha[:2] / sha[2:4] / sha
            lies.parent.mkdir(parents=True, exist_ok=True)
            lies.write_bytes(artifact)
            at = datetime.fromtimestamp(head.time, UTC)
            file = File(
                dist,
                sha,
                len(artifact),
                at,
                None,
                None,
                Origin("token", "bench"),
                Decision(policy, "waybill.yaml#admins/0"),
            )
            path = file_path(registry, dist)
            changes: dict[str, bytes | None] = {
                path: records.pointer(sha, len(artifact)),
                f"{path}.json": records.file_record(file, registry),
            }
            if n % 10 == 0:
                record = records.project_record(dist.project, by="bench", at=at)
                changes[f"{project_folder(registry, dist.project)}/project.json"] = record
            commits.append(NewCommit(changes, f"publish: {dist.filename}\n", who, who, head.time))
        store.append(LEDGER, head, commits)


def _post(server: Server, filename: str, content: bytes) -> float:
    """Upload one file on a connection of its own, as uploaders do; give the seconds it took."""
    boundary = "waybillbenchmark"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'.encode()
    body = head + content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Authorization": f"Basic {_basic(server)}"}
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", "/python/", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"upload failed: {answer.status} {text!r}")
    return time.perf_counter() - began


def _basic(server: Server) -> str:
    return b64encode(f"__token__:{server.token}".encode()).decode()


def _percentiles(took: list[float]) -> str:
    cut = statistics.quantiles(took, n=100)
    return f"{cut[49] * 1000:.1f} / {cut[98] * 1000:.1f}"


if __name__ == "__main__":
    main()
