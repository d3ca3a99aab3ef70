"""The inside of the sandbox: reads one request, gives up what rules do not need, asks them, and says what refuses.

An audit hook cannot be taken off again. It is no wall against a determined attacker in native code, which is why the
process has no credentials and belongs to nobody else.
"""

import contextlib
import json
import os
import pickle
import posix
import resource
import signal
import sys
from typing import Any

from registry.errors import WaybillError
from registry.policy.content import Content
from registry.policy.policy import Policy
from registry.store import Entry
from validator import loading
from validator.engine import run
from validator.sandbox import Request
from validator.serving import arrived, own_plan

_OPEN_FILES = 64
# Events of the interpreter that no rule has a reason for. https://docs.python.org/3/library/audit_events.html
_REFUSED = (
    "socket.", "subprocess.", "ctypes.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.kill",
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.chflags", "os.utime", "os.setxattr", "os.removexattr", "os.startfile", "shutil.", "tempfile.", "pty.",
    "ftplib.", "http.client", "smtplib.", "sqlite3.", "webbrowser.", "signal.pthread_kill", "resource.", "syslog.",
    "gc.get_objects", "gc.get_referrers", "_thread.start_new_thread", "cpython.run_",
)  # fmt: skip
_FOREIGN = {"ctypes", "_ctypes", "cffi", "_cffi_backend", "multiprocessing", "_posixsubprocess", "_posixshmem"}
_AGAIN = {"posix", "os", "_signal", "signal"}  # imported anew, they would have again what is taken from them
# What reaches other processes, or makes files, and is no event. https://docs.python.org/3/library/os.html
_UNHEARD = (
    "pidfd_open", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "setpriority", "mkfifo", "mknod",
    "pidfd_send_signal", "pthread_kill", "tcsetpgrp", "setns", "unshare",
)  # fmt: skip


class _Files:
    """The policy, as the request has it."""

    def __init__(self, files: dict[str, bytes], commit: str) -> None:
        self.id = commit
        self._files = files

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)

    def entries(self, path: str) -> dict[str, Content]:
        start = f"{path}/" if path else ""
        below = {n.removeprefix(start).partition("/")[0]: n for n in self._files if n.startswith(start)}
        return {name: Entry("", folder=start + name != whole) for name, whole in below.items()}


def main() -> None:
    """Answer one request."""
    request: Request = pickle.load(sys.stdin.buffer)  # noqa: S301 - the server's own
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    policy = Policy(_Files(dict(request.files), request.commit))
    loading.shipped()  # and with them pytest's rewriting, where there is one
    _give_up(request)
    os.write(answer, json.dumps({"refuses": _asked(policy, request)}).encode())
    os._exit(0)  # whatever a rule has left behind to be done at the end


def _asked(policy: Policy, request: Request) -> list[str]:
    try:
        plan = own_plan(policy, request.now)
    except WaybillError as error:
        return [str(error)]
    return [found.words for found in run(plan, arrived(policy, request.arrival, request.now)) if found.refuses]


def _give_up(request: Request) -> None:
    """Bound what the process may take, and let it reach only the archive and Python's own files."""
    seconds = int(request.seconds) + 1
    for what, most in (
        (resource.RLIMIT_AS, request.memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(what, (most, most))
    for module in (os, posix, signal, sys.modules["_signal"]):
        for name in _UNHEARD:
            vars(module).pop(name, None)
    readable = tuple({os.path.realpath(path) for path in (*sys.path, sys.prefix, sys.base_prefix) if path})
    archive = str(request.arrival.path)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            _look(arguments, readable, archive)
        elif event == "import":
            if str(arguments[0]).partition(".")[0] in _FOREIGN | _AGAIN:
                raise PermissionError(f"rules cannot import {arguments[0]}")
        elif event.startswith(_REFUSED):
            raise PermissionError(f"rules cannot do that ({event})")

    sys.addaudithook(hook)


def _look(arguments: tuple[Any, ...], readable: tuple[str, ...], archive: str) -> None:
    path, mode, flags = arguments
    if isinstance(path, int):
        return
    name = os.fsdecode(path)
    writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
        isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    )
    if writes:
        raise PermissionError(f"rules cannot write {name}")
    if name != archive and not os.path.realpath(name).startswith(tuple(f"{folder}/" for folder in readable)):
        raise PermissionError(f"rules cannot read {name}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
