"""May this principal do this, now? One function behind every door, a pure function of one policy commit.

A verdict carries its reason: the statement that allowed, or the file and line that would have to change.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from registry.names import ProjectName, RegistryName
from registry.policy.files import BadFile, ProjectFile, RegistryFile, Statement
from registry.policy.policy import Policy, project_path
from registry.policy.publishing import published
from registry.policy.rights import Right, Unreadable, belongs, covers, rights, rights_anywhere
from registry.policy.roles import ANYONE, Action, Principal, Run


@dataclass(frozen=True, slots=True)
class Allowed:
    """The action may happen, because of this statement."""

    statement: Statement


@dataclass(frozen=True, slots=True)
class Denied:
    """The action may not happen; the reason names what would have to change, and where."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Question:
    policy: Policy
    principal: Principal
    action: Action
    registry: RegistryName
    project: ProjectName | None
    now: datetime

    def __str__(self) -> str:
        where = f"{self.project} in {self.registry}" if self.project else self.registry
        return f"{self.principal} may not {self.action} {where}"


def decide(
    policy: Policy,
    principal: Principal,
    action: Action,
    registry: RegistryName,
    project: ProjectName | None,
    now: datetime,
) -> Allowed | Denied:
    """Answer from one policy commit, so that a change of rights counts at the next question.

    Nothing is written where the organization or the registry is frozen, whoever asks.

    Args:
        policy: the policy in force.
        principal: who asks, perhaps narrowed by a token.
        action: what for.
        registry: in which registry.
        project: on which project; None asks whether on any at all, as a list of projects or an unread upload must.
        now: the moment of use, with a timezone; grants end with their last day, UTC.

    Returns:
        The statement that allows it, or why not.
    """
    verdict = entitled(policy, principal, action, registry, project, now)
    if isinstance(verdict, Denied) or action is Action.READ:
        return verdict
    frozen = _frozen(policy, registry)
    if frozen is None:
        return verdict
    question = _Question(policy, principal, action, registry, project, now)
    return Denied(f"{question}: {frozen.place} says frozen: true; a change that removes it lets writing go on")


def entitled(
    policy: Policy,
    principal: Principal,
    action: Action,
    registry: RegistryName,
    project: ProjectName | None,
    now: datetime,
) -> Allowed | Denied:
    """Tell what `decide` would answer if nothing were frozen: rights, and who may change them, outlast a freeze."""
    question = _Question(policy, principal, action, registry, project, now.astimezone(UTC))
    try:
        policy.organization()  # without it nothing holds, not even visibility
        found = policy.registry(registry)
        if found is None:
            return Denied(f"{question}: the policy has no registries/{registry}/registry.yaml")
        own = policy.project(registry, project) if project else None
        if principal.run:
            return _of_pipeline(question, principal.run, found, own)
        refusal = _principal_refused(question) or _closed(question, found, own)
        if refusal:
            return Denied(f"{question}: {refusal}")
        return _weigh(question, found, own)
    except BadFile as bad:
        return Denied(f"{question}: the policy cannot be read. {bad.problems[0]}")


def _frozen(policy: Policy, registry: RegistryName) -> Statement | None:
    """Find the statement that stops writing."""
    found = policy.registry(registry)
    return policy.organization().frozen or (found.frozen if found else None)


def _principal_refused(question: _Question) -> str | None:
    """Refuse who is unknown, disabled, or asks for more than the token was made for."""
    principal, scope = question.principal, question.principal.scope
    if principal.name is None:
        return None
    account = question.policy.accounts().get(principal.name)
    if account is None:
        return f"people.yaml has no entry '{principal.name}'; add one"
    if account.disabled:
        return f"{account.statement.place} says disabled: true"
    limit = None
    if scope.role < question.action.needs:
        limit = f"role {scope.role}, this needs {question.action.needs}"
    elif scope.registries and question.registry not in scope.registries:
        limit = f"registry {_few(scope.registries)}"
    elif question.project and scope.projects and not covers(scope.projects, question.project):
        limit = f"projects {_few(scope.projects)}"
    return f"token {principal.token} is limited to {limit}; use another token" if limit else None


def _closed(question: _Question, registry: RegistryFile, own: ProjectFile | None) -> str | None:
    """Refuse uploads where nobody may upload this way, whatever the grants say."""
    if question.action is not Action.PUBLISH:
        return None
    if registry.kind != "source":
        return f"{registry.kind_statement.place}: kind {registry.kind} takes no uploads; publish to a source registry"
    if own and own.protected and question.principal.run is None:
        return _protected(own)
    if question.project and registry.projects == "declared" and own is None:
        path = project_path(question.registry, question.project)
        return (
            f"{registry.projects_statement.place}: projects are declared, and {path} does not exist; commit that file"
        )
    return None


def _of_pipeline(question: _Question, run: Run, registry: RegistryFile, own: ProjectFile | None) -> Allowed | Denied:
    """Compare a pipeline's claims with the policy as it is now; beyond its own projects it reads what is public."""
    refusal = _closed(question, registry, own)
    if refusal is None:
        found = published(question.policy, run, question.action.needs, registry, question.project)
        if isinstance(found, Statement):
            return Allowed(found)
        refusal = found
    if question.action is Action.READ:
        public = _weigh(replace(question, principal=ANYONE), registry, own)
        if isinstance(public, Allowed):
            return public
    return Denied(f"{question}: {refusal}")


def _protected(own: ProjectFile) -> str:
    place = (own.protected_statement or own.statement).place
    return f"{place} says protected: true, so only a trusted publisher publishes; publish from its pipeline"


def _weigh(question: _Question, registry: RegistryFile, own: ProjectFile | None) -> Allowed | Denied:
    """Find the first right that holds; else tell the nearest ones that do not."""
    near: list[str] = []
    found = _holds(question, rights(question.policy, question.principal.name, registry, own), near)
    if found is None and question.project is None:
        anywhere = rights_anywhere(question.policy, question.registry, question.principal.scope.projects)
        publishing = question.action is Action.PUBLISH
        found = _holds(question, (r for p, r in anywhere if not (publishing and p.protected)), near)
    if found:
        return Allowed(found.statement)
    nearest = "; ".join(near[:3]) or f"no statement gives {question.action.needs}"
    return Denied(f"{question}: {nearest}. {_repair(question, registry, own)}")


def _holds(question: _Question, ways: Iterable[Right | Unreadable], near: list[str]) -> Right | None:
    """Find the first right that holds, and note on the way what nearly did."""
    needed = question.action.needs
    for right in ways:
        if isinstance(right, Unreadable):
            near.append(right.problem)
            continue
        meant = belongs(question.policy, question.principal.name, right.to)
        place = right.statement.place
        if isinstance(meant, Unreadable):
            near.append(meant.problem)
        elif not meant:
            continue
        elif right.role < needed:
            near.append(f"{place} gives {right.role}, this needs {needed}")
        elif question.project and right.projects and not covers(right.projects, question.project):
            near.append(f"{place} gives {right.role} only on {_few(right.projects)}")
        elif right.until and question.now.date() > right.until:
            near.insert(0, f"{place} gave {right.role} until {right.until}")
        else:
            return right
    return None


def _repair(question: _Question, registry: RegistryFile, own: ProjectFile | None) -> str:
    if question.principal.name is None:
        return f"Without credentials, only visibility: public in {registry.visibility_statement.place} would allow it"
    return f"Adding a grant of {question.action.needs} to {(own or registry).grants_statement.place} would allow it"


def _few(entries: tuple[str, ...]) -> str:
    """List what a message has room for."""
    return ", ".join(entries[:5]) + (" and others" if len(entries) > 5 else "")
