"""What an answer rests on: as long as none of it changes, the same request gets the same answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from flask import g, request

from registry import credentials
from registry.downloads import Download
from registry.installation import View
from registry.model import Sha256
from registry.policy.roles import Principal
from registry.store import Snapshot

NOTE = "waybill.note"  # where the environ has the `Note` of a caller that wants one


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything a decision and its page were made of, by names that change when the content does."""

    policy: str  # commit id
    facts: Mapping[str, str | None]  # ledger path -> id of the file or folder there, None where there was none
    begins: float  # first moment it holds, seconds since the epoch; grants end with a day
    ends: float  # first moment it does not hold any more: the day or the token is over
    principal: Principal
    artifact: Sha256 | None = None  # whose bytes the body is
    download: Download | None = None  # what is counted where all of them are sent

    def holds(self, policy: str, ledger: Snapshot) -> bool:
        """Tell whether policy and facts are still what they were; the time is for the caller to compare."""
        return policy == self.policy and all(_id(ledger, path) == id_ for path, id_ in self.facts.items())


@dataclass(slots=True)
class Note:
    """What a view notes down for whoever called the application; nothing, where an answer is not to be repeated."""

    basis: Basis | None = None


def rests_on(
    view: View,
    principal: Principal,
    *paths: str,
    artifact: Sha256 | None = None,
    download: Download | None = None,
) -> None:
    """Say that the answer to this request follows from the policy, the principal and these facts alone.

    Args:
        view: what it was decided on.
        principal: who asks.
        paths: the ledger's files and folders that were read.
        artifact: whose bytes the answer carries.
        download: the file that it gives to somebody.
    """
    note = request.environ.get(NOTE)
    if not isinstance(note, Note) or principal.run:  # what an upload token rests on is not in the ledger
        return
    if g.get("looked_up", view.policy.commit) != view.policy.commit:
        return  # an address was looked up in another policy than the one that answers
    token = credentials.find(view.index, principal.token) if principal.token else None
    read = (credentials.token_path(token.id), *paths) if token else paths
    facts = {path: _id(view.index.snapshot, path) for path in read}
    day = view.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    over: datetime = day + timedelta(days=1)
    if token and token.expires:
        over = min(over, token.expires)
    note.basis = Basis(view.policy.commit, facts, day.timestamp(), over.timestamp(), principal, artifact, download)


def also_rests_on(view: View, *paths: str) -> None:
    """Say that an answer, of which `rests_on` has been said, follows from these facts as well.

    Args:
        view: what they were read on; an older one than the answer's only ends the answer's time earlier.
        paths: the ledger's files and folders that were read.
    """
    note = request.environ.get(NOTE)
    if isinstance(note, Note) and note.basis:
        facts = {path: _id(view.index.snapshot, path) for path in paths}
        note.basis = replace(note.basis, facts={**note.basis.facts, **facts})


def _id(ledger: Snapshot, path: str) -> str | None:
    entry = ledger.entry(path)
    return entry.id if entry else None
