"""History only grows: what a forge's branch has follows from what was in force here, or is refused.

Else whoever can rewind or rewrite that branch could give back rights that were taken away.
"""

from datetime import UTC, datetime, timedelta
from itertools import islice

from registry.errors import Invalid
from registry.installation import Installation
from registry.records import read_message, timestamp
from registry.store import LEDGER, POLICY, Snapshot, Store

AHEAD = timedelta(days=1)  # that a commit's clock may be wrong
_DEEPEST = 100_000  # commits walked back


def new_commits(installation: Installation, fetched: Store, tip: str, main: Snapshot, now: datetime) -> list[str]:
    """List what `main` would move over, along first parents: merges of forges are one step.

    Args:
        installation: whose `main`; where it is what a restored backup had, the ledger may know of a later one.
        fetched: reads what came, too.
        tip: where the forge's branch is.
        main: where ours is.
        now: the moment.

    Returns:
        Ids, oldest first; of a policy that replaces an untouched first one, only the tip's.

    Raises:
        Invalid: the tip does not follow from what was in force.
    """
    untouched = is_untouched(installation, main)
    needed = {} if untouched else {main.id: "main"}
    recorded = _recorded(installation)
    if recorded and installation.trail.place(POLICY, recorded) is None:
        needed[recorded] = "the ledger's newest Policy"
    new: list[str] = []
    over = False
    for commit in islice(fetched.history(fetched.at(tip)), _DEEPEST):
        over = over or commit.id == main.id
        if not over:
            new.append(commit.id)
            _require_past(commit.id, commit.time, now)
        needed.pop(commit.id, None)
        if not needed:
            return [tip] if untouched else new[::-1]
    commit_id, what = next(iter(needed.items()))
    if tip != main.id and installation.trail.place(POLICY, tip) is not None:
        raise Invalid(f"The remote was rewound: it is at {tip}, and main is at {main.id}; push that there again")
    raise Invalid(
        f"The remote's history was rewritten: {tip} does not lead back to {commit_id} ({what}) by first parents. "
        f"Put a commit there that does: git checkout {commit_id} && git merge --no-ff {tip}"
    )


def is_untouched(installation: Installation, main: Snapshot) -> bool:
    """Tell whether nothing was ever done by the policy that the installation was made with; then any may come."""
    newest = next(iter(installation.store.history(main)))
    return not newest.parents and _recorded(installation) is None


def _recorded(installation: Installation) -> str | None:
    """Find the policy by which the ledger was last written."""
    history = islice(installation.store.history(installation.head(LEDGER)), _DEEPEST)
    return next((policy for c in history if (policy := read_message(c.message)[1].get("Policy"))), None)


def _require_past(commit: str, time: int, now: datetime) -> None:
    when = datetime.fromtimestamp(time, UTC)
    if when > now + AHEAD:
        raise Invalid(
            f"Commit {commit} is dated {timestamp(when)}, which is not yet; set the clock, and commit it anew"
        )
