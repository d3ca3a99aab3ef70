"""What one installation accepts at most, and what a change of its policy needs."""

from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Limits:
    """What one installation accepts at most."""

    file_bytes: int = GIB


@dataclass(frozen=True, slots=True)
class Review:
    """What a change of the policy needs before it holds."""

    approvals: int = 0
    freeze_approvals: int = 0  # for a change that only freezes
    most_removed: int = 25  # percent of the people, and of the rights, that one change may take away
