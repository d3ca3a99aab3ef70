"""Long histories of changes and approvals: whatever is called good, the slow oracle would have allowed.

python -m pytest -m long tests/registry/policy/test_judge_machine.py     # 10,000 steps, some minutes
"""

import datetime as dt
from collections import Counter
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from registry.names import ProjectName, RegistryName
from registry.policy.content import Memory
from registry.policy.decide import Allowed, decide
from registry.policy.judge import Approval, judge
from registry.policy.policy import Policy
from registry.policy.roles import Action, Principal
from tests.policies import NOW, Folder
from tests.registry.policy.oracle import FRESH, NEEDS, ROLES, Change, Grant, World

PYTHON = RegistryName("python")
PEOPLE = ("alice", "adam", "olga", "mia", "bob", "carol")
BOTS = ("bot", "robot")
TEAMS = ("root", "pay")
PROJECTS = ("pay-api", "web")
START = World(
    people={**dict.fromkeys(PEOPLE, ""), "bot": "mia", "robot": "team:pay"},
    teams={"root": (("carol",), ("mia",)), "pay": (("bob",), ("mia", "olga"))},
    owners=("olga",),
    grants=(Grant("read", ("everyone",)), Grant("write", ("team:pay",), ("pay-*",), "2026-06-20")),
    projects={"pay-api": (Grant("admin", ("bob",)),), "web": ()},
)

ENTRIES = st.sampled_from([*PEOPLE, *BOTS, *(f"team:{team}" for team in TEAMS), "everyone"])
GRANTS = st.builds(
    Grant,
    st.sampled_from(ROLES),
    st.tuples(ENTRIES),
    st.sampled_from([(), ("pay-*",), ("*-new", "web"), ("pay-???",)]),
    st.sampled_from([None, None, "2026-06-10", "2026-06-20"]),
)
OWN_GRANTS = GRANTS.map(lambda grant: replace(grant, projects=()))


def toggled(entries: tuple[Any, ...], entry: Any) -> tuple[Any, ...]:
    return tuple(e for e in entries if e != entry) if entry in entries else (*entries, entry)


KINDS = ("member", "maintainer", "owner", "admin", "person", "grant", "project", "approvals", "freeze")


@st.composite
def edits(draw: Any, world: World) -> World:
    """Change one thing somewhere; who is in a list leaves it, who is not joins."""
    kind = draw(st.sampled_from(KINDS))
    changed: dict[str, Any] = {}
    if kind in {"member", "maintainer"}:
        team = draw(st.sampled_from(TEAMS))
        lists = list(world.teams[team])
        at = int(kind == "maintainer")
        lists[at] = toggled(lists[at], draw(st.sampled_from(PEOPLE if at else [*PEOPLE, *BOTS])))
        changed["teams"] = {**world.teams, team: tuple(lists)}
    elif kind in {"owner", "admin"}:
        entry = draw(ENTRIES.filter(lambda e: e != "everyone"))
        changed[f"{kind}s"] = toggled(getattr(world, f"{kind}s"), entry)
    elif kind == "person":
        name = draw(st.sampled_from([*PEOPLE, *BOTS]))
        state = draw(st.sampled_from(["", "disabled", *PEOPLE, "team:pay"]).filter(lambda s: s != name))
        changed["people"] = {**world.people, name: state}
    elif kind == "grant":
        changed["grants"] = toggled(world.grants, draw(st.sampled_from([*world.grants, None])) or draw(GRANTS))
    elif kind == "project":
        changed["projects"] = draw(projects(world.projects))
    elif kind == "approvals":
        changed["approvals"] = draw(st.integers(0, 2))
    else:
        changed["frozen"] = not world.frozen
    return replace(world, **changed)


@st.composite
def projects(draw: Any, before: dict[str, tuple[Grant, ...]]) -> dict[str, tuple[Grant, ...]]:
    """Add, change or remove the file of one project."""
    name = draw(st.sampled_from([*PROJECTS, "pay-web"]))
    own = before.get(name, ())
    if name in before and draw(st.integers(0, 4)) == 0:
        return {n: grants for n, grants in before.items() if n != name}
    return {**before, name: toggled(own, draw(st.sampled_from([*own, None])) or draw(OWN_GRANTS))}


class Changes(RuleBasedStateMachine):
    """A policy that moves only when it is judged good."""

    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.world, self.now, self.memory, self.commits = START, NOW, Memory(), 0

    def policy(self, world: World, commit: str) -> Policy:
        return Policy(Folder(world.files(), commit), self.memory)

    @rule(days=st.integers(1, 12))
    def time_passes(self, days: int) -> None:
        self.now += dt.timedelta(days=days)

    @rule(data=st.data())
    def somebody_proposes(self, data: st.DataObject) -> None:
        after = self.world
        for _ in range(data.draw(st.integers(1, 3))):
            after = data.draw(edits(after))
        author = data.draw(st.sampled_from([*PEOPLE, *BOTS]))
        pushers = data.draw(st.frozensets(st.sampled_from(PEOPLE), max_size=1))
        approvers = data.draw(st.sets(st.sampled_from([*PEOPLE, *BOTS, "ghost"]), max_size=4))
        base, tree = f"{self.commits:040d}", f"{self.commits:039d}a"
        sides = self.policy(self.world, base), self.policy(after, tree)
        given = [Approval(who, base, tree, self.now) for who in approvers]
        judged = judge(*sides, author, given, self.now, pushers=pushers)
        change = Change(self.world, after, author, pushers, self.now.date())

        stale = [Approval(who, *pair, self.now) for who in PEOPLE for pair in ((base, base), (tree, tree), ("", tree))]
        again = judge(*sides, author, [*given, *stale], self.now, pushers=pushers)
        assert (again.good, again.needs) == (judged.good, judged.needs)
        if judged.good:
            assert change.may_pass(approvers), (change, approvers)
            assert after.root()
            self.commits += 1
            self.world = after
        elif not judged.refused:
            uninvolved = {who for who in self.world.root() if who not in judged.excluded}
            if len(uninvolved) >= max(1, self.world.approvals):
                everybody = [Approval(who, base, tree, self.now) for who in uninvolved]
                assert judge(*sides, author, everybody, self.now, pushers=pushers).good
        gainers = {who for who, gains, _ in change.shifted() if gains}
        assert gainers <= set(judged.difference.gainers) | {w for w in gainers if not after.person(w)}
        Changes.seen["good" if judged.good else "refused" if judged.refused else "waiting"] += 1

    @invariant()
    def no_right_without_a_living_statement(self) -> None:
        policy = self.policy(self.world, f"{self.commits:040d}")
        for who in (*PEOPLE, *BOTS):
            for name in (*self.world.projects, *FRESH):
                for action in NEEDS:
                    found = decide(policy, Principal(who), Action(action), PYTHON, ProjectName(name), self.now)
                    expected = self.world.alive(who) and self.world.may(who, action, name, self.now.date())
                    assert isinstance(found, Allowed) == expected, (who, action, name, found)


def run(examples: int, steps: int) -> None:
    Changes.seen.clear()
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Changes, settings=limits)
    assert min(Changes.seen["good"], Changes.seen["waiting"]) >= examples / 2, Changes.seen  # or nothing was tried


def test_no_history_of_changes_gives_anybody_what_nobody_else_agreed_to() -> None:
    run(examples=40, steps=15)


@pytest.mark.long
def test_no_long_history_of_changes_does_either() -> None:
    run(examples=200, steps=50)
