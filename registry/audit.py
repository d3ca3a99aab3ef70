"""Questions about rights and about the past: who can, why, and what happened."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from registry import history
from registry.errors import Invalid
from registry.index import Index
from registry.installation import Installation
from registry.marks import run_of
from registry.members import readable
from registry.model import Event
from registry.names import ProjectName, RegistryName, same_version
from registry.policy.decide import Allowed, Denied, decide
from registry.policy.difference.conditions import title
from registry.policy.namespaces import reserved
from registry.policy.policy import Policy
from registry.policy.publishing import offers
from registry.policy.roles import ANYONE, Action, Principal, Role
from registry.records import read_message
from registry.store import LEDGER, POLICY, Commit


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events of the ledger to show; None asks for all."""

    registry: RegistryName | None = None
    project: ProjectName | None = None
    version: str | None = None
    pipeline: str | None = None  # that published, promoted, yanked, deleted or restored
    repository: str | None = None  # its URL, the end of it, or its immutable id such as github:123456
    commit: str | None = None  # of the sources, or its beginning
    since: datetime | None = None
    until: datetime | None = None
    declared: bool = False  # also by what was not proven of these three, but only resolved or declared

    @property
    def facts(self) -> dict[str, str]:
        """What a wanted event states for sure, by the trailer that states it."""
        named: dict[str, str | None] = {"Registry": self.registry, "Project": self.project, "Version": self.version}
        if not self.declared:
            by_id = self.repository is not None and _is_id(self.repository)
            named |= {"Pipeline": self.pipeline, "Commit": self.commit}
            named |= {"Repository": None if by_id else self.repository}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def narrow(self) -> bool:
        """Whether only events about some files are wanted."""
        what = (self.registry, self.project, self.version, self.pipeline, self.repository, self.commit)
        return any(value is not None for value in what)

    def matches(self, event: Event) -> bool:
        """Tell whether an event is among them."""
        facts = event.facts
        exact = (("Registry", self.registry), ("Project", self.project))
        if any(wanted is not None and facts.get(name) != wanted for name, wanted in exact):
            return False
        if self.version is not None and not same_version(facts.get("Version", ""), self.version):
            return False
        return (
            (self.pipeline is None or self.is_by_run(facts) or self.is_run(facts.get("Promoter-Pipeline")))
            and (self.commit is None or any(said.startswith(self.commit) for said in self._said(facts, "Commit")))
            and (self.repository is None or self._is_repository(facts, self.repository))
        )

    def is_by_run(self, facts: Mapping[str, str]) -> bool:
        """Tell whether an event is of the pipeline itself, and not only of what another one made and it promoted."""
        return any(self.is_run(said) for said in self._said(facts, "Pipeline"))

    def is_run(self, said: str | None) -> bool:
        """Tell whether the pipeline is meant: exactly, or by the address of its run, which has no attempt in it."""
        wanted = (self.pipeline or "").rstrip("/")
        return said is not None and wanted in {said.rstrip("/"), run_of(said)}

    def _said(self, facts: Mapping[str, str], name: str) -> list[str]:
        """Give what is said of one fact: what was verified, and where that is asked for, what was not."""
        names = (name, f"Resolved-{name}", f"Declared-{name}") if self.declared else (name,)
        return [facts[each] for each in names if each in facts]

    def _is_repository(self, facts: Mapping[str, str], wanted: str) -> bool:
        if _is_id(wanted):
            return facts.get("Repository-Id") == wanted
        return any(url == wanted or url.endswith(f"/{wanted}") for url in self._said(facts, "Repository"))


def log(installation: Installation, wanted: Wanted, begins: str | None = None) -> Iterator[Event]:
    """Walk the ledger, newest event first.

    Args:
        installation: where.
        wanted: which events.
        begins: the newest commit that may be among them; None: the newest there is.
    """
    for commit in _candidates(installation, wanted, begins):
        at = datetime.fromtimestamp(commit.time, UTC)
        if wanted.since and at < wanted.since:
            return
        if wanted.until and at > wanted.until:
            continue
        subject, facts = read_message(commit.message)
        event = Event(commit.id, at, commit.author.name, subject, facts)
        if wanted.matches(event):
            yield event


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


def _is_id(repository: str) -> bool:
    """Tell an immutable id, such as github:123456, from a name or URL."""
    return ":" in repository and "//" not in repository


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
    if action is Action.READ and project and index:
        return readable(policy, index, who, registry, project, now)
    return decide(policy, who, action, registry, project, now)
