"""The words of rights: roles, actions, who asks, and what a token narrows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum


class Role(IntEnum):
    """What a grant gives; each role includes those below it."""

    READ = 1
    PUBLISH = 2
    WRITE = 3
    ADMIN = 4

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def named(cls, text: str) -> "Role":
        """Find a role by the word used in policy files and on the command line.

        Raises:
            KeyError: there is no such role.
        """
        return {str(role): role for role in cls}[text]


class Action(Enum):
    """What a caller can ask for; the value is the word used in commands, URLs and messages."""

    READ = "read"
    PUBLISH = "publish"
    YANK = "yank"  # and unyank (PEP 592)
    DELETE = "delete"  # a file or release; and restore
    ADMINISTER = "administer"  # delete a whole project, set its status

    @property
    def needs(self) -> Role:
        """The lowest role that allows this action."""
        return _NEEDS[self]

    def __str__(self) -> str:
        return self.value


_NEEDS = {
    Action.READ: Role.READ,
    Action.PUBLISH: Role.PUBLISH,
    Action.YANK: Role.WRITE,
    Action.DELETE: Role.WRITE,
    Action.ADMINISTER: Role.ADMIN,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What an API token narrows its owner's rights to; empty tuples narrow nothing."""

    role: Role = Role.ADMIN
    registries: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()  # globs over normalised names

    @property
    def whole(self) -> bool:
        """Whether this scope narrows nothing."""
        return self == Scope()


@dataclass(frozen=True, slots=True)
class Run:
    """A CI run, by what its identity token proved: whom an upload token stands for."""

    claims: Mapping[str, str | int | bool] = field(hash=False)  # compared with the policy at every use
    places: tuple[tuple[str, str | None], ...]  # registry and project it may speak of; no project: all of the registry
    verified: Mapping[str, str] = field(hash=False)  # what the claims prove, by trailer
    declared: Mapping[str, str] = field(hash=False)  # what it only said, by trailer
    resolved: Mapping[str, str] = field(default_factory=dict, hash=False)  # what its CI system's API said, by trailer

    def speaks_of(self, registry: str, project: str) -> bool:
        """Tell whether the upload token was made for a project."""
        return (registry, None) in self.places or (registry, project) in self.places


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: nobody in particular, a person or service account, perhaps through a token, or a pipeline."""

    name: str | None = None  # an id of people.yaml, or of a run its publisher; None: no credentials were given
    token: str | None = None  # id of the token used, never its secret
    scope: Scope = field(default_factory=Scope)
    run: Run | None = None  # None: not a pipeline

    def __str__(self) -> str:
        return self.name or "anyone"


ANYONE = Principal()
