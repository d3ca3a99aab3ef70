"""An organization's own rules in a process of their own: no credentials, bounded time and memory, nothing to reach.

What happens there is in `jail.py`, and what Linux keeps it from in `wall.py`. Rules are reviewed like the rest of the
policy; this keeps a mistake, or a rule that nobody read closely enough, from harming anybody else.
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
from validator.verdict import Said

SECONDS = 5.0  # of all rules together
STARTING = 5.0  # seconds more until the whole process is given up
MEMORY = 512 * 2**20  # bytes of address space
AT_ONCE = 4  # processes; more uploads wait
LONGEST_ANSWER = 1 << 20  # bytes
_SENTENCES = 20  # of one answer that are passed on
_SENTENCE = 1000  # characters

_places = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class Proposed:
    """A policy that would follow the one whose rules are asked."""

    files: Mapping[str, bytes]
    commit: str
    author: str | None


@dataclass(frozen=True)
class Request:
    """What the process is given; plain values, so that it needs nothing of ours but the validator."""

    files: Mapping[str, bytes]  # the policy whose rules are asked
    commit: str
    about: Arrival | Proposed
    now: datetime
    memory: int
    seconds: float


@dataclass(frozen=True)
class Answer:
    """What the rules had to say."""

    said: tuple[Said, ...]
    settled: bool  # whether asked again they would say the same: none was late, or broke off


def ask(python: str, request: Request) -> Answer:
    """Run the rules.

    Args:
        python: the interpreter.
        request: what about.

    Raises:
        Invalid: the process did not end as it should; nothing may be stored then.
        Unavailable: no process was free, or could be started.
    """
    if not _places.acquire(timeout=2 * request.seconds):
        raise Unavailable("The organization's own rules are busy with other questions; try again in a few seconds")
    try:
        return _read(_run(python, request))
    finally:
        _places.release()


def _run(python: str, request: Request) -> bytes:
    """Give what the process said, as far as it came."""
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
    timer = threading.Timer(request.seconds + STARTING, _kill, [child])
    timer.start()
    try:
        with suppress(BrokenPipeError):
            child.stdin.write(pickle.dumps(request)) if child.stdin else None
            child.stdin.close() if child.stdin else None
        return child.stdout.read(LONGEST_ANSWER + 1) if child.stdout else b""
    finally:
        timer.cancel()
        _kill(child)
        child.wait()
        if child.stdout:
            child.stdout.close()


def _kill(child: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _read(said: bytes) -> Answer:
    try:
        answer: Any = json.loads(said)
        found = [Said(str(words)[:_SENTENCE], file, line, error) for words, file, line, error in answer["said"]]
        settled = bool(answer["settled"])
    except (ValueError, RecursionError, KeyError, TypeError):
        raise Invalid(
            "The organization's own rules gave no answer, so nothing was stored; try again, and if it stays so, "
            "whoever owns rules/ has to mend them"
        ) from None
    first = sorted(found, key=lambda one: not one.error)
    return Answer(tuple(first[:_SENTENCES]), settled)
