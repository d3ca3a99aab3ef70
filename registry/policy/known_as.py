"""Other addresses of a registry: those under which clients of a documented system know it, and will go on asking."""

from dataclasses import dataclass
from enum import Enum


class System(Enum):
    """Whose addresses they are; the word is what `known_as` calls it."""

    BITBUCKET = "bitbucket"  # a workspace
    BUILDKITE = "buildkite"  # organization/registry
    GITLAB = "gitlab"  # the id or the path of a project
    GITLAB_GROUP = "gitlab groups"  # the id of a group, which several registries may be below
    ARTIFACT_KEEPER = "artifact_keeper"  # the key of a registry


@dataclass(frozen=True, slots=True)
class Address:
    """One of them, and where the registry's file says it."""

    system: System
    text: str
    line: int
