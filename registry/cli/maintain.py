"""`waybill maintain`, and how a server runs it by itself: as a process of its own, so that no request waits for it."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry.cli import data, values
from registry.errors import WaybillError
from registry.maintenance import GRACE, Place, due, maintain
from registry.store.upkeep import OLDEST

PAUSE = 60.0  # seconds between two looks whether it is time
PAGES = "cache"


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("maintain", help="pack the git repository, remove what nobody needs; a server does so")
    parser.add_argument("--data", type=Path, metavar="DIR", required=True, help="the installation's folder")
    days = f"{GRACE.days}d"
    parser.add_argument(
        "--grace", type=values.span, metavar="SPAN", help=f"keep artifacts without a file so long (default: {days})"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Maintain once and print what was done as one line of JSON; exit 1 when something could not be done."""
    with suppress(OSError):
        os.nice(19)  # C git inherits it: whoever waits for a page comes first
    installation = data.open_installation(options.data)
    folder: Path = options.data
    place = Place(folder, data.git_folder(folder), folder / PAGES)
    progress = values.progress("commits of the history read")
    done = maintain(installation, place, shutil.which("git"), datetime.now(UTC), options.grace, progress)
    print(json.dumps(done))
    if not done["git"]:
        oldest = ".".join(map(str, OLDEST))
        print(f"Install C git {oldest} or newer here: without it packs are many and 'git log' is slow", file=sys.stderr)
    return 1 if done["problems"] else 0


def watch(folder: Path) -> None:
    """Maintain an installation now and then for as long as this process serves it."""
    threading.Thread(target=_watch, args=(folder,), name="maintenance", daemon=True).start()


def _watch(folder: Path) -> None:
    command = [sys.executable, "-m", "registry", "maintain", "--data", str(folder)]
    installation = data.open_installation(folder)
    while True:
        time.sleep(PAUSE * (0.5 + random.random()))  # noqa: S311 - so that workers do not all look at once
        try:
            if due(installation, folder, datetime.now(UTC)):
                subprocess.run(command, check=False)  # noqa: S603 - ourselves; its line goes to this server's log
        except (WaybillError, OSError) as error:
            print(f"maintenance: {error}", file=sys.stderr)
