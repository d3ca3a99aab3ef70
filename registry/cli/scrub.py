"""`waybill scrub`: is everything that is stored still what was stored?"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from registry.cli import data
from registry.scrub import scrub
from registry.shown import shown

_OFTEN = 0.1  # seconds between two states of the progress bar
_WIDTH = 30


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("scrub", help="read everything that is stored and compare it with its digests")
    parser.add_argument("--data", type=Path, metavar="DIR", required=True, help="the installation's folder")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check an installation; exit 1 when something is damaged."""
    data.open_installation(options.data)  # says in words that there is none
    bar = _Bar()
    found = []
    for damage in scrub(options.data, data.git_folder(options.data), bar.show):
        found.append(asdict(damage))
        if not options.json:
            bar.clear()
            print(shown(f"{damage.file}: {damage.problem}; {damage.repair}"), flush=True)
    bar.clear()
    counted = ", ".join(f"{number} {what}" for what, number in bar.counted.items())
    if options.json:
        print(json.dumps({"checked": bar.counted, "damaged": found}))
    print(f"Checked {counted}: {len(found) or 'none'} damaged", file=sys.stderr)
    return 1 if found else 0


class _Bar:
    """How far it is, on a terminal only."""

    def __init__(self) -> None:
        self.counted: dict[str, int] = {}
        self._shown = 0.0

    def show(self, what: str, number: int, total: int | None) -> None:
        """Count one more thing."""
        self.counted[what] = number
        now = time.monotonic()
        if sys.stderr.isatty() and (now - self._shown > _OFTEN or number == total):
            self._shown = now
            done = "#" * (_WIDTH * number // total) if total else ""
            text = f"[{done:{_WIDTH}}] {number}/{total} {what}" if total else f"{number} {what}"
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave the line to what is said next."""
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
