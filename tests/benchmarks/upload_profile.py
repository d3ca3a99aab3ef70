"""Where the time of one small upload goes: milliseconds per stage, waiting and computing.

Run it with:  .venv/bin/python -m tests.benchmarks.upload_profile [FOLDER]

FOLDER is where the registry lies (default: the temporary folder); in /dev/shm, flushing costs nothing and what is left
is the processor's work. The stages are timed in this process, each without what the stages inside it took; what a real
server adds for HTTP is seen from outside, by one client on one connection per upload.
"""

import functools
import hashlib
import http.client
import inspect
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

import registry.upload
from registry import archive
from registry.blobs.incoming import Incoming
from registry.blobs.local import LocalBlobs
from registry.installation import View
from registry.store.git import GitStore
from registry.store.objects import GitObjects
from registry.web import upload as face
from tests.archives import wheel
from tests.registry.web.site import Field, basic, multipart, new_site
from tests.running import serving

UPLOADS = 400
WARM = 100
ROOT = "Flask, request log, answer"
_STAGES: list[tuple[str, Any, str]] = [
    (ROOT, Flask, "__call__"),
    ("who asks, may they", face, "caller"),
    ("who asks, may they", face, "permit"),
    ("the form", face, "receive"),
    ("the draft, hashed", LocalBlobs, "incoming"),
    ("the draft, hashed", Incoming, "__init__"),
    ("the draft, hashed", Incoming, "write"),
    ("the draft, hashed", Incoming, "close"),
    ("names and digests agree", registry.upload, "_agree"),
    ("admitted, twice", registry.upload, "_admit"),
    ("admitted, twice", View, "decide"),
    ("the archive inspected", archive, "inspect"),
    ("the artifact kept", LocalBlobs, "publish"),
    ("the commit, prepared", registry.upload, "_record"),
    *(("the git repository", kind, name) for kind in (GitStore, GitObjects) for name in vars(kind) if name[0] != "_"),
]


class Stages:
    """Adds up, per stage, what its functions took without the stages inside them."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)
        self._inside: list[tuple[float, float]] = []

    def watch(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give the function, timed."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._inside.append((0.0, 0.0))
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
                wall_inside, cpu_inside = self._inside.pop()
                self.wall[label] += wall - wall_inside
                self.cpu[label] += cpu - cpu_inside
                if self._inside:
                    wall_around, cpu_around = self._inside[-1]
                    self._inside[-1] = (wall_around + wall, cpu_around + cpu)

        return timed


def form(number: int) -> tuple[bytes, str]:
    """Write the form that twine sends, for a small wheel."""
    project, version = f"bench-{number % 40}", f"1.{number}"
    filename, data = wheel(project, version)
    fields: list[Field] = [
        ("name", project),
        ("version", version),
        ("filetype", "bdist_wheel"),
        ("pyversion", "py3"),
        ("metadata_version", "2.4"),
        ("sha256_digest", hashlib.sha256(data).hexdigest()),
        ("blake2_256_digest", hashlib.blake2b(data, digest_size=32).hexdigest()),
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("content", (filename, data)),
    ]
    return multipart(fields)


def in_process(folder: Path) -> Stages:
    """Upload through the WSGI application alone, each stage timed."""
    site = new_site(folder / "data")
    credentials = basic("__token__", site.token())

    def post(number: int) -> None:
        body, content_type = form(number)
        headers = [("Authorization", credentials), ("Content-Type", content_type)]
        environ = EnvironBuilder("/python/", method="POST", data=body, headers=headers).get_environ()
        _, status, _ = run_wsgi_app(site.app, environ, buffered=True)
        if status != "200 OK":
            raise SystemExit(f"upload refused: {status}")

    for number in range(WARM):
        post(number)
    stages = Stages()
    for label, owner, name in _STAGES:
        if inspect.isfunction(getattr(owner, name)):
            setattr(owner, name, stages.watch(label, getattr(owner, name)))
    for number in range(WARM, WARM + UPLOADS):
        post(number)
    return stages


def over_http(folder: Path) -> float:
    """Give the median milliseconds that one client waits for an upload to a real server of one process."""
    took = []
    with serving(folder, workers=1) as server:
        for number in range(WARM + UPLOADS):
            body, content_type = form(number)
            headers = {"Content-Type": content_type, "Authorization": basic("__token__", server.token)}
            began = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            connection.request("POST", "/python/", body, headers)
            if connection.getresponse().status != 200:
                raise SystemExit("upload refused")
            connection.close()
            took.append(time.perf_counter() - began)
    return statistics.median(took[WARM:]) * 1000


def main() -> None:
    """Measure and print a table."""
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(prefix="waybill-profile-", dir=where) as folder:
        (Path(folder) / "http").mkdir()
        seen = over_http(Path(folder) / "http")
        stages = in_process(Path(folder))
    print(f"{'one small upload':<32} {'ms':>7} {'of it computing':>16}")
    for label in dict.fromkeys(label for label, _, _ in _STAGES):
        print(f"{label:<32} {stages.wall[label] / UPLOADS * 1000:7.2f} {stages.cpu[label] / UPLOADS * 1000:16.2f}")
    inside, computing = (sum(taken.values()) / UPLOADS * 1000 for taken in (stages.wall, stages.cpu))
    print(f"{'together':<32} {inside:7.2f} {computing:16.2f}")
    print(f"{'a client of a real server waits':<32} {seen:7.2f}  (median; the rest is HTTP, both sides)")


if __name__ == "__main__":
    main()
