"""The nouns of the ledger: file, release, project, and where each came from. Each quotes its standard."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NewType

from registry.names import Distribution, ProjectName, RegistryName

Sha256 = NewType("Sha256", str)  # 64 lower-case hex digits
Publisher = Mapping[str, str | None]  # PEP 740: `kind`, and what names a pipeline of that kind


class Status(Enum):
    """Project status markers (PEP 792)."""

    ACTIVE = "active"
    ARCHIVED = "archived"  # "the project does not expect to be updated": no uploads
    DEPRECATED = "deprecated"
    QUARANTINED = "quarantined"  # no uploads, and no files are offered

    @property
    def accepts_uploads(self) -> bool:
        """Whether an index may accept files: PEP 792 forbids it for archived and quarantined projects."""
        return self in {Status.ACTIVE, Status.DEPRECATED}


@dataclass(frozen=True, slots=True)
class Decision:
    """What allowed an event, so that it can be replayed: which policy was in force and which statement of it held."""

    policy: str  # commit id on branch main
    allowed_by: str  # "registries/python/registry.yaml#grants/0"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who did it and from where; what was verified and what was only said stay apart."""

    trust: str  # "token": an API token · "oidc": a pipeline's claims · "operator": a command on the host
    principal: str  # id of people.yaml, the publisher such as github/acme/payments, or "operator"
    token: str | None = None  # id of the API token
    verified: Mapping[str, str] = field(default_factory=dict, hash=False)  # by trailer: what the claims prove
    declared: Mapping[str, str] = field(default_factory=dict, hash=False)  # by trailer: what only the uploader says
    resolved: Mapping[str, str] = field(default_factory=dict, hash=False)  # by trailer: what the CI system's API says


@dataclass(frozen=True, slots=True)
class Yank:
    """A release installers skip unless pinned (PEP 592)."""

    reason: str  # may be empty
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Deletion:
    """What remains of a deleted file: the tombstone that keeps its name taken."""

    by: str
    reason: str
    at: datetime
    whole: str = "file"  # what was deleted with it: "file": it alone · "release" · "project"


@dataclass(frozen=True, slots=True)
class Promotion:
    """That a file came from another registry of the installation; its origin stays what it was there."""

    source: RegistryName
    by: Origin  # who promoted it


@dataclass(frozen=True, slots=True)
class Attested:
    """That a file came with attestations, and they were verified (PEP 740)."""

    sha256: Sha256  # of them as uploaded, all in one list
    publishers: tuple[Publisher, ...] = field(hash=False)  # who made each of them


@dataclass(frozen=True, slots=True)
class File:
    """One distribution: an sdist or a wheel."""

    dist: Distribution
    sha256: Sha256
    size: int  # bytes; mandatory since PEP 700
    uploaded: datetime  # when it entered this registry, UTC; PEP 700 "upload-time"
    requires_python: str | None  # PEP 503 "data-requires-python"
    metadata_sha256: Sha256 | None  # PEP 714 "core-metadata": present only when the metadata is stored
    origin: Origin
    decision: Decision
    deleted: Deletion | None = None
    attested: Attested | None = None
    promoted: Promotion | None = None

    @property
    def filename(self) -> str:
        """The name clients see."""
        return self.dist.filename


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a project. PEP 592 yanks files; here the release is yanked, and so is each of its files."""

    version: str
    files: tuple[File, ...]
    yank: Yank | None = None

    @property
    def live(self) -> tuple[File, ...]:
        """The files that were not deleted."""
        return tuple(file for file in self.files if not file.deleted)


@dataclass(frozen=True, slots=True)
class Project:
    """Everything one project's pages show."""

    name: ProjectName
    releases: tuple[Release, ...] = ()  # ordered by version, oldest first
    status: Status = Status.ACTIVE
    status_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as the ledger keeps it: everything but the secret."""

    id: str
    owner: str  # id of people.yaml
    secret_sha256: str
    role: str
    registries: tuple[str, ...]
    projects: tuple[str, ...]
    created: datetime
    created_by: str
    expires: datetime | None
    note: str = ""
    revoked: datetime | None = None
    revoked_by: str | None = None


@dataclass(frozen=True, slots=True)
class UploadToken:
    """What the claims of a pipeline were exchanged for: some minutes of publishing. Never in git."""

    id: str
    secret_sha256: str
    expires: datetime
    publisher: str  # for people, such as github/acme/payments
    claims: Mapping[str, str | int | bool]  # verified; `iss` is among them
    places: tuple[tuple[str, str | None], ...]  # registry and project; no project: all of the registry
    verified: Mapping[str, str]  # what the claims prove, by trailer
    declared: Mapping[str, str]  # what the pipeline only said, by trailer
    resolved: Mapping[str, str] = field(default_factory=dict)  # what the CI system's API said of it, by trailer


@dataclass(frozen=True, slots=True)
class Event:
    """One ledger commit: its trailers are the facts of that moment."""

    commit: str
    at: datetime
    author: str
    subject: str
    facts: dict[str, str] = field(default_factory=dict)
