"""C git's http-backend as a process: git's smart protocol over HTTP, streamed both ways (git-http-backend(1), CGI).

It inherits nothing of ours but what is written here, is bounded in memory and time, and is gone, with all that it
started, when its client is.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from registry.errors import Unavailable
from registry.store import hooks
from registry.store.process import Process

AT_ONCE = 8  # per process: each holds a thread, and git needs memory
_MEMORY = 2 * 2**20  # KiB of address space of git itself; a small pack may claim any size
_LIMITED = 'ulimit -S -v "$1" 2>/dev/null; exec "$2" http-backend'
_SETTINGS = {
    "core.packedGitWindowSize": "16m",
    "core.packedGitLimit": "512m",
    "core.bigFileThreshold": "1m",  # larger ones are not held in memory
    "http.getanyfile": "false",
    "http.uploadpack": "true",
    "http.receivepack": "true",
    "pack.threads": "1",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who pushes, as the hooks are told; they look the token up themselves."""

    name: str
    token: str
    pages: str = ""  # where they can look at what they pushed


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the smart protocol."""

    service: str  # git-upload-pack or git-receive-pack
    advertises: bool  # whether it only asks what there is
    content_type: str = ""
    encoding: str = ""
    protocol: str = ""


class Answer:
    """What git answers, as it comes; whoever takes it calls `close`, whatever happens."""

    def __init__(self, run: "Process") -> None:
        self._run = run
        head = run.head()
        fields = [line.partition(":")[::2] for line in head.split("\r\n") if line]
        self.headers = [(name.strip(), value.strip()) for name, value in fields if name.lower() != "status"]
        self.status = next((value.strip() for name, value in fields if name.lower() == "status"), "200 OK")
        self.close = run.close

    def __iter__(self) -> Iterator[bytes]:
        """Give it block by block.

        Raises:
            BrokenPipeError: git broke off. The web server hangs up then; to an answer that is cut and looks whole, git
                clients wait for the rest.
        """
        try:
            while block := self._run.read():
                yield block
        except Unavailable as error:
            raise BrokenPipeError(errno.EPIPE, str(error)) from None
        if not self._run.succeeded():
            raise BrokenPipeError(errno.EPIPE, "git broke off")


class Backend:
    """Runs http-backend on one git repository. Any thread may use it."""

    def __init__(self, program: str, python: str, path: Path) -> None:
        """Nothing is run yet.

        Args:
            program: where C git is.
            python: what the hooks run in.
            path: the bare git repository.
        """
        self._program, self._python, self._path = program, python, path.absolute()
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def call(self, call: Call, caller: Caller, body: Callable[[int], bytes]) -> Answer:
        """Let git answer a request.

        Args:
            call: what is asked.
            caller: who asks, and may.
            body: gives the request's body, so many bytes at a time; what it raises ends git and is passed on.

        Raises:
            Unavailable: git is busy, cannot be run, or failed before it could say so.
        """
        if call.service == "git-receive-pack" and (hook := hooks.missing(self._path)):
            raise Unavailable(
                f"hooks/{hook} of the git repository is missing or cannot be run, so nobody could look at a push. "
                "Restart the server, which puts it there; its disk must not be mounted noexec"
            )
        if not self._free.acquire(blocking=False):
            raise Unavailable(f"{AT_ONCE} git requests are being answered now; try again in a few seconds")
        try:
            run = Process(self._command(), self._environment(call, caller), self._free.release)
        except OSError as error:
            self._free.release()
            raise Unavailable(f"git could not be run ({error.strerror}); try again") from error
        try:
            run.feed(body)
            return Answer(run)
        except BaseException:
            run.close()
            raise

    def _command(self) -> list[str]:
        return ["/bin/sh", "-c", _LIMITED, "git", str(_MEMORY), self._program]

    def _environment(self, call: Call, caller: Caller) -> dict[str, str]:
        settings = {**_SETTINGS, "safe.directory": str(self._path)}
        counted = [(f"GIT_CONFIG_KEY_{n}", key) for n, key in enumerate(settings)]
        counted += [(f"GIT_CONFIG_VALUE_{n}", value) for n, value in enumerate(settings.values())]
        return {
            "PATH": os.defpath,
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_COUNT": str(len(settings)),
            **dict(counted),
            "GIT_PROJECT_ROOT": str(self._path),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "REQUEST_METHOD": "GET" if call.advertises else "POST",
            "PATH_INFO": "/info/refs" if call.advertises else f"/{call.service}",
            "QUERY_STRING": f"service={call.service}" if call.advertises else "",
            "CONTENT_TYPE": call.content_type,
            "HTTP_CONTENT_ENCODING": call.encoding,
            "GIT_PROTOCOL": call.protocol,
            "REMOTE_USER": caller.name,
            hooks.PYTHON: self._python,
            hooks.TOKEN: caller.token,
            hooks.PAGES: caller.pages,
        }
