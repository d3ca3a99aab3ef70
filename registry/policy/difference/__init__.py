"""What a change of the policy means: who gains and loses what, what widens, who is left without an owner.

The difference is that of two sets of facts. A fact that another one still covers is neither gain nor loss, so moving a
grant, or renaming a team with all that names it, is no change in rights.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from registry.names import ProjectName, RegistryName
from registry.policy.difference.comparison import Comparison, Expiry, Reach
from registry.policy.difference.gainers import gainers
from registry.policy.difference.gates import gates
from registry.policy.difference.offices import appointed
from registry.policy.difference.orphans import Orphan, orphans
from registry.policy.difference.shifts import Direction, Shift
from registry.policy.facts import Facts, Office
from registry.policy.policy import Policy

Known = Mapping[RegistryName, Iterable[ProjectName]]


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes between two policies; every list is sorted, and empty where nothing of its kind changes."""

    gained: tuple[Reach, ...]
    lost: tuple[Reach, ...]
    appointed: tuple[Office, ...]
    dismissed: tuple[Office, ...]
    joined: tuple[str, ...]  # accounts that may sign in now
    left: tuple[str, ...]  # accounts that no longer may
    expiring: tuple[Expiry, ...]  # what now ends on a day: given so, or shortened
    widened: tuple[Shift, ...]
    narrowed: tuple[Shift, ...]
    altered: tuple[Shift, ...]  # neither, or it cannot be told
    orphaned: tuple[Orphan, ...]
    gainers: frozenset[str]  # people who can do or approve more than before, those behind service accounts included

    @property
    def empty(self) -> bool:
        """Whether there is no change in rights."""
        return not any(getattr(self, name) for name in self.__slots__)

    @property
    def renounces(self) -> frozenset[str] | None:
        """Tell who loses something, where nobody gains anything and nothing else happens; None: more than that does."""
        other = self.gained, self.appointed, self.joined, self.widened, self.altered, self.orphaned, self.gainers
        if any(other) or self.narrowed or any(expiry.given for expiry in self.expiring):
            return None
        losing = {reach.fact.principal for reach in self.lost} | {office.principal for office in self.dismissed}
        return frozenset(losing | set(self.left) | {expiry.fact.principal for expiry in self.expiring})


def difference(before: Policy, after: Policy, projects: Known | None = None, today: date | None = None) -> Difference:
    """Compare two policies. They should share a `Memory`, which spares reading twice what is equal.

    Args:
        before: the policy in force.
        after: the one that is proposed.
        projects: projects known beside those that the policies declare, by registry.
        today: grants that ended before this day give nothing; None: every grant counts.
    """
    comparison = Comparison(Facts(before, today), Facts(after, today), projects or {})
    shifts = gates(before, after)
    held = comparison.before, comparison.after
    offices = appointed(*held)
    return Difference(
        gained=comparison.gained,
        lost=comparison.lost,
        appointed=offices,
        dismissed=appointed(*reversed(held)),
        joined=comparison.joined,
        left=comparison.left,
        expiring=comparison.expiring,
        widened=tuple(shift for shift in shifts if shift.direction is Direction.WIDER),
        narrowed=tuple(shift for shift in shifts if shift.direction is Direction.NARROWER),
        altered=tuple(shift for shift in shifts if shift.direction is Direction.OTHER),
        orphaned=orphans(comparison),
        gainers=gainers(comparison, offices, shifts),
    )
