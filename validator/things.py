"""What rules are handed: policy statements with their place, files with what is in them, and where a file came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from registry.model import Origin
from registry.policy.files import Grant, Problem, ProjectFile, Publisher, Statement
from registry.policy.roles import Role


@dataclass(frozen=True, slots=True)
class PolicyPath:
    """One file of the policy, and what is wrong with it."""

    path: str
    unreadable: tuple[Problem, ...] = ()
    misplaced: tuple[Problem, ...] = ()
    twins: tuple[Problem, ...] = ()
    dangling: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class GivenRight:
    """One grant, where it stands and what it is for."""

    role: Role
    to: tuple[str, ...]
    projects: tuple[str, ...]  # globs; empty: all
    until: date | None
    reason: str | None
    registry: str | None  # None: it stands in a linked repository
    project: str | None  # the project whose file it stands in
    statement: Statement
    people: frozenset[str]  # accounts that are meant and not disabled; `everyone` and `anyone` as such
    disabled: frozenset[str]  # named by id, and disabled
    reached: tuple[str, ...]  # projects that have a file and are covered
    future: bool  # whether it also covers projects to come

    def __repr__(self) -> str:
        return f"<grant at {self.statement.place}>"

    @classmethod
    def of(cls, grant: Grant, **said: object) -> "GivenRight":
        """Take what the grant says, and what is known beside it."""
        return cls(grant.role, grant.to, grant.projects, grant.until, grant.reason, statement=grant.statement, **said)  # type: ignore[arg-type]  # by name, as above


@dataclass(frozen=True, slots=True)
class PublishingRight:
    """One trusted publisher, where it stands and what it is for."""

    provider: str | None
    issuer: str | None
    fields: Mapping[str, str]
    claims: Mapping[str, object]  # what is compared, as the policy has it
    registry: str
    project: str | None  # None: every project of the registry
    statement: Statement
    others: tuple[str, ...]  # projects elsewhere that the very same pipeline publishes
    publisher: Publisher

    def __repr__(self) -> str:
        return f"<publisher at {self.statement.place}>"


@dataclass(frozen=True, slots=True)
class ProjectRights:
    """One project as the policy has it; also one that has no file."""

    name: str
    registry: str
    protected: bool = False
    publishers: tuple[Publisher, ...] = ()  # its own first, then those of the registry
    repository: str | None = None
    admins: frozenset[str] = frozenset()  # people who are not disabled
    own: ProjectFile | None = None

    def __repr__(self) -> str:
        return f"<project {self.name} in {self.registry}>"


@dataclass(frozen=True, slots=True)
class AccountRights:
    """A person or service account, and how far their rights reach."""

    id: str
    service: bool
    disabled: bool
    owner: str | None
    projects: frozenset[str]  # with a file, on which they have more than reading, as registry/project
    everything: bool  # whether they have more than reading on all projects of some registry
    writes: bool  # whether they have more than reading on any, also on projects to come
    statement: Statement

    def __repr__(self) -> str:
        return f"<account {self.id}>"


@dataclass(frozen=True, slots=True)
class Distributed:
    """One wheel or sdist."""

    filename: str
    project: str
    version: str
    kind: str  # wheel or sdist
    size: int
    sha256: str
    uploaded: datetime | None = None
    deleted: bool = False
    refusal: str = ""  # why no registry would take it; empty: it would

    def __repr__(self) -> str:
        return f"<file {self.filename}>"

    @property
    def tags(self) -> tuple[str, ...]:
        """The platform tags of a wheel's filename."""
        return tuple(self.filename.removesuffix(".whl").rpartition("-")[2].split(".")) if self.kind == "wheel" else ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who published a file, as far as the registry verified it."""

    trust: str
    principal: str
    facts: Mapping[str, str] = field(default_factory=dict)  # of the pipeline, as its identity token proved them

    @classmethod
    def of(cls, origin: Origin) -> "Provenance":
        """Take what was verified; what an uploader only declares is nothing to go by."""
        return cls(origin.trust, origin.principal, {name.lower(): said for name, said in origin.verified.items()})

    def __repr__(self) -> str:
        return f"<provenance: {self.trust} by {self.principal}>"

    @property
    def ref(self) -> str:
        """The ref the pipeline ran on; empty: it is not known, or no pipeline published it."""
        return self.facts.get("ref", "")

    @property
    def repository(self) -> str:
        """The linked repository's URL."""
        return self.facts.get("repository", "")

    @property
    def environment(self) -> str:
        """The deployment environment."""
        return self.facts.get("environment", "")
