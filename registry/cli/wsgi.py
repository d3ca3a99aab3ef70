"""The WSGI server, and nothing else that starts one.

gunicorn with threads: it hands a refusal's own reason phrase to the client (twine prints nothing else), streams bodies
unbuffered, and stops without dropping what it accepted. granian serves faster and replaces every reason phrase.
"""

import logging
import os
import resource
import shutil
import signal
import sys
import time
from contextlib import suppress
from mmap import mmap
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from registry.blobs.local import LocalBlobs
from registry.cli import data, maintain
from registry.cli.follow import Watch
from registry.cli.forge import Chosen
from registry.cli.worker import STOPS, Worker
from registry.credentials import REDACTED
from registry.maintenance import last
from registry.resolving import Resolver
from registry.sessions import Sessions
from registry.store.backend import Backend
from registry.web import create_app
from registry.web.hooks import Hook

AGAIN = 1.0  # seconds until a worker that could not begin is followed by another one
GRACE = 60  # seconds a stopping server gives its open uploads
CONNECTIONS = 10_000  # per process, as far as the system allows open files
SPARE_FILES = 256  # of a process, for everything but connections
SWITCH = 0.0005  # seconds a thread goes on while others wait; at 5 ms, one upload makes every page wait
_SERVED = mmap(-1, 1)  # shared by all processes of the server: whether a worker has ever begun to serve


class RedactedLogger(Logger):
    """gunicorn's log, which quotes malformed requests as they came, secrets included."""

    def setup(self, cfg: Any) -> None:
        """Let no line pass before its secrets are gone."""
        super().setup(cfg)
        self.error_log.addFilter(_without_secrets)


def _without_secrets(record: logging.LogRecord) -> bool:
    record.msg, record.args = REDACTED.sub("wb_[redacted]", record.getMessage()), ()
    return True


class PatientWorker(Worker):
    """A worker that cannot begin does not end a server that has served: files or memory may be short just now."""

    def init_process(self) -> None:
        """Begin, and serve."""
        try:
            super().init_process()
        except Exception as error:
            if self.booted or not _SERVED[0]:
                raise
            self.log.error("Worker (pid:%s) could not begin (%s); another one is tried", self.pid, error)  # noqa: TRY400 - no defect
            time.sleep(AGAIN)
            sys.exit(1)  # not the code by which gunicorn's master gives up

    def run(self) -> None:
        """Serve, and at the end write what was counted meanwhile."""
        _SERVED[0] = 1
        try:
            super().run()
        finally:
            self.express.front.finish()


class Master(Arbiter):
    """gunicorn's master; no worker of ours misses the signal to stop.

    Between its fork and its first line of its own, a worker still has the master's handlers, which would note the
    signal for a master that it is not, and go on until the master's patience ends.
    """

    def spawn_worker(self) -> Any:
        """Fork a worker to which signals come when it can heed them (see `Worker.init_signals`)."""
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        try:
            return super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


class Server(BaseApplication):
    """gunicorn, configured here and nowhere else."""

    def __init__(
        self,
        folder: Path,
        bind: str,
        workers: int,
        threads: int,
        followed: Chosen | None = None,
        bitbucket: str | None = None,
        *,
        own_rules: bool = False,
    ) -> None:
        """Take what an operator chooses.

        Args:
            folder: the installation.
            bind: HOST:PORT.
            workers: processes.
            threads: of each process.
            followed: what branch `main` follows.
            bitbucket: a token for its API; None: it is not asked.
            own_rules: whether uploads are asked by the organization's own rules too.
        """
        self._bitbucket = bitbucket
        self._own = sys.executable if own_rules else None
        self._folder, self._threads, self._followed = folder, threads, followed
        self._chosen = {"bind": bind, "workers": workers, "threads": threads}
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        shared_memory = "/dev/shm"  # noqa: S108 - gunicorn's heartbeat files; on a slow disk they look like a hang
        fixed = {
            "worker_class": PatientWorker,
            "forwarder_headers": "",  # by default, a client on the same host may set SCRIPT_NAME
            "secure_scheme_headers": {"X-FORWARDED-PROTO": "https"},  # of a proxy on the same host, and only this one
            "graceful_timeout": GRACE,
            "worker_connections": _connections(self._threads),
            "control_socket_disable": True,
            "worker_tmp_dir": shared_memory if os.access(shared_memory, os.W_OK) else None,
            "proc_name": "waybill",
            "logger_class": RedactedLogger,
        }
        for name, value in {**fixed, **self._chosen}.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        """Serve until told to stop."""
        Master(self).run()

    def load(self) -> Any:
        """Make the application, in each worker; one that follows a killed worker removes the drafts it left."""
        sys.setswitchinterval(SWITCH)
        LocalBlobs(data.git_folder(self._folder) / "lfs").sweep()
        maintain.watch(self._folder)
        installation, cache = data.open_installation(self._folder, own=self._own), data.cache_folder(self._folder)
        installation.resolver = Resolver(self._bitbucket)
        git = shutil.which("git")
        backend = Backend(git, sys.executable, data.git_folder(self._folder)) if git else None
        sessions = Sessions(data.sessions_file(self._folder))
        return create_app(
            installation,
            _write_line,
            cache,
            maintained=self._maintained,
            backend=backend,
            sessions=sessions,
            hook=self._hook(),
        )

    def _maintained(self) -> dict[str, Any]:
        return last(self._folder).facts

    def _hook(self) -> Hook | None:
        """Follow the policy's remote, and tell who may say that it moved."""
        if self._followed is None:
            return None
        watch = Watch(self._folder, self._followed, _write_line)
        watch.start()
        return Hook(self._followed.hook, watch.poke)


def _connections(threads: int) -> int:
    """Allow as many open files as the system lets us, and tell how many connections that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + SPARE_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    room = wanted if soft == resource.RLIM_INFINITY else min(wanted, soft)
    return max(threads + 1, room - SPARE_FILES)


def _write_line(line: str) -> None:
    with suppress(OSError):  # where the log has no room left, requests are answered all the same
        sys.stdout.write(line + "\n")  # one write call per line, so that workers do not mix theirs
        sys.stdout.flush()
