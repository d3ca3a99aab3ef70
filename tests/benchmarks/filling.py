"""A ledger of many files in seconds: what uploads would have recorded, written by C git's own importer."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from registry.store import NewCommit
from tests.benchmarks.corpus import REQUIRES_PYTHON, Corpus
from tests.benchmarks.importing import Published, import_commits, publishing
from tests.running import run_git


def fill(data: Path, corpus: Corpus) -> None:
    """Record every file of a corpus in an installation that is not served now, and link its artifact."""
    git = data / "waybill.git"
    policy = run_git(git, "rev-parse", "main").strip()
    for item in corpus.items:
        artifact = git / "lfs" / "objects" / item.sha256[:2] / item.sha256[2:4] / item.sha256
        artifact.parent.mkdir(parents=True, exist_ok=True)
        os.link(corpus.path(item), artifact)
    import_commits(git, _commits(corpus, policy, datetime.now(UTC)))


def _commits(corpus: Corpus, policy: str, now: datetime) -> Iterator[NewCommit]:
    known: set[str] = set()
    for item in corpus.items:
        metadata, new = item.metadata.encode(), item.project not in known
        known.add(item.project)
        file = Published(item.filename, item.sha256, item.size, metadata, REQUIRES_PYTHON, now, new)
        yield publishing(file, policy)
