"""A clone of the ledger as subjects: every file with its record, every commit."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from registry.errors import NotFound, Unavailable, WaybillError
from registry.index import Index, file_path, release_folder
from registry.model import File, Origin
from registry.names import ProjectName, RegistryName, distribution
from registry.policy.decide import Allowed, Denied, decide
from registry.policy.policy import Policy
from registry.policy.roles import Action, Principal
from registry.records import parsed, read_file_record
from registry.store import Snapshot
from registry.store.clone import Clone
from validator.history import Recorded, history, unreadable
from validator.materials.rights import Rights
from validator.metadata import CoreMetadata
from validator.rule import Situation
from validator.spool import Spool
from validator.subject import Absent, Fixtures, Material, Subject
from validator.things import Distributed, Provenance

_KINDS = {
    "record": "file", "file": "file", "metadata": "file", "provenance": "file", "project": "file",
    "commit": "commit", "published": "published",
}  # fmt: skip
_BESIDE = {"tokens", "changes"}


@dataclass(frozen=True)
class LedgerFile:
    """What the ledger holds of one file."""

    path: str  # of the LFS pointer
    registry: str
    text: bytes  # the record
    pointer: bytes | None
    metadata: bytes | None
    attestations: bytes | None
    policies: Callable[[str], Policy]  # by commit of branch main

    @cached_property
    def file(self) -> File:
        """What the record says."""
        return read_file_record(self.text)

    @property
    def data(self) -> dict[str, Any]:
        """The record as plain values."""
        return parsed(self.text, "file record")

    @property
    def publisher(self) -> Origin:
        """Who brought it into this registry: whoever uploaded it, or promoted it from another."""
        return self.file.promoted.by if self.file.promoted else self.file.origin

    def replayed(self) -> Allowed | Denied:
        """Decide the upload again, from the policy that was in force.

        Raises:
            Absent: the clone has no such commit.
        """
        dist = self.file.dist
        policy = self.policies(self.file.decision.policy)
        asked = RegistryName(self.registry), dist.project, self.file.uploaded
        return decide(policy, Principal(self.publisher.principal), Action.PUBLISH, *asked)

    def __repr__(self) -> str:
        return f"<record of {self.path.rpartition('/')[2]}>"


@dataclass(frozen=True)
class Published:
    """All that was ever published under one filename."""

    filename: str
    digests: tuple[str, ...]  # the newest first
    allowed: bool  # whether the registry lets a deleted name have other content


def ledger_material(clone: Clone, folder: Path, newest: Snapshot, policy: Policy | None, now: datetime) -> Material:
    """Make subjects of a ledger.

    Args:
        clone: whose objects are read; it must stay open as long as rules are asked.
        folder: the same clone, for C git.
        newest: the ledger's newest commit.
        policy: the policy in force, where the clone has it.
        now: the moment.
    """

    @lru_cache(64)
    def policies(commit: str) -> Policy:
        try:
            return Policy(clone.snapshot(clone.resolve(commit)))
        except (NotFound, Unavailable):
            raise Absent("the clone has no branch main with the policies of then; fetch it too") from None

    made: dict[str, Any] = {"now": now, "today": now.date(), "index": Index(newest)}
    made |= {"policy": policy} if policy else {}
    reason = unreadable(folder)
    common = Fixtures(made, dict.fromkeys(("commit", "published"), lambda: _unread(reason)) if reason else {})
    offers = frozenset({*_KINDS, *made, "policy", "release"})
    subjects = _Subjects(folder, newest, policy, common, policies)
    return Material(Situation.LEDGER, _KINDS, subjects, common, offers, title="ledger")


def _unread(reason: str) -> Any:
    raise Absent(reason)


@dataclass(frozen=True)
class _Subjects:
    """Files first, then commits; read as they are asked for, because a ledger may be long."""

    folder: Path
    newest: Snapshot
    policy: Policy | None
    common: Fixtures
    policies: Callable[[str], Policy]

    def __iter__(self) -> Iterator[Subject]:
        yield from self._files()
        with closing(Spool()) as spool:
            for one in self._commits():
                if one.event in {"publish", "promote"}:
                    spool.publish([(one.said("Registry"), one.said("File"), one.said("Digest"))])
                label = f"{one.commit[:12]} {one.subject}"
                yield Subject("commit", label, Fixtures({"commit": one}, {}, self.common), "")
            for published in self._published(spool):
                found = Fixtures({"published": published}, {}, self.common)
                yield Subject("published", published.filename, found, "")

    def _commits(self) -> Iterator[Recorded]:
        try:
            yield from history(self.folder, self.newest.id)
        except Absent:
            return

    def _files(self) -> Iterator[Subject]:
        index = Index(self.newest)
        for registry in (RegistryName(n) for n, e in self.newest.entries("").items() if e.folder and n not in _BESIDE):
            for project in index.projects(registry):
                for version in index.versions(registry, project):
                    yield from self._release(registry, project, version)

    def _release(self, registry: RegistryName, project: ProjectName, version: str) -> Iterator[Subject]:
        folder = release_folder(registry, project, version)
        for name in sorted(self.newest.entries(folder)):
            if name.endswith((".whl.json", ".tar.gz.json")):
                yield self._file(registry, project, f"{folder}/{name.removesuffix('.json')}")

    def _file(self, registry: RegistryName, project: ProjectName, path: str) -> Subject:
        read = self.newest.read
        text = read(f"{path}.json") or b""
        found = LedgerFile(
            path, registry, text, read(path), read(f"{path}.metadata"), read(f"{path}.attestations.json"), self.policies
        )

        def metadata() -> CoreMetadata:
            if found.metadata is None:
                raise Absent("no metadata is stored for it")
            return CoreMetadata(found.metadata)

        def rights() -> Any:
            if self.policy is None:
                raise Absent("the clone has no branch main")
            return Rights(self.policy).project(registry, project)

        lazy = {
            "file": lambda: _distributed(found.file),
            "metadata": metadata,
            "provenance": lambda: Provenance.of(found.file.origin),
            "project": rights,
        }
        return Subject("file", path.rpartition("/")[2], Fixtures({"record": found}, lazy, self.common), f"{path}.json")

    def _published(self, spool: Spool) -> Iterator[Published]:
        for registry, filename, digests in spool.published():
            setting = self.policy.registry(RegistryName(registry)) if self.policy else None
            yield Published(filename, tuple(digests), bool(setting and setting.republish == "allowed"))


def _distributed(file: File) -> Distributed:
    dist = file.dist
    said = dist.filename, dist.project, dist.version, dist.kind, file.size, file.sha256
    return Distributed(*said, uploaded=file.uploaded, deleted=file.deleted is not None)


def path_of(registry: str, filename: str) -> str | None:
    """Tell where the record of a file stands; None for what is no filename."""
    try:
        return f"{file_path(RegistryName(registry), distribution(filename))}.json"
    except WaybillError:
        return None
