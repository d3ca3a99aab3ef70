"""`waybill serve`: the server, ready for production as it starts."""

import argparse
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from registry.cli import data, forge, rules, values
from registry.cli.imports import without_collector
from registry.errors import Unavailable
from registry.installation import Installation
from registry.recovery import recover
from registry.store import CHANGES
from registry.store.git import GitStore
from registry.tokens import end_of_the_gone

THREADS = 64  # per process, made as they are needed; a slow upload holds one
MOST_WORKERS = 4
BITBUCKET = "WAYBILL_BITBUCKET_TOKEN"


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
    parser.add_argument(
        "--allow-policy-rules",
        action="store_true",
        help="uploads and changes are also checked by the organization's own rules, rules/*_rules.py of branch main: "
        "Python, in a process without credentials and with bounds on time and memory",
    )
    forge.add_to(parser)
    parser.add_argument_group(
        "what CI systems say of their runs",
        f"Bitbucket's identity tokens name no commit. With an access token that may read pipelines in {BITBUCKET} "
        f"(or, from a file, {BITBUCKET}_FILE), its API is asked, and what it answers is recorded as resolved.",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    folder: Path = options.folder
    followed, bitbucket = forge.chosen(options, os.environ), forge.secret(os.environ, BITBUCKET)
    if data.is_free(folder):
        data.create(folder, "acme", "admin")
        say = (
            f"Made {folder} for organization acme. A first token:  waybill token create --data {folder} --person admin"
        )
        print(say, file=sys.stderr)
    for line in recover(data.git_folder(folder)):
        print(line, file=sys.stderr)
    installation = data.open_installation(folder)  # says what is wrong before a worker would, in a traceback
    GitStore(data.git_folder(folder)).equip()
    for name in _healed(installation):
        print(f"Finished the merge of change '{name}', which a killed process had begun", file=sys.stderr)
    with suppress(Unavailable):  # downloads go on from a disk that takes nothing
        end_of_the_gone(installation)
        installation.state.begin()
    installation.state.close()  # before workers are forked
    _check_free(options.bind)
    _follow(folder, followed)
    rules.choose(folder, allowed=options.allow_policy_rules)
    if options.allow_policy_rules:
        print(f"The organization's own rules {rules.chosen(folder, None).wall()}", file=sys.stderr)
    print(f"Serving {folder} at http://{options.bind}/  (index: /<registry>/simple/)", file=sys.stderr)
    with without_collector():
        from registry.cli.wsgi import Server  # noqa: PLC0415 - what was wrong above is said without waiting for it

    chosen = (options.bind, options.workers, options.threads)
    Server(folder, *chosen, followed, bitbucket).run()
    return 0


def _healed(installation: Installation) -> list[str]:
    """Finish what a killed process left of merges; the judge of changes is loaded only where there are some."""
    if not installation.store.branches(CHANGES):
        return []
    from registry.changes import heal  # noqa: PLC0415 - it takes longer than the first page

    return heal(installation)


def _follow(folder: Path, followed: forge.Chosen | None) -> None:
    """Let everybody know where branch main comes from, before anything is served."""
    if followed:
        place = forge.begin(folder, followed).place
        print(f"main follows {place}, looked at every {followed.interval.total_seconds():.0f} s", file=sys.stderr)
    elif data.following(folder).end():
        print("main follows nothing any more; changes are made here again", file=sys.stderr)


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
