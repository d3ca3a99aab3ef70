"""`waybill serve`: the server, ready for production as it starts."""

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import Any

from registry.cli import data, values
from registry.errors import Unavailable
from registry.recovery import recover

THREADS = 64  # per process, made as they are needed; a slow upload holds one
MOST_WORKERS = 4


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("serve", help="serve an installation; makes it on first use")
    parser.add_argument("folder", type=Path, metavar="DIR", nargs="?", default=Path("waybill-data"))
    listen = {"type": values.address, "default": "127.0.0.1:8080", "metavar": "HOST:PORT"}
    parser.add_argument("--bind", **listen, help="default: %(default)s")
    workers = min(MOST_WORKERS, os.cpu_count() or 1)
    parser.add_argument("--workers", type=values.between(1, 64), default=workers, help="default: %(default)s")
    parser.add_argument(
        "--threads", type=values.between(1, 512), default=THREADS, help="per worker (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    folder: Path = options.folder
    if data.is_free(folder):
        data.create(folder, "acme", "admin")
        say = (
            f"Made {folder} for organization acme. A first token:  waybill token create --data {folder} --person admin"
        )
        print(say, file=sys.stderr)
    for line in recover(data.git_folder(folder)):
        print(line, file=sys.stderr)
    data.open_installation(folder)  # says in words what is wrong, before a worker would say it in a traceback
    _check_free(options.bind)
    print(f"Serving {folder} at http://{options.bind}/  (index: /<registry>/simple/)", file=sys.stderr)
    from registry.cli.wsgi import Server  # noqa: PLC0415 - the web server is a third of the start of every command

    Server(folder, options.bind, options.workers, options.threads).run()
    return 0


def _check_free(bind: str) -> None:
    """Say in one sentence what the web server would say in many lines."""
    host, _, port = bind.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], found[1]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[4])
    except OSError as error:
        raise Unavailable(f"--bind: {bind} cannot be used ({error.strerror}); choose another address") from None
