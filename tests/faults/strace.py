"""System calls of a running server that fail, lie or kill: what a broken disk does to it, at a moment one chooses."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.uploads import until
from tests.tracing import need


@dataclass(frozen=True)
class Trace:
    """What strace wrote."""

    log: Path

    @property
    def injected(self) -> bool:
        """Whether the fault was met."""
        return "(INJECTED)" in self.log.read_text() or "+++ killed by SIGKILL" in self.log.read_text()

    def counted(self) -> Counter[str]:
        """How often a thread made each call, at most."""
        made = Counter(re.findall(r"^(\d+) +(\w+)\(", self.log.read_text(), re.MULTILINE))
        most: Counter[str] = Counter()
        for (_, call), number in made.items():
            most[call] = max(most[call], number)
        return most


@contextmanager
def injecting(pids: list[int], log: Path, fault: str) -> Iterator[Trace]:
    """Attach to processes for the time of a block.

    Args:
        pids: with all their threads, those they start included.
        log: for the trace.
        fault: what strace is to inject, such as "fsync:error=EIO:when=3"; it counts for each thread by itself.
    """
    need("strace")
    calls = fault.partition(":")[0]
    command = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={calls}", "-e", f"inject={fault}"]
    for pid in pids:
        command += ["-p", str(pid)]
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: all(traced(pid) for pid in pids), 10, "strace attaches to every thread")
        yield Trace(log)
    finally:
        tracer.terminate()  # lets the processes go on
        try:
            tracer.wait(timeout=1)
        except subprocess.TimeoutExpired:  # it was asked while it began to wait for a process that is dead
            tracer.kill()
            tracer.wait(timeout=10)


def traced(pid: int) -> bool:
    """Tell whether every thread of a process is watched."""
    try:
        states = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except FileNotFoundError:  # a thread has just ended
        return False
    return all("TracerPid:\t0\n" not in state for state in states)
