"""An organization's own rules in a process of their own: no credentials, bounded time and memory, nothing to reach.

What the child may do is in `jail.py`. Rules are reviewed like the rest of the policy; this keeps a mistake, or a rule
that nobody read closely enough, from harming anybody else.
"""

import json
import os
import pickle
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.checking import Arrival
from registry.errors import Invalid, Unavailable

SECONDS = 5.0  # from start to end, of all rules together
MEMORY = 512 * 2**20  # bytes of address space
AT_ONCE = 4  # processes; more uploads wait
LONGEST_ANSWER = 1 << 20  # bytes
_SENTENCES = 20  # of one answer that are passed on
_SENTENCE = 1000  # characters

_places = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class Request:
    """What the child is given; plain values, so that it needs nothing of ours but the validator."""

    files: Mapping[str, bytes]  # the policy
    commit: str
    arrival: Arrival
    now: datetime
    memory: int
    seconds: float


def ask(python: str, request: Request) -> tuple[str, ...]:
    """Run the rules.

    Args:
        python: the interpreter.
        request: what about.

    Returns:
        The sentences of those that refuse.

    Raises:
        Invalid: they did not end as they should; nothing may be stored then.
        Unavailable: no process was free, or could be started.
    """
    if not _places.acquire(timeout=2 * request.seconds):
        raise Unavailable("The organization's own rules are busy with other uploads; try again in a few seconds")
    try:
        return _sentences(_run(python, request), request)
    finally:
        _places.release()


def _run(python: str, request: Request) -> bytes | None:
    """Give what the child said; None where it had to be killed."""
    try:
        child = subprocess.Popen(  # noqa: S603 - fixed words
            [python, "-I", "-m", "validator.jail"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"The organization's own rules cannot be started ({error.strerror}); try again") from None
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(child)

    timer = threading.Timer(request.seconds, stop)
    timer.start()
    try:
        with suppress(BrokenPipeError):
            child.stdin.write(pickle.dumps(request)) if child.stdin else None
            child.stdin.close() if child.stdin else None
        said: bytes = child.stdout.read(LONGEST_ANSWER + 1) if child.stdout else b""
    finally:
        timer.cancel()
        _kill(child)
        child.wait()
        if child.stdout:
            child.stdout.close()
    return None if late.is_set() else said


def _kill(child: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _sentences(said: bytes | None, request: Request) -> tuple[str, ...]:
    if said is None:
        raise Invalid(
            f"The organization's own rules did not end within {request.seconds:g} seconds, so nothing was stored; "
            "whoever owns rules/ has to mend them"
        )
    try:
        answer: Any = json.loads(said)
        found = tuple(str(one)[:_SENTENCE] for one in answer["refuses"])
    except (ValueError, RecursionError, KeyError, TypeError):
        raise Invalid(
            "The organization's own rules broke off without an answer, so nothing was stored; they may have asked for "
            f"more than {request.memory // 2**20} MiB of memory. Whoever owns rules/ has to mend them"
        ) from None
    return found[:_SENTENCES]
