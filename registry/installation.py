"""One organization's ground: its store and artifacts, the policy in force, and the one way to write the ledger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from registry.attestations import Sigstore
from registry.blobs import Blobs
from registry.checking import Checker
from registry.credentials import require_live
from registry.downloads import Downloads
from registry.errors import NotFound, Unavailable
from registry.finder import Finder
from registry.following import Following
from registry.group import Group
from registry.index import Index
from registry.looks import Looks
from registry.model import Decision, Origin
from registry.policy.content import Memory
from registry.policy.policy import Policy
from registry.policy.roles import Principal
from registry.records import message
from registry.resolving import Resolver
from registry.state import State
from registry.store import LEDGER, POLICY, Batch, NewCommit, Snapshot, Store
from registry.trail import Trail
from registry.view import OPERATOR, View

__all__ = ["OPERATOR", "Installation", "Trailer", "View", "Writing"]

T = TypeVar("T")


class Installation:
    """Everything the verbs need. Any thread may use it; nothing decided is kept."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        trail: Path | None = None,
        *,
        following: Following | None = None,
        state: State | None = None,
        sigstore: Sigstore | None = None,
        checker: Checker | None = None,
    ) -> None:
        """Take the adapters.

        Args:
            store: policy and ledger.
            blobs: the artifacts.
            trail: where the index of history is kept; None: in this process.
            following: where branch `main` comes from; None: it is made here.
            state: what must not be in git; None: in this process.
            sigstore: verifies attestations; None: by the keys that come with the extra.
            checker: asks the rules that a policy selects.
        """
        self.store, self.blobs, self.checker = store, blobs, checker
        self.following = following or Following(None)
        self.state = state or State()
        self.sigstore = sigstore or Sigstore()
        self.looks, self.downloads, self.finder = Looks(blobs), Downloads(), Finder()  # in memory, until given files
        self.resolver = Resolver()  # asks nobody, until it is given a credential
        self.trail = Trail(store, trail)
        self._policy: Policy | None = None
        self._memory = Memory()
        self._group = Group(store.lock, self._write)

    def view(self) -> View:
        """See the newest policy and ledger, so that a change of either counts at the next question."""
        return View(self.policy(), Index(self.head(LEDGER)), datetime.now(UTC), self.state)

    def policy(self) -> Policy:
        """Read the policy in force; parsed files are kept as long as branch `main` does not move."""
        head = self.head(POLICY)
        kept = self._policy
        if kept is None or kept.commit != head.id:
            kept = self._policy = self.policy_of(head)
        return kept

    def policy_of(self, snapshot: Snapshot) -> Policy:
        """Read the policy of another commit, one that is only proposed among them; files they share are parsed once."""
        return Policy(snapshot, self._memory)

    def head(self, branch: str) -> Snapshot:
        """Read the newest commit of a branch.

        Raises:
            Unavailable: there is none. Never `NotFound`: clients would take a lost ledger for a name that is free.
        """
        try:
            return self.store.head(branch)
        except NotFound as error:
            raise Unavailable(f"{error} Nothing can be decided without it") from None

    def write(
        self, by: Principal | None, verb: Callable[["Writing"], T], *, revokes: bool = False
    ) -> tuple[T, str | None]:
        """Let a verb look at both branches as they are and record what happens; returns when that is durable.

        Verbs that wait for the same place are flushed together, each with commits of its own and each seeing what
        those before it recorded. One that raises hurts no other.

        Args:
            by: who writes, whose token must still hold; None is the operator on the host.
            verb: decides, records what happened, and must not wait for anything.
            revokes: whether it only takes away, which also a policy lets happen that may be out of date.

        Returns:
            What the verb returned, and the last commit it led to; None if it recorded nothing.

        Raises:
            Unauthenticated: the token was revoked or expired since the caller came.
            Unavailable: the place was not free in time, the disk refused, or the policy is out of date; nothing was
                written.
        """
        if by is not None and not revokes:
            self.following.require_fresh(datetime.now(UTC))
        job = _Job(by, verb, self.state)
        self._group.do(job)
        return job.outcome()

    def _write(self, jobs: Sequence["_Job[Any]"]) -> None:
        """Do what waits, under the lock: what any of it may depend on is read only now."""
        before = head = self.head(LEDGER)
        policy = self.policy()
        batch = self.store.batch(LEDGER, head)
        for job in jobs:
            head = job.do(policy, head, batch)
        if head != before:
            batch.flush()


class _Job(Generic[T]):
    """One verb that waits for the writer's place, and what came of it."""

    def __init__(self, by: Principal | None, verb: Callable[["Writing"], T], state: State) -> None:
        self._by = by
        self._state = state
        self._verb = verb
        self._outcome: tuple[T, str | None] | Exception = Unavailable("It was never its turn; try again")

    def do(self, policy: Policy, head: Snapshot, batch: Batch) -> Snapshot:
        """Let the verb speak; what it raises is its own.

        Returns:
            The ledger after it.
        """
        try:
            writing = Writing(policy, head)
            if self._by is not None:
                require_live(writing.index, self._by, writing.now, self._state)
            answer = self._verb(writing)
            if writing.events:
                head = batch.add(*writing.events)
            self._outcome = answer, head.id if writing.events else None
        except Exception as error:  # noqa: BLE001 - raised where the verb came from
            self._outcome = error
        return head

    def outcome(self) -> tuple[T, str | None]:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


@dataclass(frozen=True, slots=True)
class Trailer:
    """One trailer of a ledger commit."""

    name: str
    value: str


class Writing(View):
    """The writer's place: what is read here cannot change before what is written here is durable."""

    def __init__(self, policy: Policy, head: Snapshot) -> None:
        # Who was first, and the past, are told by time: it never runs backwards, and a second that began may be over.
        now, newest = datetime.now(UTC), datetime.fromtimestamp(head.time, UTC)
        super().__init__(policy, Index(head), now if now >= newest else newest.replace(microsecond=999_999))
        self.events: list[NewCommit] = []

    def record(
        self,
        subject: str,
        trailers: Sequence[Trailer],
        changes: Mapping[str, bytes | None],
        origin: Origin,
        decision: Decision,
    ) -> None:
        """Record an event; all of one verb become commits together when it has returned, or none does.

        Args:
            subject: first line of the commit message; its first word is the kind of event.
            trailers: what happened.
            changes: the ledger files that change; none of another event of this verb.
            origin: who did it; becomes the author.
            decision: what allowed it.

        Raises:
            Invalid: a value cannot be a trailer.
        """
        if any(path in event.changes for event in self.events for path in changes):
            raise ValueError("two events of one verb change the same file")
        who = [Trailer("Trust", origin.trust)]
        who.append(Trailer("Publisher" if origin.trust == "oidc" else "Principal", origin.principal))
        if origin.token:
            who.append(Trailer("Token", origin.token))
        who += [Trailer(name, value) for name, value in origin.verified.items()]
        who += [Trailer(f"Resolved-{name}", value) for name, value in origin.resolved.items()]
        who += [Trailer(f"Declared-{name}", value) for name, value in origin.declared.items()]
        why = [Trailer("Policy", decision.policy), Trailer("Allowed-By", decision.allowed_by)]
        event = Trailer("Waybill-Event", subject.partition(":")[0])
        text = message(subject, [(f.name, f.value) for f in (event, *trailers, *who, *why)])
        author, when = self.author(origin), int(self.now.timestamp())
        self.events.append(NewCommit(changes, text, author, self.committer(), when))
