"""What becomes wider or narrower without a right of anybody being given or taken: switches, limits, publishers."""

from dataclasses import dataclass
from enum import Enum

from registry.names import ProjectName, RegistryName
from registry.policy.files import Statement
from registry.policy.roles import Role


class Direction(Enum):
    """Whether more is possible than before, or less; neither is claimed where it cannot be told."""

    WIDER = "wider"
    NARROWER = "narrower"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Opened:
    """Where rights take effect that had none."""

    registry: RegistryName
    project: ProjectName | None  # None: in all of the registry
    role: Role = Role.PUBLISH  # and those above


@dataclass(frozen=True, slots=True)
class Shift:
    """One thing that the policy says differently, and which way that goes."""

    direction: Direction
    what: str  # "registry python: projects", as a person would call it
    before: str | None  # None: it was not said
    after: str | None
    because: Statement
    opens: Opened | None = None
    gate: bool = False  # whether it stands before rights that people hold
    gainers: frozenset[str] = frozenset()  # accounts that can do more by it, beside those whom it opens something for


def ordered(before: int, after: int) -> Direction:
    """Tell which way a number goes of which more allows more."""
    return Direction.WIDER if after > before else Direction.NARROWER


def frozen(what: str, before: Statement | None, after: Statement | None) -> list[Shift]:
    """Compare whether all writing is stopped; ending that gives nobody a right they had not."""
    found = after or before
    if found is None or (before and after):
        return []
    direction = Direction.NARROWER if after else Direction.WIDER
    words = ["true" if side else "false" for side in (before, after)]
    return [Shift(direction, f"{what}frozen", words[0], words[1], found, gate=True)]
