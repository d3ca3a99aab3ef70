"""Commits of a ledger written by C git's own importer: a million of them in minutes, in one pack."""

import hashlib
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from registry import names, records
from registry.index import file_path, project_folder
from registry.model import Decision, File, Origin, Sha256
from registry.store import LEDGER, NewCommit, Signature
from tests.running import CLEAN

REGISTRY = names.registry_name("python")
_WHO = Signature("alice", "alice@acme.invalid")
_ALLOWED_BY = "waybill.yaml#admins/0"
_FAST = ("-c", "core.compression=1")


@dataclass(frozen=True, slots=True)
class Published:
    """One file that alice published, as far as its commit tells it."""

    filename: str
    sha256: str
    size: int  # bytes
    metadata: bytes
    requires_python: str | None
    at: datetime
    new: bool  # whether it is the first of its project


def publishing(file: Published, policy: str) -> NewCommit:
    """Give the commit that an upload of a file makes.

    Args:
        file: what was uploaded.
        policy: commit of branch main that was in force.
    """
    dist, origin = names.distribution(file.filename), Origin("token", "alice", "benchmark")
    record = File(
        dist=dist,
        sha256=Sha256(file.sha256),
        size=file.size,
        uploaded=file.at,
        requires_python=file.requires_python,
        metadata_sha256=Sha256(hashlib.sha256(file.metadata).hexdigest()),
        origin=origin,
        decision=Decision(policy, _ALLOWED_BY),
    )
    path = file_path(REGISTRY, dist)
    changes: dict[str, bytes | None] = {
        path: records.pointer(record.sha256, record.size),
        f"{path}.json": records.file_record(record, REGISTRY),
        f"{path}.metadata": file.metadata,
    }
    if file.new:
        project = project_folder(REGISTRY, dist.project)
        changes[f"{project}/project.json"] = records.project_record(dist.project, by="alice", at=file.at)
    facts = [
        ("Waybill-Event", "publish"),
        ("Registry", REGISTRY),
        ("Project", dist.project),
        ("Version", dist.version),
        ("File", dist.filename),
        ("Digest", f"sha256:{file.sha256}"),
        ("Trust", origin.trust),
        ("Principal", origin.principal),
        ("Token", "benchmark"),
        ("Policy", policy),
        ("Allowed-By", _ALLOWED_BY),
    ]
    message = records.message(f"publish: {dist.project} {dist.version} {dist.filename}", facts)
    return NewCommit(changes, message, _WHO, _WHO, int(file.at.timestamp()))


def import_commits(git: Path, commits: Iterable[NewCommit]) -> None:
    """Put commits on the ledger of an installation that is not served now.

    Args:
        git: its git repository, whose ledger has a commit already.
        commits: what to write, oldest first; made while they are written, so they may be many.
    """
    command = ["git", "-C", str(git), *_FAST, "fast-import", "--quiet", "--done"]
    importer = subprocess.Popen(command, stdin=subprocess.PIPE, env=CLEAN)
    assert importer.stdin
    with importer.stdin as stream:
        for part in _stream(commits):
            stream.write(part)
    if importer.wait(timeout=3600):
        raise RuntimeError("git fast-import failed; what it said stands above")


def _stream(commits: Iterable[NewCommit]) -> Iterator[bytes]:
    parent = b"from refs/heads/%s^0\n" % LEDGER.encode()
    for commit in commits:
        yield b"commit refs/heads/%s\n" % LEDGER.encode()
        yield b"author %s\ncommitter %s\n" % (_signed(commit.author, commit), _signed(commit.committer, commit))
        yield b"data %d\n%s\n" % (len(message := commit.message.encode()), message) + parent
        for path, content in commit.changes.items():
            if content is None:
                yield b"D %s\n" % path.encode()
            else:
                yield b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)
        parent = b""
    yield b"done\n"


def _signed(who: Signature, commit: NewCommit) -> bytes:
    return f"{who.name} <{who.email}> {commit.time} +0000".encode()
