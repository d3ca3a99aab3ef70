"""When an account last did something, as far as the ledger tells: reading leaves no trace there."""

from collections.abc import Callable
from datetime import UTC, datetime

from registry.credentials import find
from registry.index import Index
from registry.store import LEDGER, Snapshot
from registry.trail import Trail


class Activity:
    """Asked by rules that look for accounts nobody uses."""

    def __init__(self, ledger: Snapshot, acted: Callable[[str], datetime | None]) -> None:
        """Take what there is.

        Args:
            ledger: its newest commit.
            acted: tells when an account last had something recorded, such as a publication.
        """
        self._index = Index(ledger)
        self._acted = acted

    def last(self, account: str) -> datetime | None:
        """Tell when an account last did something, or was last given a token; None: neither ever happened."""
        names = self._index.snapshot.entries("tokens")
        tokens = (find(self._index, name.removesuffix(".json")) for name in names)
        moments = [token.created for token in tokens if token and token.owner == account]
        acted = self._acted(account)
        return max([*moments, *([acted] if acted else [])], default=None)


def recorded(trail: Trail, ledger: Snapshot) -> Activity:
    """Ask the index of history, which every process of a server has."""

    def acted(account: str) -> datetime | None:
        for commit in trail.mentioning(LEDGER, {"Principal": account}):
            made = next(iter(trail.store.history(trail.store.at(commit))))
            if f"\nPrincipal: {account}\n" in f"{made.message}\n":
                return datetime.fromtimestamp(made.time, UTC)
        return None

    return Activity(ledger, acted)
