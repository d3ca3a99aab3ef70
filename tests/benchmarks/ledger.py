"""A ledger of many files, as years of publishing leave it: real small wheels, one commit each, made in minutes.

    .venv/bin/python -m tests.benchmarks.ledger DIR --files 100000 --projects 10000 --measure

makes DIR where there is none, and prints what one waits for on it. Compare two sizes back to back: figures are noisy.
"""

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from registry.cli import data
from registry.store import LEDGER, NewCommit
from tests.archives import core_metadata, wheel
from tests.benchmarks.importing import Published, import_commits, publishing
from tests.benchmarks.ledger_measures import measure

SPACING = 60  # seconds from one commit to the next
PROGRESS = 1_000  # files from one report to the next


def main() -> None:
    """Build, and measure if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--projects", type=int, default=10_000)
    parser.add_argument("--measure", action="store_true", help="print a table; adds some files and maintains DIR")
    options = parser.parse_args()
    if not data.git_folder(options.folder).exists():
        began = time.perf_counter()
        build(options.folder, options.files, options.projects)
        print(f"built in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    if options.measure:
        print(f"| {options.folder.name} | measured |\n|---|---|")
        for name, value in measure(options.folder):
            print(f"| {name} | {value} |", flush=True)


def build(folder: Path, files: int, projects: int) -> None:
    """Make an installation that holds many files, the newest of them published now.

    Args:
        folder: where; there is none yet.
        files: how many.
        projects: how many projects share them, each with a file of each version.
    """
    installation = data.create(folder, "acme", "alice")
    policy, head = installation.policy().commit, installation.store.head(LEDGER)
    first = int(time.time()) - files * SPACING

    def commits() -> Iterator[NewCommit]:
        for number in range(files):
            at = datetime.fromtimestamp(max(head.time, first + number * SPACING), UTC)
            yield publishing(_stored(data.git_folder(folder), number, projects, at), policy)
            if number % PROGRESS == 0 and sys.stderr.isatty():
                print(f"{number:,} of {files:,} files", end="\r", file=sys.stderr)

    import_commits(data.git_folder(folder), commits())
    os.sync()  # nobody was promised anything before


def _stored(git: Path, number: int, projects: int, at: datetime) -> Published:
    """Store one wheel, and tell what its commit says."""
    project, version = f"ledger-{number % projects}", f"1.{number // projects}"
    filename, content = wheel(project, version)
    sha256 = hashlib.sha256(content).hexdigest()
    lies = git / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256
    lies.parent.mkdir(parents=True, exist_ok=True)
    lies.write_bytes(content)
    return Published(filename, sha256, len(content), core_metadata(project, version), None, at, new=number < projects)


if __name__ == "__main__":
    main()
