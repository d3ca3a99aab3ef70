"""A ledger of many files, as years of publishing leave it: real small wheels, one commit each, made in minutes.

    .venv/bin/python -m tests.benchmarks.ledger DIR --files 100000 --projects 10000 --measure

makes DIR where there is none, and prints what one waits for on it. Compare two sizes back to back: figures are noisy.
"""

import argparse
import hashlib
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from registry import names, records
from registry.cli import data
from registry.index import file_path, project_folder
from registry.model import Decision, File, Origin, Sha256
from registry.names import RegistryName
from registry.store import LEDGER, NewCommit, Signature
from tests.archives import core_metadata, wheel
from tests.benchmarks.ledger_measures import measure

BATCH = 500  # commits flushed together
SPACING = 60  # seconds from one commit to the next
ADMIN = "waybill.yaml#admins/0"
WHO = Signature("alice", "alice@acme.invalid")


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
    store, policy = installation.store, installation.policy().commit
    registry = names.registry_name("python")
    head = store.head(LEDGER)
    first = int(time.time()) - files * SPACING
    for start in range(0, files, BATCH):
        commits = []
        for number in range(start, min(start + BATCH, files)):
            at = datetime.fromtimestamp(max(head.time, first + number * SPACING), UTC)
            commits.append(_published(data.git_folder(folder), registry, number, projects, at, policy))
        head = store.append(LEDGER, head, commits)
        if sys.stderr.isatty():
            print(f"{start + len(commits):,} of {files:,} files", end="\r", file=sys.stderr)
    os.sync()  # the artifacts; nobody was promised anything before


def _published(git: Path, registry: RegistryName, number: int, projects: int, at: datetime, policy: str) -> NewCommit:
    """Store one wheel, and give the commit that an upload of it makes."""
    project, version = f"ledger-{number % projects}", f"1.{number // projects}"
    filename, content = wheel(project, version)
    metadata = core_metadata(project, version)
    sha256 = Sha256(hashlib.sha256(content).hexdigest())
    lies = git / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256
    lies.parent.mkdir(parents=True, exist_ok=True)
    lies.write_bytes(content)
    file = File(
        dist=names.distribution(filename),
        sha256=sha256,
        size=len(content),
        uploaded=at,
        requires_python=None,
        metadata_sha256=Sha256(hashlib.sha256(metadata).hexdigest()),
        origin=Origin("token", "alice", "benchmark"),
        decision=Decision(policy, ADMIN),
    )
    path = file_path(registry, file.dist)
    changes: dict[str, bytes | None] = {
        path: records.pointer(sha256, len(content)),
        f"{path}.json": records.file_record(file, registry),
        f"{path}.metadata": metadata,
    }
    if number < projects:
        new = records.project_record(file.dist.project, by="alice", at=at)
        changes[f"{project_folder(registry, file.dist.project)}/project.json"] = new
    facts = [
        ("Waybill-Event", "publish"),
        ("Registry", registry),
        ("Project", project),
        ("Version", version),
        ("File", filename),
        ("Digest", f"sha256:{sha256}"),
        ("Trust", "token"),
        ("Principal", "alice"),
        ("Token", "benchmark"),
        ("Policy", policy),
        ("Allowed-By", ADMIN),
    ]
    message = records.message(f"publish: {project} {version} {filename}", facts)
    return NewCommit(changes, message, WHO, WHO, int(at.timestamp()))


if __name__ == "__main__":
    main()
