"""What a process gives up before it runs a file of rules: files, network, other processes, time and memory.

Linux keeps it from them (`wall.py`); an audit hook, which cannot be taken off again, does so on other systems, and says
in a rule's own words what rules cannot do.
"""

import os
import posix
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from validator import wall
from validator.sandbox import Proposed, Request

_OPEN_FILES = 64
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
_PACKAGES = ("site-packages", "dist-packages")
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
    "pidfd_send_signal", "pthread_kill", "tcsetpgrp", "setns", "unshare", "setsid", "setpgid", "setpgrp",
)  # fmt: skip


def give_up(answer: int, request: Request) -> None:
    """Keep the way to answer, and let Python's own files and the archive be read; nothing else is left.

    Args:
        answer: the file handle that is kept.
        request: its bounds, and what it is about.

    Raises:
        OSError: the system has a wall and could not build it.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(nothing, handle)
    os.closerange(3, answer)
    os.closerange(answer + 1, 4096)
    seconds = int(request.seconds) + 1
    for what, most in (
        (resource.RLIMIT_AS, request.memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(what, (most, most))
    archive = None if isinstance(request.about, Proposed) else request.about.path
    readable = [*_own(), *([archive] if archive else [])]
    wall.build(readable)
    for module in (os, posix, signal, sys.modules["_signal"]):
        for name in _UNHEARD:
            vars(module).pop(name, None)
    _listen(tuple({os.path.realpath(path) for path in readable}))
    for name in [name for name in sys.modules if name.partition(".")[0] in _FOREIGN]:
        del sys.modules[name]
    vars(wall).clear()


def _own() -> list[Path]:
    """List where Python reads its own files from; of a folder that is nobody's packages, only ours."""
    found = [Path(sys.base_prefix), *map(Path, _LIBRARIES)]
    for path in map(Path, filter(None, sys.path)):
        installed = path.is_relative_to(sys.base_prefix) or path.name in _PACKAGES
        found += [path] if installed else [path / "registry", path / "validator"]
    return found


def _listen(readable: tuple[str, ...]) -> None:
    """Refuse what the interpreter announces and rules have no reason for."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            _look(arguments, readable)
        elif event == "import":
            if str(arguments[0]).partition(".")[0] in _FOREIGN | _AGAIN:
                raise PermissionError(f"rules cannot import {arguments[0]}")
        elif event.startswith(_REFUSED):
            raise PermissionError(f"rules cannot do that ({event})")

    sys.addaudithook(hook)


def _look(arguments: tuple[Any, ...], readable: tuple[str, ...]) -> None:
    path, mode, flags = arguments
    if isinstance(path, int):
        return
    name = os.fsdecode(path)
    writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
        isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    )
    if writes:
        raise PermissionError(f"rules cannot write {name}")
    real = os.path.realpath(name)
    if real not in readable and not real.startswith(tuple(f"{folder}/" for folder in readable)):
        raise PermissionError(f"rules cannot read {name}")
