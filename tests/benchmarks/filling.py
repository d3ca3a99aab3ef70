"""A ledger of many files in seconds: what uploads would have recorded, written by C git's own importer."""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from registry import names, records
from registry.index import file_path, project_folder
from registry.model import Decision, File, Origin, Sha256
from tests.benchmarks.corpus import REQUIRES_PYTHON, Corpus, Item
from tests.running import CLEAN, run_git

REGISTRY = names.registry_name("python")
_ALLOWED_BY = "waybill.yaml#admins/0"


def fill(data: Path, corpus: Corpus) -> None:
    """Record every file of a corpus in an installation that is not served now, and link its artifact."""
    git = data / "waybill.git"
    policy = run_git(git, "rev-parse", "main").strip()
    for item in corpus.items:
        artifact = git / "lfs" / "objects" / item.sha256[:2] / item.sha256[2:4] / item.sha256
        artifact.parent.mkdir(parents=True, exist_ok=True)
        os.link(corpus.path(item), artifact)
    importer = subprocess.Popen(
        ["git", "-C", str(git), "fast-import", "--quiet", "--done"], stdin=subprocess.PIPE, env=CLEAN
    )
    assert importer.stdin
    with importer.stdin as stream:
        for part in _stream(corpus, policy, datetime.now(UTC)):
            stream.write(part)
    if importer.wait(timeout=600):
        raise RuntimeError("git fast-import failed; what it said stands above")


def _stream(corpus: Corpus, policy: str, now: datetime) -> Iterator[bytes]:
    known: set[str] = set()
    start = b"from refs/heads/ledger^0\n"
    for item in corpus.items:
        yield _commit(_message(item, policy), int(now.timestamp())) + start
        for path, content in _changes(item, policy, now, new=item.project not in known).items():
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)
        known.add(item.project)
        start = b""
    yield b"done\n"


def _commit(message: bytes, seconds: int) -> bytes:
    return (
        b"commit refs/heads/ledger\nauthor alice <alice@acme.invalid> %d +0000\n"
        b"committer Waybill <registry@acme.invalid> %d +0000\ndata %d\n%s\n"
    ) % (seconds, seconds, len(message), message)


def _message(item: Item, policy: str) -> bytes:
    facts = [
        ("Waybill-Event", "publish"),
        ("Registry", REGISTRY),
        ("Project", item.project),
        ("Version", item.version),
        ("File", item.filename),
        ("Digest", f"sha256:{item.sha256}"),
        ("Trust", "token"),
        ("Principal", "alice"),
        ("Policy", policy),
        ("Allowed-By", _ALLOWED_BY),
    ]
    return records.message(f"publish: {item.project} {item.version} {item.filename}", facts).encode()


def _changes(item: Item, policy: str, now: datetime, *, new: bool) -> Mapping[str, bytes]:
    dist, metadata = names.distribution(item.filename), item.metadata.encode()
    file = File(
        dist=dist,
        sha256=Sha256(item.sha256),
        size=item.size,
        uploaded=now,
        requires_python=REQUIRES_PYTHON,
        metadata_sha256=Sha256(hashlib.sha256(metadata).hexdigest()),
        origin=Origin("token", "alice"),
        decision=Decision(policy, _ALLOWED_BY),
    )
    path = file_path(REGISTRY, dist)
    changes = {
        path: records.pointer(file.sha256, file.size),
        f"{path}.json": records.file_record(file, REGISTRY),
        f"{path}.metadata": metadata,
    }
    if new:
        project = project_folder(REGISTRY, dist.project)
        changes[f"{project}/project.json"] = records.project_record(dist.project, by="alice", at=now)
    return changes
