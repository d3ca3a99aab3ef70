"""A branch at a moment of the past: by commit, by date, by time."""

from datetime import UTC, datetime
from itertools import islice

from registry.errors import Invalid, NotFound
from registry.marks import SHORTEST_COMMIT
from registry.records import read_message
from registry.store import Snapshot
from registry.trail import Trail


def at(trail: Trail, branch: str, revision: str) -> Snapshot:
    """Find a branch as it was.

    Args:
        trail: of the git repository.
        branch: which branch of it.
        revision: a commit id (7 to 40 hex digits), a date (its end), or a UTC time, ISO 8601.

    Raises:
        NotFound: no commit of the branch matches, or the moment is not over: what is asked for twice must be one
            answer. Only what was once the head is ever shown.
    """
    if SHORTEST_COMMIT <= len(revision) <= 40 and not set(revision) - set("0123456789abcdef"):
        found = trail.beginning(branch, revision)
        if len(found) != 1:
            many = f"{len(found)} commits begin" if found else "No commit begins"
            raise NotFound(f"{many} with '{revision}'; see 'git log {branch}'")
        return trail.store.at(found[0])
    try:
        when = moment(revision, end_of_day=True)
    except Invalid as error:
        raise NotFound(f"{error}, nor a commit of branch {branch}") from None
    if when > datetime.now(UTC):
        raise NotFound(f"{revision} is not over yet (UTC); give a moment of the past")
    newest = trail.until(branch, int(when.timestamp()))
    if newest is None:
        raise NotFound(f"Branch {branch} begins after {revision}")
    return trail.store.at(newest)


def beside(trail: Trail, branch: str, shown: Snapshot) -> Snapshot:
    """Find the policy that a commit of the ledger names; where it names none, the newest of its time, or the first.

    By time alone the answer could change: what a forge merges later may have been made before.

    Args:
        trail: of the git repository.
        branch: of the policy.
        shown: the commit of the ledger.
    """
    for commit in islice(trail.store.history(shown), 1):
        _, facts = read_message(commit.message)
        if trail.place(branch, facts.get("Policy", "")):
            return trail.store.at(facts["Policy"])
    newest = trail.until(branch, shown.time) or trail.at(branch, 1)
    return trail.store.at(newest) if newest else trail.store.head(branch)


def moment(text: str, *, end_of_day: bool = False) -> datetime:
    """Read a date or time as people and URLs write it; without an offset it is UTC.

    Args:
        text: ISO 8601, such as 2027-01-31 or 2027-01-31T12:00:00Z.
        end_of_day: whether a bare date means its last second instead of its first.

    Raises:
        Invalid: it is neither.
    """
    try:
        when = datetime.fromisoformat(text)
        if end_of_day and len(text) == len("2027-01-31"):
            when = when.replace(hour=23, minute=59, second=59)
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{text[:40]!a} is neither a date, nor a time like 2027-01-31T12:00:00Z") from None
