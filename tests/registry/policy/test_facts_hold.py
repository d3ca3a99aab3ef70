"""Facts say exactly what is decided, and a difference hides nothing: for any small policies, `decide` is the judge."""

import datetime as dt
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.names import project_name, registry_name
from registry.policy.content import Memory
from registry.policy.decide import Allowed, decide
from registry.policy.difference import Difference, difference
from registry.policy.facts import Fact, Facts
from registry.policy.files import BadFile
from registry.policy.policy import Policy
from registry.policy.roles import ANYONE, Action, Principal, Role
from tests.policies import BROKEN, Folder

DAYS = (dt.date(2026, 5, 1), dt.date(2026, 12, 31), dt.date(2027, 6, 1))
ENDS = (None, "2026-05-31", "2026-12-31")
PEOPLE = ("ann", "ben", "cat", "bot")
REGISTRIES = ("one", "two")
PROJECTS = ("a", "ab", "b-a")
PATTERNS = ("a", "a*", "*", "?b", "*a", "*-*")
TO = ("ann", "ben", "bot", "gone", "team:red", "team:blue", "team:absent", "everyone")


def grants(*, patterns: bool) -> st.SearchStrategy[str]:
    def text(parts: tuple[str, list[str], list[str], str | None]) -> str:
        role, to, projects, until = parts
        said = f"role: {role}, to: [{', '.join(to)}]"
        if projects and patterns:
            said += ", projects: [" + ", ".join(f"'{p}'" for p in projects) + "]"
        return "{" + said + (f", until: {until}" if until else "") + "}"

    parts = st.tuples(
        st.sampled_from([str(role) for role in Role]),
        st.lists(st.sampled_from(TO), min_size=1, max_size=2),
        st.lists(st.sampled_from(PATTERNS), max_size=2),
        st.sampled_from(ENDS),
    )
    anyone = st.just("{role: read, to: [anyone]}")
    return st.lists(st.one_of(parts.map(text), parts.map(text), anyone), max_size=2).map(
        lambda lines: "[" + ", ".join(lines) + "]"
    )


def names(*known: str, most: int = 2) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(known), max_size=most, unique=True).map(lambda found: f"[{', '.join(found)}]")


@st.composite
def policies(draw: st.DrawFn) -> dict[str, str]:
    """Draw the files of a policy, now and then one that cannot be read."""
    flag = st.sampled_from(["", "", ", disabled: true"])
    people = [f"{name}: {{email: {name}@acme.example{draw(flag)}}}" for name in PEOPLE[:3] if draw(st.booleans())]
    people.append(f"bot: {{service: true, owner: {draw(st.sampled_from(['ann', 'team:red', 'gone']))}{draw(flag)}}}")
    owners = names("ann", "cat", "team:red", most=1)
    files = {
        "waybill.yaml": f"organization: acme\nadmins: {draw(owners)}\nauditors: {draw(owners)}\n",
        "people.yaml": "\n".join(people) + "\n",
    }
    for team in ("red", "blue"):
        files[f"teams/{team}.yaml"] = f"members: {draw(names(*PEOPLE))}\nmaintainers: {draw(names(*PEOPLE, most=1))}\n"
    if draw(st.booleans()):
        files["repositories/code.yaml"] = f"forge: other\npath: acme/code\ngrants: {draw(grants(patterns=False))}\n"
    for registry in REGISTRIES:
        kind = draw(st.sampled_from(["source", "source", "remote"]))
        files[f"registries/{registry}/registry.yaml"] = (
            f"kind: {kind}\n"
            + ("upstreams: [{url: 'https://mirror.example/simple'}]\n" if kind == "remote" else "")
            + f"visibility: {draw(st.sampled_from(['private', 'private', 'internal', 'public']))}\n"
            + f"projects: {draw(st.sampled_from(['open', 'declared']))}\n"
            + f"owners: {draw(owners)}\n"
            + f"grants: {draw(grants(patterns=True))}\n"
        )
        for project in PROJECTS[:2]:
            text = f"grants: {draw(grants(patterns=False))}\n"
            text += f"protected: {draw(st.sampled_from(['true', 'false', 'false']))}\n"
            text += draw(st.sampled_from(["", "repository: code\n"]))
            if draw(st.booleans()):
                files[f"registries/{registry}/projects/{project}.yaml"] = text
    spoiled = draw(st.sampled_from([None] * 8 + [path for path in files if path != "people.yaml"]))
    if spoiled:
        files[spoiled] = BROKEN
    return files


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Policy, Policy]:
    """Draw a policy, and what a change of some of its files makes of it."""
    before, other = draw(policies()), draw(policies())
    after = dict(before)
    for path in draw(st.lists(st.sampled_from(sorted({*before, *other})), max_size=3)):
        if path in other:
            after[path] = other[path]
        else:
            after.pop(path, None)
    memory = Memory()
    return Policy(Folder(before), memory), Policy(Folder(after), memory)


QUESTIONS = tuple(product([*PEOPLE, "gone", None], Action, REGISTRIES, PROJECTS, DAYS))


def allowed(policy: Policy, who: str | None, action: Action, registry: str, project: str, day: dt.date) -> bool:
    principal = Principal(who) if who else ANYONE
    now = dt.datetime.combine(day, dt.time(12), dt.UTC)
    answer = decide(policy, principal, action, registry_name(registry), project_name(project), now)
    return isinstance(answer, Allowed)


def shut(policy: Policy, action: Action, registry: str, project: str) -> bool:
    """Whether files forbid it to everybody; written here anew, from the words of the schema."""
    try:
        own = policy.project(registry_name(registry), project_name(project))
        found = policy.registry(registry_name(registry))
    except BadFile:
        return True
    if action is not Action.PUBLISH or found is None:
        return found is None
    return found.kind != "source" or (found.projects == "declared" and own is None) or bool(own and own.protected)


def speaks(fact: Fact, action: Action, registry: str, project: str, day: dt.date) -> bool:
    return (
        fact.role >= action.needs
        and fact.registry in {"*", registry}
        and fnmatchcase(project, fact.pattern)
        and (fact.until is None or day <= fact.until)
    )


@settings(max_examples=80, deadline=None)
@given(policies())
def test_facts_are_exactly_what_is_decided(files: dict[str, str]) -> None:
    policy = Policy(Folder(files))
    facts = Facts(policy)
    for who, action, registry, project, day in QUESTIONS:
        known = who is None or who in facts.accounts  # decide turns away the disabled even from what is public
        held = known and any(speaks(f, action, registry, project, day) for f in facts.reach(who or "anyone"))
        expected = held and not shut(policy, action, registry, project)
        assert allowed(policy, who, action, registry, project, day) == expected, (who, action, registry, project, day)


def flips(before: Policy, after: Policy) -> list[tuple[Any, ...]]:
    """Everything that only one of two policies allows; what is public counts as allowed to everybody."""

    def may(policy: Policy, question: tuple[Any, ...]) -> bool:
        return allowed(policy, *question) or allowed(policy, None, *question[1:])

    asked = ((question, may(before, question), may(after, question)) for question in QUESTIONS)
    return [(*question, now) for question, was, now in asked if was != now]


def administered(policy: Policy, who: str, registry: str, project: str) -> bool:
    return any(
        f.role is Role.ADMIN and speaks(f, Action.ADMINISTER, registry, project, DAYS[0]) for f in Facts(policy).of(who)
    )


def behind(policies: tuple[Policy, Policy], who: str) -> set[str]:
    """The people who gain when an account does."""
    found: set[str] = set()
    for facts in map(Facts, policies):
        account = facts.accounts.get(who)
        if account and account.service:
            found |= set(facts.meant(account.owner or "")) - {"bot"}
        elif account:
            found.add(who)
    return found


@settings(max_examples=80, deadline=None)
@given(pairs())
def test_whatever_is_decided_otherwise_is_said_and_whoever_gains_is_named(pair: tuple[Policy, Policy]) -> None:
    before, after = pair
    found = difference(before, after)
    for who, action, registry, project, day, now in flips(before, after):
        where = f"project {project} in {registry}"
        if not now:
            assert found.lost or found.narrowed or found.left or found.expiring or found.altered
            continue
        assert found.gained or found.widened or found.altered
        declared = any(shift.what == f"{where}: declared" for shift in found.widened)
        if who in {None, "gone"} or (action is Action.PUBLISH and declared):
            continue  # a new project gives those nothing whose rights speak of every project of such a name
        if not administered(before, who, registry, project):
            new = {name for name in behind(pair, who) if not allowed(before, name, action, registry, project, day)}
            assert new <= found.gainers, (who, action, registry, project)


@settings(max_examples=80, deadline=None)
@given(pairs())
def test_no_change_in_rights_is_only_said_when_nothing_is_decided_otherwise(pair: tuple[Policy, Policy]) -> None:
    before, after = pair
    assert difference(before, before).empty
    if difference(before, after).empty:
        assert flips(before, after) == []


PROBE = {Role.READ: Action.READ, Role.WRITE: Action.DELETE, Role.ADMIN: Action.ADMINISTER}


@settings(max_examples=80, deadline=None)
@given(pairs())
def test_every_project_that_is_named_as_gained_was_out_of_reach_before(pair: tuple[Policy, Policy]) -> None:
    found: Difference = difference(*pair)
    for side, other, reaches in ((pair[1], pair[0], found.gained), (pair[0], pair[1], found.lost)):
        for reach in reaches:
            fact, who = reach.fact, reach.fact.principal
            if fact.role is Role.PUBLISH or who == "everyone" or fact.registry == "*":
                continue
            for project in reach.projects:
                question = (None if who == "anyone" else who, PROBE[fact.role], fact.registry, project)
                day = fact.until or DAYS[2]
                assert not allowed(other, *question, day)
                assert allowed(side, *question, day) or shut(side, question[1], fact.registry, project)
