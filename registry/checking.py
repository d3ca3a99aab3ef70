"""The port to the rules of the validator, which a policy selects in `waybill.yaml`; the server is safe without them."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from registry.activity import Activity
from registry.errors import Invalid, Unavailable
from registry.model import Origin, Sha256
from registry.names import Distribution, RegistryName
from registry.policy.files import Problem
from registry.policy.given import readable
from registry.policy.policy import Policy
from registry.policy.ruling import Ruling

if TYPE_CHECKING:  # every command has this file, and few look into archives or judge changes
    from registry.archive import Contents
    from registry.policy.judge import Judgement

_NO_CHECKER = "waybill.yaml selects rules, and this server was started without the validator; ask its operator"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that was received and looked into, and is not stored yet."""

    path: Path
    dist: Distribution
    size: int
    sha256: Sha256
    contents: "Contents"
    registry: RegistryName
    origin: Origin  # where it comes from


@dataclass(frozen=True, slots=True)
class Told:
    """What rules say of a change."""

    problems: tuple[Problem, ...] = ()  # while there are any, it cannot be merged
    warnings: tuple[Problem, ...] = ()
    settled: bool = True  # whether asked again they would say the same: none was late, or broke off


class Checker(Protocol):
    """Asks rules."""

    def upload(self, policy: Policy, arrival: Arrival, now: datetime) -> tuple[str, ...]:
        """Give the sentences of the rules that refuse a file; none where it may be stored.

        Raises:
            Invalid: what the policy says about rules cannot be used.
        """

    def change(
        self, before: Policy, after: Policy, author: str | None, now: datetime, activity: Activity | None = None
    ) -> Told:
        """Say what the rules of the policy in force find in a change.

        Raises:
            Invalid: what the policy says about rules cannot be used.
            Unavailable: they cannot be asked now.
        """

    def wall(self) -> str:
        """Say whether the organization's own rules run here, and behind which wall."""


def refuse_upload(checker: Checker | None, policy: Policy, arrival: Arrival, now: datetime) -> None:
    """Ask the rules that the policy selects for uploads.

    Raises:
        Invalid: one of them refuses it, with its own words.
        Unavailable: there are rules, and nobody to ask them.
    """
    if not asks_of_uploads(policy):
        return
    if checker is None:
        raise Unavailable(_NO_CHECKER)
    if refusals := checker.upload(policy, arrival, now):
        raise Invalid("\n".join(refusals))


def asks_of_uploads(policy: Policy) -> bool:
    """Tell whether a policy has rules for uploads; one that cannot be read allows none anyway."""
    organization = readable(policy.organization)
    return bool(organization and organization.rules.upload)


def judged_by_rules(
    checker: Checker | None,
    judgement: "Judgement",
    before: Policy,
    after: Policy,
    now: datetime,
    activity: Activity | None = None,
) -> "Judgement":
    """Add what the rules say that the policy in force selects for changes."""
    sides = [readable(side.organization) for side in (before, after)]
    if checker is None or sides[0] is None or not any(side and side.rules != Ruling() for side in sides):
        return judgement
    told = checker.change(before, after, judgement.author, now, activity)
    return replace(judgement, problems=(*judgement.problems, *told.problems), warnings=told.warnings)
