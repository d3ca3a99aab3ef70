"""Who may do what: the whole table, written by hand to be checked by eye, and what holds for every policy."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.policy.decide import Allowed, Denied
from registry.policy.roles import ANYONE, Action, Principal, Role, Scope
from tests.policies import BASE, BROKEN, LINKED, OTHER, PROJECT, REGISTRY, TEAM, ask, policy

# Columns: the role that alice, bob, the service account and an unknown person are given on payments-api.
# Cells: what follows from it. R read, P publish, Y yank, D delete, A administer.
TABLE = {
    "private": """
                            none    read    publish  write   admin
        signed in           .....   R....   RP...    RPYD.   RPYDA
        service account     .....   R....   RP...    RPYD.   RPYDA
        token: unlimited    .....   R....   RP...    RPYD.   RPYDA
        token: read         .....   R....   R....    R....   R....
        token: publish      .....   R....   RP...    RP...   RP...
        token: write        .....   R....   RP...    RPYD.   RPYD.
        token: registry     .....   R....   RP...    RPYD.   RPYDA
        token: elsewhere    .....   .....   .....    .....   .....
        token: pattern      .....   R....   RP...    RPYD.   RPYDA
        token: other        .....   .....   .....    .....   .....
        token: narrow       .....   R....   RP...    RP...   RP...
        anonymous           .....   .....   .....    .....   .....
        disabled            .....   .....   .....    .....   .....
        disabled, token     .....   .....   .....    .....   .....
        unknown             .....   .....   .....    .....   .....
    """,
    "internal": """
                            none    read    publish  write   admin
        signed in           R....   R....   RP...    RPYD.   RPYDA
        service account     R....   R....   RP...    RPYD.   RPYDA
        token: unlimited    R....   R....   RP...    RPYD.   RPYDA
        token: read         R....   R....   R....    R....   R....
        token: publish      R....   R....   RP...    RP...   RP...
        token: write        R....   R....   RP...    RPYD.   RPYD.
        token: registry     R....   R....   RP...    RPYD.   RPYDA
        token: elsewhere    .....   .....   .....    .....   .....
        token: pattern      R....   R....   RP...    RPYD.   RPYDA
        token: other        .....   .....   .....    .....   .....
        token: narrow       R....   R....   RP...    RP...   RP...
        anonymous           .....   .....   .....    .....   .....
        disabled            .....   .....   .....    .....   .....
        disabled, token     .....   .....   .....    .....   .....
        unknown             .....   .....   .....    .....   .....
    """,
    "public": """
                            none    read    publish  write   admin
        signed in           R....   R....   RP...    RPYD.   RPYDA
        service account     R....   R....   RP...    RPYD.   RPYDA
        token: unlimited    R....   R....   RP...    RPYD.   RPYDA
        token: read         R....   R....   R....    R....   R....
        token: publish      R....   R....   RP...    RP...   RP...
        token: write        R....   R....   RP...    RPYD.   RPYD.
        token: registry     R....   R....   RP...    RPYD.   RPYDA
        token: elsewhere    .....   .....   .....    .....   .....
        token: pattern      R....   R....   RP...    RPYD.   RPYDA
        token: other        .....   .....   .....    .....   .....
        token: narrow       R....   R....   RP...    RP...   RP...
        anonymous           R....   R....   R....    R....   R....
        disabled            .....   .....   .....    .....   .....
        disabled, token     .....   .....   .....    .....   .....
        unknown             .....   .....   .....    .....   .....
    """,
}
WHO = {
    "signed in": Principal("alice"),
    "service account": Principal("deploy-bot"),
    "token: unlimited": Principal("alice", "t1"),
    "token: read": Principal("alice", "t1", Scope(Role.READ)),
    "token: publish": Principal("alice", "t1", Scope(Role.PUBLISH)),
    "token: write": Principal("alice", "t1", Scope(Role.WRITE)),
    "token: registry": Principal("alice", "t1", Scope(registries=("python",))),
    "token: elsewhere": Principal("alice", "t1", Scope(registries=("rust", "pyth*"))),
    "token: pattern": Principal("alice", "t1", Scope(projects=("payments-*",))),
    "token: other": Principal("alice", "t1", Scope(projects=("orders-*",))),
    "token: narrow": Principal("alice", "t1", Scope(Role.PUBLISH, ("rust", "python"), ("orders", "payments-api"))),
    "anonymous": ANYONE,
    "disabled": Principal("bob"),
    "disabled, token": Principal("bob", "t1"),
    "unknown": Principal("zed"),
}
ALL = "[alice, bob, deploy-bot, zed]"
# Where the role may stand: files beside the registry's, the registry's grants (ROLE is filled in), what Allowed names.
PLACES = {
    "registry": ({}, f"[{{role: ROLE, to: {ALL}}}]", f"{REGISTRY}#grants/0"),
    "pattern": ({}, f"[{{role: ROLE, to: {ALL}, projects: [orders, 'pay*']}}]", f"{REGISTRY}#grants/0"),
    "everyone": ({}, "[{role: ROLE, to: [everyone]}]", f"{REGISTRY}#grants/0"),
    "team": ({TEAM: f"members: {ALL}\n"}, "[{role: ROLE, to: [carol, team:payments]}]", f"{REGISTRY}#grants/0"),
    "project": ({PROJECT: f"grants: [{{role: ROLE, to: {ALL}}}]\n"}, "[]", f"{PROJECT}#grants/0"),
    "linked": (
        {
            PROJECT: "repository: acme-payments\n",
            LINKED: f"forge: other\npath: acme/payments\ngrants: [{{role: ROLE, to: {ALL}}}]\n",
        },
        "[]",
        f"{LINKED}#grants/0",
    ),
}


def lines(table: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in table.strip().splitlines()]


ROWS = [(seen, row[0], row[1:]) for seen, table in TABLE.items() for row in lines(table)[1:]]
HELD = ["none", "read", "publish", "write", "admin"]


def files(place: str, held: str, seen: str) -> dict[str, str]:
    others, grants, _ = PLACES[place]
    if held == "none":
        return {REGISTRY: f"projects: open\nvisibility: {seen}\n"}
    registry = f"projects: open\nvisibility: {seen}\ngrants: {grants}\n"
    return {path: text.replace("ROLE", held) for path, text in {**others, REGISTRY: registry}.items()}


def cell(answers: Mapping[Action, Allowed | Denied]) -> str:
    letters = {"read": "R", "publish": "P", "yank": "Y", "delete": "D", "administer": "A"}
    return "".join(letters[str(action)] if isinstance(answers[action], Allowed) else "." for action in Action)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("seen", "row", "expected"), ROWS, ids=[f"{seen}-{row}" for seen, row, _ in ROWS])
def test_the_table_is_what_is_decided_wherever_the_role_stands(
    place: str, seen: str, row: str, expected: list[str]
) -> None:
    for project in ("payments-api", None):
        if project is None and row == "token: other":
            continue  # the table speaks of payments-api; there may be a project that the token reaches
        decided = []
        for held in HELD:
            written = files(place, held, seen)
            rights = policy(written)
            answers = {action: ask(rights, WHO[row], str(action), project) for action in Action}
            decided.append(cell(answers))
            for action, answer in answers.items():
                check_words(answer, WHO[row], action, {**BASE, **written}, {PLACES[place][2], f"{REGISTRY}#visibility"})
        assert decided == expected


def check_words(
    answer: Allowed | Denied, who: Principal, action: Action, written: Mapping[str, str], sources: set[str]
) -> None:
    """Check that an answer names the statement that gave the right, or who asked and the place to repair."""
    if isinstance(answer, Allowed):
        assert answer.statement.ref in sources
        assert action is Action.READ or "visibility" not in answer.statement.ref
        return
    assert answer.reason.startswith(str(who))
    places = re.findall(r"[a-z0-9/-]+\.yaml(?::\d+)?", answer.reason)
    entry_missing = who.name == "zed"  # there is no line to name
    assert all(":" in place or place not in written or entry_missing for place in places), answer.reason
    assert places or (who.token and "token" in answer.reason and who.token in answer.reason) or who == ANYONE


def test_the_table_is_complete() -> None:
    assert {name for _, name, _ in ROWS} == set(WHO)
    assert len(ROWS) == 3 * len(WHO)
    assert all(lines(table)[0] == HELD for table in TABLE.values())
    assert all(len(row) == len(HELD) and all(len(text) == len(Action) for text in row) for *_, row in ROWS)


# --- what holds for every policy ---

ACCOUNTS = ["alice", "bob", "carol", "deploy-bot", "zed"]
NAMED = ["alice", "bob", "carol", "deploy-bot", "zed", "team:payments", "team:gone"]
GLOBS = ["*", "pay*", "payments-api", "orders", "o?ders", "nothing"]
EXPIRED = "2026-05-31"  # the day before test_decide.NOW


def lists(words: list[str], least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), min_size=least, max_size=3, unique=True)


@st.composite
def grants(draw: st.DrawFn, *, patterns: bool) -> dict[str, Any]:
    role = draw(st.sampled_from(HELD[1:]))
    to = draw(lists([*NAMED, "everyone", "anyone"] if role == "read" else [*NAMED, "everyone"], 1))
    until = draw(st.none() | st.sampled_from([EXPIRED, "2026-06-01", "2026-06-02"]))
    projects = draw(lists(GLOBS)) if patterns else []
    return {"role": role, "to": to} | ({"until": until} if until else {}) | ({"projects": projects} if projects else {})


@st.composite
def policies(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Draw the files of a policy as plain values: JSON is YAML too."""
    return {
        "waybill.yaml": {"organization": "acme", "admins": draw(lists(NAMED)), "auditors": draw(lists(NAMED))},
        TEAM: {"members": draw(lists(ACCOUNTS))},
        REGISTRY: {
            "visibility": draw(st.sampled_from(["private", "internal", "public"])),
            "projects": draw(st.sampled_from(["declared", "open"])),
            "owners": draw(lists(NAMED)),
            "grants": draw(st.lists(grants(patterns=True), max_size=3)),
        },
        PROJECT: {
            "repository": "acme-payments",
            "protected": draw(st.booleans()),
            "grants": draw(st.lists(grants(patterns=False), max_size=2)),
        },
        LINKED: {"forge": "other", "path": "acme/p", "grants": draw(st.lists(grants(patterns=False), max_size=2))},
    }


def rights(values: Mapping[str, Any], who: list[Principal], *, broken: str = "") -> dict[tuple[object, ...], str]:
    """Ask everything about a policy: what is allowed, and by which statement."""
    written = policy({path: BROKEN if path == broken else json.dumps(value) for path, value in values.items()})
    return {
        (str(one), action, registry, project): answer.statement.ref
        for one in who
        for action in Action
        for registry, project in [("python", "payments-api"), ("python", "orders"), ("python", None), ("rust", "x")]
        if isinstance(answer := ask(written, one, str(action), project, registry), Allowed)
    }


EVERYBODY = [ANYONE, *map(Principal, ACCOUNTS)]
CASES = settings(max_examples=60, deadline=None)


def with_grant(values: dict[str, dict[str, Any]], path: str, grant: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {**values, path: {**values[path], "grants": [*values[path]["grants"], grant]}}


@CASES
@given(policies(), st.sampled_from([REGISTRY, PROJECT, LINKED]), grants(patterns=False))
def test_one_more_grant_never_takes_a_right(values: dict[str, Any], path: str, grant: dict[str, Any]) -> None:
    assert rights(values, EVERYBODY).keys() <= rights(with_grant(values, path, grant), EVERYBODY).keys()


@CASES
@given(policies(), st.sampled_from([REGISTRY, PROJECT, LINKED]), grants(patterns=False))
def test_an_expired_grant_is_as_good_as_none(values: dict[str, Any], path: str, grant: dict[str, Any]) -> None:
    expired = with_grant(values, path, {**grant, "until": EXPIRED})
    assert rights(expired, EVERYBODY) == rights(values, EVERYBODY)


@st.composite
def narrowings(draw: st.DrawFn) -> tuple[Scope, Scope]:
    """Draw a token's scope and one that is at most as wide: an empty list is the widest."""
    role, lower = sorted(draw(st.tuples(*[st.sampled_from(list(Role))] * 2)), reverse=True)
    registries, projects = draw(lists(["python", "rust"])), draw(lists(GLOBS))
    fewer = draw(lists(registries, 1)) if registries else draw(lists(["python", "rust"]))
    narrower = draw(lists(projects, 1)) if projects else draw(lists(GLOBS))
    return Scope(role, tuple(registries), tuple(projects)), Scope(lower, tuple(fewer), tuple(narrower))


@CASES
@given(policies(), narrowings())
def test_a_narrower_token_never_has_more_rights(values: dict[str, Any], scopes: tuple[Scope, Scope]) -> None:
    wide, narrow = ([Principal(name, "t1", scope) for name in ACCOUNTS] for scope in scopes)
    owners = rights(values, list(map(Principal, ACCOUNTS)))
    assert rights(values, narrow).keys() <= rights(values, wide).keys() <= owners.keys()


@CASES
@given(policies(), st.sampled_from(["waybill.yaml", "people.yaml", TEAM, REGISTRY, OTHER, PROJECT, LINKED]))
def test_a_file_that_became_unreadable_never_gives_a_right(values: dict[str, Any], path: str) -> None:
    readable = rights(values, EVERYBODY)
    assert rights({path: None, **values}, EVERYBODY, broken=path).keys() <= readable.keys()
