"""Questions about rights and about the past: who can, why, and what happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from registry import history
from registry.errors import Invalid
from registry.index import Index
from registry.installation import Installation
from registry.members import readable, unserved
from registry.model import Event
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed, Denied, decide
from registry.policy.difference.conditions import title
from registry.policy.namespaces import reserved
from registry.policy.policy import Policy
from registry.policy.publishing import offers
from registry.policy.roles import ANYONE, Action, Principal, Role
from registry.records import read_message
from registry.store import LEDGER, POLICY, Commit
from registry.wanted import Wanted

__all__ = [
    "Looked", "Wanted", "creating", "explain", "log", "look", "only_registry", "policy_at", "require_commit", "who_can",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Looked:
    """A commit that was looked at."""

    commit: str
    at: datetime
    event: Event | None  # None: none of those that are wanted


def log(installation: Installation, wanted: Wanted) -> Iterator[Event]:
    """Walk the ledger, newest event first.

    Args:
        installation: where.
        wanted: which events.
    """
    return (looked.event for looked in look(installation, wanted) if looked.event)


def look(installation: Installation, wanted: Wanted, begins: str | None = None) -> Iterator[Looked]:
    """Walk the ledger, newest first, commit by commit, so that whoever reads it may stop after any.

    Args:
        installation: where.
        wanted: which events.
        begins: the newest commit that may be among them; None: the newest there is.
    """
    for commit in _candidates(installation, wanted, begins):
        at = datetime.fromtimestamp(commit.time, UTC)
        if wanted.since and at < wanted.since:
            return
        subject, facts = read_message(commit.message)
        event = Event(commit.id, at, commit.author.name, subject, facts)
        meant = not (wanted.until and at > wanted.until) and wanted.matches(event)
        yield Looked(commit.id, at, event if meant else None)


def require_commit(installation: Installation, branch: str, commit: str) -> None:
    """Check where somebody wants to read on.

    Raises:
        Invalid: that is no commit of this branch.
    """
    hexadecimal = len(commit) == 40 and not set(commit) - set("0123456789abcdef")
    if not (hexadecimal and installation.trail.place(branch, commit)):
        raise Invalid("cursor: send what the page before gave as 'next', or leave it out")


def _candidates(installation: Installation, wanted: Wanted, begins: str | None) -> Iterator[Commit]:
    """Read the commits that may be wanted, newest first."""
    store, facts = installation.store, wanted.facts
    if not facts:
        newest = begins
        if newest is None and wanted.until:
            newest = installation.trail.until(LEDGER, int(wanted.until.timestamp()))
        yield from store.history(store.at(newest) if newest else installation.head(LEDGER))
        return
    upto = [installation.trail.place(LEDGER, begins) or 0] if begins else []
    for commit in installation.trail.mentioning(LEDGER, facts, *upto):
        yield from islice(store.history(store.at(commit)), 1)


def policy_at(installation: Installation, commit: str | None) -> Policy:
    """Read the policy in force, or the one of a past commit of branch `main`.

    Args:
        installation: where.
        commit: a commit of branch `main` (7 hex digits or more), or a date or time; None: now's.

    Raises:
        NotFound: there is none.
    """
    return Policy(history.at(installation.trail, POLICY, commit)) if commit else installation.policy()


def only_registry(policy: Policy) -> RegistryName:
    """Give the registry a question means that names none.

    Raises:
        Invalid: there is more than one, or none.
    """
    known = policy.registries()
    if len(known) != 1:
        raise Invalid(f"registry: say which one; there are: {', '.join(known) or 'none'}")
    return known[0]


def who_can(
    policy: Policy,
    action: Action,
    registry: RegistryName,
    project: ProjectName | None,
    now: datetime,
    index: Index | None = None,
) -> list[tuple[Principal, Allowed]]:
    """List everybody who may do something, and the pipelines that are trusted with it, each with its statement.

    Args:
        policy: now's, or a past one.
        action: what for.
        registry: in which registry.
        project: on which project; None: on any.
        now: the moment asked about.
        index: what there is, by which a composite knows whose a name is; None: only its own rights are asked.

    Raises:
        BadFile: `people.yaml` cannot be read, so nobody is known.
    """
    asked = [ANYONE, *(Principal(name) for name in sorted(policy.accounts()))]
    verdicts = ((who, _verdict(policy, who, action, registry, project, now, index)) for who in asked)
    people = [(who, verdict) for who, verdict in verdicts if isinstance(verdict, Allowed)]
    return [*people, *_pipelines(policy, action, registry, project)]


def _pipelines(
    policy: Policy, action: Action, registry: RegistryName, project: ProjectName | None
) -> Iterator[tuple[Principal, Allowed]]:
    """List the trusted publishers, named for people; whether a pipeline fits, only its identity token tells."""
    found = policy.registry(registry)
    if found is None or (action is not Action.READ and (found.frozen or policy.organization().frozen)):
        return
    if action is Action.PUBLISH and found.projects == "declared" and project not in {None, *policy.declared(registry)}:
        return
    for offer in offers(policy):
        meant = offer.registry == registry and (project is None or offer.project in {None, project})
        if meant and max(map(Role.named, offer.publisher.scopes)) >= action.needs:
            yield Principal(title(offer.publisher)), Allowed(offer.publisher.statement)


def creating(
    policy: Policy, principal: str, registry: RegistryName, project: ProjectName, verdict: Allowed | Denied
) -> str | None:
    """Tell why somebody who may publish a project may not be the first to do so; None: they may."""
    if isinstance(verdict, Denied):
        return None
    return reserved(policy, Principal(principal), registry, project, verdict.statement)


def explain(  # noqa: PLR0917 - the question, word by word
    policy: Policy,
    principal: str,
    action: Action,
    registry: RegistryName,
    project: ProjectName | None,
    now: datetime,
    index: Index | None = None,
) -> Allowed | Denied:
    """Tell why somebody may, or may not, do something; the same verdict the server gives. As `who_can` otherwise."""
    who = ANYONE if principal == "anyone" else Principal(principal)
    return _verdict(policy, who, action, registry, project, now, index)


def _verdict(  # noqa: PLR0917 - as above
    policy: Policy,
    who: Principal,
    action: Action,
    registry: RegistryName,
    project: ProjectName | None,
    now: datetime,
    index: Index | None,
) -> Allowed | Denied:
    reads = action is Action.READ
    if reads and project and index:
        verdict = readable(policy, index, who, registry, project, now)
    else:
        verdict = decide(policy, who, action, registry, project, now)
    wrong = unserved(policy, registry, together=reads) if isinstance(verdict, Allowed) else None
    return Denied(wrong) if wrong else verdict
