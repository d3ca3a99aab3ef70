"""A policy, perhaps beside the one it would follow, as subjects."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any

from registry.activity import Activity
from registry.policy.case import Case
from registry.policy.difference import Difference
from registry.policy.files import Problem, Statement
from registry.policy.given import readable
from registry.policy.judge import Approval, Judgement, judge
from registry.policy.judge.guards import misplaced, twins, unreadable
from registry.policy.judge.holds import Known, breaches
from registry.policy.judge.references import dangling
from registry.policy.judge.removals import removals
from registry.policy.judge.touched import every_path
from registry.policy.policy import Policy
from validator.materials.rights import Rights
from validator.rule import Situation
from validator.subject import Absent, Fixtures, Material, Subject
from validator.things import PolicyPath

KINDS = ("publisher", "grant", "waiver", "case", "person", "team", "project", "registry", "path")


_Found = tuple[str, str, object, Statement]  # kind, label, value, place


@dataclass(frozen=True)
class Proposal:
    """What a change makes of the policy in force."""

    before: Policy
    after: Policy
    author: str | None
    now: datetime
    approvals: Sequence[Approval] = ()
    known: Known | None = None

    @cached_property
    def judgement(self) -> Judgement:
        """What the registry itself says to it."""
        return judge(self.before, self.after, self.author, self.approvals, self.now, projects=self.known)

    @property
    def difference(self) -> Difference:
        """What it means."""
        return self.judgement.difference

    @cached_property
    def removals(self) -> tuple[Problem, ...]:
        """What it takes away too much of."""
        return tuple(removals(self.before, self.after))


@dataclass(frozen=True)
class HeldCase:
    """One case of the policy, and where it does not hold."""

    case: Case
    breaches: tuple[str, ...]


def change_material(
    policy: Policy,
    now: datetime,
    proposal: Proposal | None = None,
    root: str = "",
    activity: Activity | None = None,
) -> Material:
    """Make subjects of a policy.

    Args:
        policy: the policy as it would be.
        now: the moment.
        proposal: what it would change; None: there is nothing to compare it with.
        root: the folder it lies in, as the caller names it.
        activity: what the ledger tells of accounts, where there is one.
    """
    rights = Rights(policy)

    def compared() -> Proposal:
        if proposal is None:
            raise Absent("there is nothing to compare with; give the base of the change")
        return proposal

    def told() -> Activity:
        if activity is None:
            raise Absent("there is no ledger beside the policy; a server has one, and so has a bare clone")
        return activity

    made: dict[str, Any] = {"policy": policy, "facts": rights.facts, "now": now, "today": now.date(), "rights": rights}
    lazy = {"change": compared, "organization": policy.organization, "activity": told}
    common = Fixtures(made, lazy)
    offers = frozenset({*made, *lazy, *KINDS})
    return Material(
        Situation.CHANGE,
        {kind: kind for kind in KINDS},
        list(_subjects(policy, rights, common, now)),
        common,
        offers,
        title="policy",
        root=root,
    )


def _subjects(policy: Policy, rights: Rights, common: Fixtures, now: datetime) -> Iterator[Subject]:
    """List all subjects, those of one kind together."""
    found = chain(_files(policy, now), _accounts(policy, rights), _places(policy, rights))
    for kind, label, value, at in found:
        yield Subject(kind, label, Fixtures({kind: value}, {}, common), at.file, at.line)


def _files(policy: Policy, now: datetime) -> Iterator[_Found]:
    for path in _paths(policy):
        yield "path", path.path, path, Statement(path.path, "", 0)
    for name in policy.files_of_cases():
        for case in readable(policy.cases, name) or ():
            yield "case", str(case), HeldCase(case, tuple(map(str, breaches(policy, case, {}, now)))), case.statement
    organization = readable(policy.organization)
    for waiver in organization.rules.waivers if organization else ():
        file, _, line = waiver.place.rpartition(":")
        yield "waiver", f"waiver of {waiver.rule} by {waiver.owner}", waiver, Statement(file, "", int(line))


def _accounts(policy: Policy, rights: Rights) -> Iterator[_Found]:
    for account in (readable(policy.accounts) or {}).values():
        yield "person", account.id, rights.account(account), account.statement
    for team in filter(None, (readable(policy.team, name) for name in policy.teams())):
        yield "team", f"team:{team.name}", team, team.statement


def _places(policy: Policy, rights: Rights) -> Iterator[_Found]:
    for registry in filter(None, (readable(policy.registry, name) for name in policy.registries())):
        yield "registry", registry.name, registry, registry.statement
    for project in (rights.project(where, name) for where, name in rights.declared):
        if project.own:
            yield "project", f"{project.name} in {project.registry}", project, project.own.statement
    for grant in rights.grants():
        yield "grant", f"{grant.role} to {', '.join(grant.to)}", grant, grant.statement
    for publisher in rights.publishers():
        label = f"{publisher.provider or publisher.issuer} for {publisher.project or '*'} in {publisher.registry}"
        yield "publisher", label, publisher, publisher.statement


def _paths(policy: Policy) -> Iterator[PolicyPath]:
    found = [_by_file(check(policy)) for check in (unreadable, misplaced, twins, dangling)]
    there = set(every_path(policy))
    for path in sorted(there.union(*found)):
        yield PolicyPath(path, *(side.get(path, ()) for side in found))


def _by_file(problems: Iterable[Problem]) -> dict[str, tuple[Problem, ...]]:
    found: dict[str, tuple[Problem, ...]] = {}
    for problem in problems:
        found[problem.file] = (*found.get(problem.file, ()), problem)
    return found
