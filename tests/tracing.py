"""System calls of a Python program, as the kernel saw them: the only proof that something was flushed."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

CALLS = "fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,mkdir"
_QUOTED = re.compile(r'"([^"]*)"')


def lacking(reason: str) -> NoReturn:
    """Skip what this machine cannot show; in CI, where the suite must be complete, fail."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; this suite must not be thinner here")
    pytest.skip(reason)


def need(tool: str) -> None:
    """Require a tool of the system."""
    if shutil.which(tool) is None:
        lacking(f"{tool} is not installed")


@dataclass(frozen=True)
class Call:
    """One successful call that changes or flushes the file system."""

    name: str  # without the variants: fsync, rename, link, unlink, mkdir
    path: str
    to: str = ""  # of rename and link


def trace(folder: Path, program: str, *arguments: str, inject: str = "") -> list[Call]:
    """Run a Python program under strace.

    Args:
        folder: for the trace.
        program: its source.
        arguments: its sys.argv[1:].
        inject: what strace makes fail, such as "fsync:error=EIO:when=3"; the exit code is then not checked.
    """
    need("strace")
    log = folder / "trace"
    command = ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(log)]
    if inject:
        command += ["-e", f"inject={inject}"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([*command, sys.executable, "-c", program, *arguments], check=not inject, env=env, timeout=60)
    return [call for line in log.read_text().splitlines() if (call := _read(line))]


@contextmanager
def failing(folder: Path, pids: Collection[str], inject: str) -> Iterator[None]:
    """Make system calls of running processes fail, for the time of a block.

    Args:
        folder: for what strace says.
        pids: the processes; those they start, and all threads, are meant too.
        inject: which call and how, such as "fsync:error=EIO:when=3"; strace counts per thread.
    """
    need("strace")
    calls = inject.partition(":")[0]
    log = folder / "strace"
    command = ["strace", "-f", "-o", os.devnull, "-e", f"trace={calls}", "-e", f"inject={inject}"]
    with log.open("w") as said:
        strace = subprocess.Popen([*command, *(f"-p{pid}" for pid in pids)], stderr=said)
    try:
        deadline = time.monotonic() + 20
        while any(f"Process {pid} attached" not in log.read_text() for pid in pids):
            if strace.poll() is not None or time.monotonic() > deadline:
                lacking(f"strace cannot attach to a running process: {log.read_text()}")
            time.sleep(0.02)
        yield
    finally:
        strace.terminate()
        strace.wait(timeout=20)


def _read(line: str) -> Call | None:
    called = re.match(r"\d+ +(\w+)\((.*)\) += 0", line)
    if not called:
        return None
    name, arguments = called.groups()
    if name in {"fsync", "fdatasync"}:
        return Call("fsync", arguments.partition("<")[2].rpartition(">")[0])
    paths = _QUOTED.findall(arguments)
    return Call(re.sub(r"at2?$", "", name), paths[0], paths[1] if len(paths) > 1 else "")
