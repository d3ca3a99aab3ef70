"""Questions about rights and about the past: who can, why, and what happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from registry import history
from registry.errors import Invalid
from registry.installation import Installation
from registry.model import Event
from registry.names import ProjectName, RegistryName, same_version
from registry.policy.decide import Allowed, Denied, decide
from registry.policy.policy import Policy
from registry.policy.roles import ANYONE, Action, Principal
from registry.records import read_message
from registry.store import LEDGER, POLICY, Commit


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events of the ledger to show; None asks for all."""

    registry: RegistryName | None = None
    project: ProjectName | None = None
    version: str | None = None
    pipeline: str | None = None
    repository: str | None = None
    since: datetime | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What a wanted event states, by the trailer that states it."""
        named = {
            "Registry": self.registry,
            "Project": self.project,
            "Version": self.version,
            "Pipeline": self.pipeline,
            "Repository": self.repository,
        }
        return {name: value for name, value in named.items() if value is not None}

    def matches(self, event: Event) -> bool:
        """Tell whether an event is among them; repositories match by URL, or by the end of it, as people name them."""
        facts = event.facts
        exact = (("Registry", self.registry), ("Project", self.project), ("Pipeline", self.pipeline))
        if any(wanted is not None and facts.get(name) != wanted for name, wanted in exact):
            return False
        if self.version is not None and not same_version(facts.get("Version", ""), self.version):
            return False
        if self.repository is None:
            return True
        url = facts.get("Repository", "")
        return url == self.repository or url.endswith(f"/{self.repository}")


def log(installation: Installation, wanted: Wanted) -> Iterator[Event]:
    """Walk the ledger, newest event first.

    Args:
        installation: where.
        wanted: which events.
    """
    for commit in _candidates(installation, wanted):
        at = datetime.fromtimestamp(commit.time, UTC)
        if wanted.since and at < wanted.since:
            return
        subject, facts = read_message(commit.message)
        event = Event(commit.id, at, commit.author.name, subject, facts)
        if wanted.matches(event):
            yield event


def _candidates(installation: Installation, wanted: Wanted) -> Iterator[Commit]:
    """Read the commits that may be wanted, newest first."""
    store, facts = installation.store, wanted.facts
    if not facts:
        yield from store.history(installation.head(LEDGER))
        return
    for commit in installation.trail.mentioning(LEDGER, facts):
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
    policy: Policy, action: Action, registry: RegistryName, project: ProjectName | None, now: datetime
) -> list[tuple[Principal, Allowed]]:
    """List everybody who may do something, each with the statement that allows it.

    Args:
        policy: now's, or a past one.
        action: what for.
        registry: in which registry.
        project: on which project; None: on any.
        now: the moment asked about.

    Raises:
        BadFile: `people.yaml` cannot be read, so nobody is known.
    """
    asked = [ANYONE, *(Principal(name) for name in sorted(policy.accounts()))]
    verdicts = ((who, decide(policy, who, action, registry, project, now)) for who in asked)
    return [(who, verdict) for who, verdict in verdicts if isinstance(verdict, Allowed)]


def explain(
    policy: Policy, principal: str, action: Action, registry: RegistryName, project: ProjectName | None, now: datetime
) -> Allowed | Denied:
    """Tell why somebody may, or may not, do something; the same verdict the server gives."""
    who = ANYONE if principal == "anyone" else Principal(principal)
    return decide(policy, who, action, registry, project, now)
