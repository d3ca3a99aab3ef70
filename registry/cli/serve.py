"""`waybill serve`: the server, ready for production as it starts.

gunicorn with threads: it hands a refusal's own reason phrase to the client (twine prints nothing else), streams bodies
unbuffered, and stops without dropping what it accepted. granian serves faster and replaces every reason phrase.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from registry.cli import house
from registry.errors import Invalid
from registry.store.recovery import recover
from registry.web import create_app

THREADS = 16  # per process; a slow upload holds one
MOST_WORKERS = 4
GRACE = 60  # seconds a stopping server gives its open uploads


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("serve", help="serve an installation; makes it on first use")
    parser.add_argument("folder", type=Path, metavar="DIR", nargs="?", default=Path("waybill-data"))
    parser.add_argument("--bind", default="127.0.0.1:8080", metavar="HOST:PORT", help="default: %(default)s")
    parser.add_argument(
        "--workers", type=int, default=min(MOST_WORKERS, os.cpu_count() or 1), help="default: %(default)s"
    )
    parser.add_argument("--threads", type=int, default=THREADS, help="per worker (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    host, colon, port = options.bind.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 65536):
        raise Invalid(f"--bind: {options.bind!a} is not HOST:PORT, such as 127.0.0.1:8080")
    if not 1 <= options.workers <= 64 or not 1 <= options.threads <= 512:
        raise Invalid("--workers takes 1 to 64, --threads 1 to 512")
    folder: Path = options.folder
    if not folder.exists() or not any(folder.iterdir()):
        house.create(folder, "acme", "admin")
        print(
            f"Made {folder} for organization acme. A first token:  waybill token create --data {folder} --person admin",
            file=sys.stderr,
        )
    for line in recover(house.git_folder(folder)):
        print(line, file=sys.stderr)
    house.open_installation(folder)  # says in words what is wrong, before a worker would say it in a traceback
    print(f"Serving {folder} at http://{options.bind}/  (index: /<registry>/simple/)", file=sys.stderr)
    _Server(options).run()
    return 0


class _Server(BaseApplication):
    """gunicorn, configured here and nowhere else."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        shared_memory = "/dev/shm"  # noqa: S108 - gunicorn's heartbeat files; on a slow disk they look like a hang
        settings = {
            "bind": self._options.bind,
            "workers": self._options.workers,
            "worker_class": "gthread",
            "threads": self._options.threads,
            "graceful_timeout": GRACE,
            "keepalive": 75,
            "control_socket_disable": True,
            "worker_tmp_dir": shared_memory if os.access(shared_memory, os.W_OK) else None,
            "proc_name": "waybill",
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application, in each worker."""
        return create_app(house.open_installation(self._options.folder), log=_write_line)


def _write_line(line: str) -> None:
    sys.stdout.write(line + "\n")  # one write call per line, so that workers do not mix theirs
    sys.stdout.flush()
