"""A branch's commits in order, so that a moment of the past can be found again."""

import threading
from bisect import bisect_right
from datetime import UTC, datetime

from registry.errors import Invalid, NotFound
from registry.store import Snapshot, Store

SHORTEST_COMMIT = 7  # hex digits


class History:
    """Commit ids and times of a branch, oldest first; read once and then only extended, as history only grows."""

    def __init__(self, store: Store, branch: str) -> None:
        self._store = store
        self._branch = branch
        self._ids: list[str] = []
        self._times: list[int] = []
        self._known: dict[str, int] = {}
        self._lock = threading.Lock()

    def at(self, revision: str) -> Snapshot:
        """Find the branch as it was.

        Args:
            revision: a commit id (7 to 40 hex digits), a date (its end), or a UTC time, ISO 8601.

        Raises:
            NotFound: no commit of the branch matches, or the moment is not over: what is asked for twice must be one
                answer. Only what was once the head is ever shown.
        """
        self._extend()
        if SHORTEST_COMMIT <= len(revision) <= 40 and not set(revision) - set("0123456789abcdef"):
            return self._store.at(self._by_id(revision))
        try:
            when = moment(revision, end_of_day=True)
        except Invalid as error:
            raise NotFound(f"{error}, nor a commit of branch {self._branch}") from None
        if when > datetime.now(UTC):
            raise NotFound(f"{revision} is not over yet (UTC); give a moment of the past")
        position = bisect_right(self._times, int(when.timestamp()))
        if position == 0:
            raise NotFound(f"Branch {self._branch} begins after {revision}")
        return self._store.at(self._ids[position - 1])

    def _by_id(self, prefix: str) -> str:
        if prefix in self._known:
            return prefix
        found = [id_ for id_ in self._ids if id_.startswith(prefix)]
        if len(found) != 1:
            many = f"{len(found)} commits begin" if found else "No commit begins"
            raise NotFound(f"{many} with '{prefix}'; see 'git log {self._branch}'")
        return found[0]

    def _extend(self) -> None:
        with self._lock:
            newer: list[tuple[str, int]] = []
            for commit in self._store.history(self._store.head(self._branch)):
                if commit.id in self._known:
                    break
                newer.append((commit.id, commit.time))
            for id_, time in reversed(newer):
                self._known[id_] = len(self._ids)
                self._ids.append(id_)
                self._times.append(time)


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
