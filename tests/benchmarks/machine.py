"""The machine: which core does what, what the hypervisor takes away, and processes with all their children."""

import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from tests.running import CLEAN

SERVER_CORE, CLIENT_CORE = 0, 1
MOST_STOLEN = 3.0  # percent of the machine's time that the hypervisor may give to others while a cell is measured
TRIES = 3
_IDLE = 90.0  # percent of the machine's time, at which nothing but us waits
_PATIENCE = 60  # seconds that a server may go on with what it does by itself; then it is measured as it is


class Unmeasured(Exception):
    """Something cannot be measured here; the text says why, and stands in the table."""


def need(*tools: str) -> None:
    """Require programs of the system."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise Unmeasured(f"{', '.join(missing)} not installed (Debian: apt-get install {' '.join(missing)})")


def on_core(core: int | None, command: Sequence[str | Path]) -> list[str]:
    """Pin a command to one core; None gives it all of them, whatever this process has."""
    return ["taskset", "-c", f"0-{(os.cpu_count() or 1) - 1}" if core is None else str(core), *map(str, command)]


def keep_to(core: int | None) -> None:
    """Pin this process, which is a client too."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1) if core is None else {core})


class Timed(Protocol):
    """A result that can say what was wrong with it, and how disturbed it is."""

    problem: str | None
    stolen: float


T = TypeVar("T", bound=Timed)


def undisturbed(measure: Callable[[], T]) -> T:
    """Measure, again while the hypervisor took too much of the time; keep the least disturbed try.

    A try that went wrong is the result: measuring until it goes well would hide it.
    """
    best: T | None = None
    for _ in range(TRIES):
        _settle()
        total, _, before = _ticks()
        result = measure()
        after_total, _, after = _ticks()
        result.stolen = round(100 * (after - before) / max(1, after_total - total), 1)
        if result.problem:
            return result
        if best is None or result.stolen < best.stolen:
            best = result
        if best.stolen <= MOST_STOLEN:
            break
    assert best is not None
    return best


def _settle() -> None:
    """Wait until no server is at work: what one does by itself takes time from those it shares a core with."""
    over = time.monotonic() + _PATIENCE
    while time.monotonic() < over:
        total, idle, _ = _ticks()
        time.sleep(0.3)
        after_total, after_idle, _ = _ticks()
        if 100 * (after_idle - idle) >= _IDLE * (after_total - total):
            return


def _ticks() -> tuple[int, int, int]:
    """Read how the machine spent its time: all of it, idle, and taken by the hypervisor."""
    spent = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(spent), spent[3] + spent[4], spent[7]


def described() -> str:
    """Name the machine in one line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 2**20
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({model}), {memory} GiB, {system}"


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """A server with all processes it starts; its own session tells which they are."""

    leader: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, command: Sequence[str | Path], log: Path, core: int | None) -> "Process":
        """Start it; what it says about requests is dropped, what it complains about is kept."""
        with log.open("ab") as complaints:
            leader = subprocess.Popen(
                on_core(core, command), cwd=log.parent, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=complaints, env=CLEAN, start_new_session=True,
            )  # fmt: skip
        return cls(leader, log)

    def stop(self) -> None:
        """Ask the leader to stop, then end whatever is left."""
        self.leader.terminate()
        try:
            self.leader.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.leader.kill()
            self.leader.wait(timeout=10)
        for pid in self._members():
            os.kill(pid, signal.SIGKILL)

    def ended(self) -> str | None:
        """Say how it ended, if it did."""
        if self.leader.poll() is None:
            return None
        last = self.log.read_text(errors="replace").strip().rpartition("\n")[2]
        return f"ended with {self.leader.returncode}: {last[-300:]}"

    def memory(self) -> float:
        """Add up what all its processes hold, in MB, shared pages shared out among those who share them (PSS)."""
        return sum(_pss(pid) for pid in self._members()) / 1024

    def _members(self) -> list[int]:
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = int(stat.read_text().rpartition(")")[2].split()[3])
            except OSError:
                continue
            if session == self.leader.pid:
                found.append(int(stat.parent.name))
        return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def run(*command: str | Path, timeout: float = 600) -> str:
    """Run a tool; a failure is a reason why something was not measured."""
    words = [str(part) for part in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=timeout, env=CLEAN)
    except subprocess.TimeoutExpired:
        raise Unmeasured(f"{Path(words[0]).name} took longer than {timeout:.0f} s") from None
    if done.returncode:
        raise Unmeasured(f"{Path(words[0]).name} failed: {(done.stderr or done.stdout).strip()[-200:]}")
    return done.stdout


def wait(ready: Callable[[], bool], process: Process, seconds: float = 120) -> float:
    """Wait until a server answers as it should, and tell how long that took."""
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        try:
            if ready():
                return time.perf_counter() - began
        except OSError:
            pass
        if reason := process.ended():
            raise Unmeasured(f"the server {reason}")
        time.sleep(0.005)
    raise Unmeasured(f"no right answer within {passed:.0f} s")
