"""What the policy files say: pure data. What can allow something knows where it stands, so that decisions name it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.errors import Invalid
from registry.policy.bounds import Limits, Review
from registry.policy.known_as import Address
from registry.policy.peculiar import USUAL
from registry.policy.roles import Role
from registry.policy.ruling import Ruling


@dataclass(frozen=True, slots=True)
class Statement:
    """Where something is said, so that a permission can be traced to the line a reviewer approved."""

    file: str  # path in the policy, such as registries/python/registry.yaml
    pointer: str  # keys and positions joined by "/", such as grants/0; empty: the whole file
    line: int  # counted from 1

    @property
    def ref(self) -> str:
        """The form for records and trailers, which survives edits elsewhere in the file."""
        return f"{self.file}#{self.pointer}" if self.pointer else self.file

    @property
    def place(self) -> str:
        """The form for people and editors."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair in one policy file."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class BadFile(Invalid):
    """A policy file that cannot be used: it denies everything in its own scope until all its problems are repaired."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Named:
    """A name, kept with its place: being in a list of principals gives a right, and what is named must exist."""

    name: str  # an account id or team:<name>
    statement: Statement


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for principals; in a registry file perhaps only on some projects."""

    role: Role
    to: tuple[str, ...]  # account ids, team:<name>, everyone (signed in), anyone (only with role read)
    projects: tuple[str, ...]  # globs over normalised names; empty: all
    until: dt.date | None  # the last day on which it holds, UTC
    reason: str | None
    statement: Statement


@dataclass(frozen=True, slots=True)
class Matcher:
    """What one claim of an identity token must be; every rule that is given must hold."""

    equals: str | int | bool | None = None
    not_equals: str | int | bool | None = None
    in_: tuple[str | int | bool, ...] = ()
    not_in: tuple[str | int | bool, ...] = ()
    matches: tuple[str, ...] = ()  # globs with * and ?, for text claims


@dataclass(frozen=True, slots=True)
class Publisher:
    """A CI identity that may publish: either a known provider's fields, or any issuer's claims."""

    provider: str | None  # None: the general form
    issuer: str | None  # always there in the general form; else where the provider's own issuer is not meant
    scopes: tuple[str, ...]  # role names
    fields: Mapping[str, str]  # of the known provider; true and false stand as text
    claims: Mapping[str, Matcher]  # needed in the general form; a known provider may narrow itself further
    statement: Statement


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose identity tokens of one CI provider are accepted."""

    urls: tuple[str, ...]  # exact `iss` values; empty: the provider's own public issuer
    workspace: str | None  # Bitbucket only: its issuer is one per workspace
    workspace_uuid: str | None  # Bitbucket only
    statement: Statement


@dataclass(frozen=True, slots=True)
class Namespace:
    """Names that only some may create projects under (PEP 752): the prefix itself, and what begins with it and '-'."""

    prefix: str  # normalised
    owners: tuple[Named, ...]
    statement: Statement


@dataclass(frozen=True, slots=True)
class Organization:
    """`waybill.yaml`: what holds for the whole installation."""

    organization: str
    url: str | None = None
    audience: str | None = None
    admins: tuple[Named, ...] = ()
    auditors: tuple[Named, ...] = ()
    issuers: Mapping[str, Issuer] = field(default_factory=dict)  # by provider, and `other`
    keys: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)  # by issuer that is not asked
    review: Review = field(default_factory=Review)
    limits: Limits = field(default_factory=Limits)
    generation: int | None = None  # never falls, so that an old policy cannot come back as it was
    frozen: Statement | None = None  # where it says that nothing is written; None: it does not
    rules: Ruling = field(default_factory=Ruling)
    default_registry: Named | None = None  # what addresses without a registry mean
    namespaces: tuple[Namespace, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """One entry of `people.yaml`: a person or a service account."""

    id: str
    email: str | None
    service: bool
    owner: str | None  # who answers for a service account: an account id or team:<name>
    disabled: bool
    forge_ids: Mapping[str, str]  # by forge: github, gitlab, bitbucket
    statement: Statement


@dataclass(frozen=True, slots=True)
class Team:
    """`teams/<name>.yaml`: ids of `people.yaml`; there are no teams in teams."""

    name: str
    members: tuple[str, ...]
    maintainers: tuple[str, ...]
    statement: Statement


@dataclass(frozen=True, slots=True)
class LinkedRepository:
    """`repositories/<name>.yaml`: a source-code repository whose members' rights projects inherit."""

    name: str
    forge: str  # github, gitlab, bitbucket or other
    path: str  # shown to people; the ids are what is compared
    ids: Mapping[str, str]
    url: str | None
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a composite (another registry) or remote (a URL) registry takes its projects from."""

    registry: str | None
    url: str | None
    statement: Statement
    owns: tuple[str, ...] = ()  # patterns of names that are that registry's here, whoever else has some


@dataclass(frozen=True, slots=True)
class RegistryFile:
    """`registries/<name>/registry.yaml`; each statement is where it is said, or the whole file where it is left out."""

    name: str
    kind: str  # source, composite or remote
    visibility: str  # private, internal or public
    owners: tuple[Named, ...]
    projects: str  # declared or open
    republish: str  # never, same-bytes or allowed
    grants: tuple[Grant, ...]
    publishers: tuple[Publisher, ...]
    upstreams: tuple[Upstream, ...]
    statement: Statement
    kind_statement: Statement
    visibility_statement: Statement
    projects_statement: Statement
    grants_statement: Statement
    frozen: Statement | None = None  # where it says that nothing is written here; None: it does not
    known_as: tuple[Address, ...] = ()
    closes_after_days: int | None = None  # after which a release takes no more files; None: it always does
    accepts: tuple[str, ...] = USUAL  # of `PECULIARITIES`


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """`registries/<registry>/projects/<name>.yaml`."""

    name: str
    repository: str | None  # stem of a file in repositories/
    protected: bool
    grants: tuple[Grant, ...]
    publishers: tuple[Publisher, ...]
    statement: Statement
    grants_statement: Statement  # the whole file where there are none
    protected_statement: Statement | None  # None: not written
    repository_statement: Statement | None
