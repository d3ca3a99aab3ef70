"""Cases: statements that hold after every change, for the projects there are and for those to come."""

import datetime as dt
from collections.abc import Iterable

import pytest
from freezegun import freeze_time
from jsonschema import Draft202012Validator
from yaml import safe_load

from registry.names import ProjectName, RegistryName
from registry.policy import parse
from registry.policy.files import BadFile
from registry.policy.judge.holds import breaches
from registry.policy.roles import Action
from tests.changes import PROJECT, REGISTRY, START, TEAM, Texts, refusals, verdict
from tests.policies import BROKEN, policy

CASES = "cases/rules.yaml"
GITHUB = "provider: github, repository_id: '123'"
FITTING = (
    "{provider: github, repository_id: '123', repository_owner_id: '42', "
    "workflow_ref: 'acme/payments/.github/workflows/release.yml@refs/heads/main', ref: refs/heads/main}"
)
PUBLISHER = '- {provider: github, repository_id: "123", owner_id: "42", workflow: release.yml%s}\n'
ISSUERS = {"waybill.yaml": START["waybill.yaml"] + "issuers: {github: true}\n"}


def where(texts: Texts, case: str, known: Iterable[str] = (), now: str = "2026-06-01") -> list[str]:
    """Ask where one case does not hold, in a policy of a single registry."""
    texts = {"registries/idle/registry.yaml": None, **START, **ISSUERS, **texts}
    texts = {**texts, "registries/idle/registry.yaml": None, "registries/rust/registry.yaml": None}
    (found,) = parse.cases(f"- {case}\n".encode(), CASES, "rules")
    projects = {RegistryName("python"): [ProjectName(name) for name in known]}
    with freeze_time(now):
        return [b.where for b in breaches(policy(texts), found, projects, dt.datetime.now(dt.UTC))]


NEVER = "{person: carol, may_not: delete, projects: ['pay*']}"
# What would let carol delete a project whose name begins with pay, and what would not.
TABLE: list[tuple[str, Texts, list[str]]] = [
    ("nothing", {}, []),
    ("the project", {PROJECT: "grants:\n- {role: write, to: [carol]}\n"}, ["payments-api in python"]),
    ("a lower role", {PROJECT: "grants:\n- {role: publish, to: [carol]}\n"}, []),
    ("another project", {"registries/python/projects/core.yaml": "grants:\n- {role: write, to: [carol]}\n"}, []),
    (
        "a team",
        {TEAM: "members: [carol]\nmaintainers: [mia, max]\n"},
        ["payments-api in python"],
    ),
    (
        "a pattern inside",
        {REGISTRY: "grants:\n- {role: write, to: [carol], projects: [payroll-*]}\n"},
        ["new projects payroll-* in python"],
    ),
    (
        "a pattern beside it",
        {REGISTRY: "grants:\n- {role: write, to: [carol], projects: ['*roll']}\n"},
        ["payroll in python", "new projects *roll in python"],
    ),
    ("a pattern elsewhere", {REGISTRY: "grants:\n- {role: write, to: [carol], projects: [web-*]}\n"}, []),
    (
        "a name",
        {REGISTRY: "grants:\n- {role: write, to: [carol], projects: [pays, web]}\n"},
        ["pays in python"],
    ),
    (
        "everything",
        {REGISTRY: "owners: [carol]\n"},
        ["payments-api in python", "payroll in python", "new projects * in python"],
    ),
    (
        "all people",
        {REGISTRY: "grants:\n- {role: write, to: [everyone], projects: [payments-api]}\n"},
        ["payments-api in python"],
    ),
    ("a right that ended", {PROJECT: "grants:\n- {role: write, to: [carol], until: 2026-05-31}\n"}, []),
    (
        "a right of its last day",
        {PROJECT: "grants:\n- {role: write, to: [carol], until: 2026-06-01}\n"},
        ["payments-api in python"],
    ),
    (
        "a disabled account",
        {
            REGISTRY: "owners: [carol]\n",
            "people.yaml": START["people.yaml"].replace("carol: {}", "carol: {disabled: true}"),
        },
        [],
    ),
    (
        "a freeze",
        {REGISTRY: "owners: [carol]\nfrozen: true\nprojects: open\n"},
        ["payments-api in python", "payroll in python", "new projects * in python"],
    ),
]


@pytest.mark.parametrize(("texts", "broken"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_case_about_a_person_finds_every_way_to_the_right(texts: Texts, broken: list[str]) -> None:
    assert where(texts, NEVER, known=["payroll", "web"]) == broken


@pytest.mark.parametrize(
    ("condition", "case", "holds"),
    [
        ("", f"{{claims: {{{GITHUB}}}, may_not: publish, projects: [payments-*]}}", False),
        ("", f"{{claims: {{{GITHUB}, ref: refs/heads/main}}, may_not: publish, projects: [payments-*]}}", False),
        (
            ", ref: 'refs/tags/v*'",
            f"{{claims: {{{GITHUB}, ref: refs/heads/main}}, may_not: publish, projects: ['*']}}",
            True,
        ),
        (
            ", ref: 'refs/heads/*'",
            f"{{claims: {{{GITHUB}, ref: refs/heads/main}}, may_not: publish, projects: ['*']}}",
            False,
        ),
        (
            ", environment: pypi",
            f"{{claims: {{{GITHUB}, environment: test}}, may_not: publish, projects: ['*']}}",
            True,
        ),
        ("", "{claims: {provider: github, repository_id: '124'}, may_not: publish, projects: ['*']}", True),
        ("", "{claims: {provider: gitlab, project_id: '123'}, may_not: publish, projects: ['*']}", True),
        ("", f"{{claims: {{{GITHUB}}}, may_not: yank, projects: ['*']}}", True),
        (", scopes: [write]", f"{{claims: {{{GITHUB}}}, may_not: yank, projects: ['*']}}", False),
        (", scopes: [read]", f"{{claims: {{{GITHUB}}}, may_not: publish, projects: ['*']}}", True),
        ("", f"{{claims: {FITTING}, may: publish, projects: [payments-api]}}", True),
        ("", f"{{claims: {{{GITHUB}}}, may: publish, projects: [payments-api]}}", False),
        (", ref: 'refs/tags/v*'", f"{{claims: {FITTING}, may: publish, projects: [payments-api]}}", False),
        ("", f"{{claims: {FITTING}, may: publish, projects: [core]}}", False),
    ],
)
def test_a_case_about_a_pipeline_takes_what_it_does_not_say_for_anything(
    condition: str, case: str, holds: bool
) -> None:
    texts = {PROJECT: START[PROJECT] + "publishers:\n" + PUBLISHER % condition}
    assert (where(texts, case) == []) is holds


def test_the_first_publisher_that_fits_for_sure_is_the_one_that_counts() -> None:
    case = f"{{claims: {FITTING}, may_not: publish, projects: [payments-api]}}"
    narrow, wide = PUBLISHER % ", scopes: [read]", PUBLISHER % ""
    assert where({PROJECT: f"publishers:\n{narrow}{wide}"}, case) == []
    assert where({PROJECT: f"publishers:\n{wide}{narrow}"}, case) == ["payments-api in python"]
    assert where({PROJECT: f"publishers:\n{narrow}", REGISTRY: f"publishers:\n{wide}"}, case) == []


def test_a_publisher_of_a_whole_registry_speaks_of_projects_to_come() -> None:
    case = f"{{claims: {{{GITHUB}}}, may_not: publish, projects: [web-*]}}"
    publishers = "publishers:\n" + PUBLISHER % ""
    assert where({REGISTRY: "projects: open\n" + publishers}, case) == ["new projects web-* in python"]
    assert where({REGISTRY: "projects: declared\n" + publishers}, case) == []
    assert where({REGISTRY: "projects: declared\n" + publishers}, case.replace("web-*", "pay*")) == [
        "payments-api in python"
    ]


def test_the_general_form_is_found_by_its_issuer() -> None:
    issuer = "https://token.actions.githubusercontent.com"
    texts = {PROJECT: f"publishers:\n- {{issuer: '{issuer}', claims: {{repository_id: '123'}}}}\n"}
    case = "{claims: {%s, repository_id: '123'}, may: publish, projects: [payments-api]}"
    assert where(texts, case % "provider: github") == []
    assert where(texts, case % f"issuer: '{issuer}'") == []
    assert where(texts, case % "issuer: 'https://gitlab.com'") == ["payments-api in python"]


def test_what_must_be_possible_is_asked_of_every_project_or_of_one_to_come() -> None:
    case = "{person: bob, may: publish, projects: [payments-*]}"
    granted = {
        REGISTRY: "projects: open\ngrants:\n- {role: publish, to: [bob], projects: [payments-*]}\n",
        PROJECT: None,
    }
    assert where(granted, case, known=["payments-api", "web"]) == []
    assert where(granted, case) == []
    assert where({PROJECT: None}, case) == ["payments-x in python"]
    assert where({PROJECT: None}, case, known=["payments-api"]) == ["payments-api in python"]


def test_strangers_can_be_meant() -> None:
    case = "{person: anyone, may_not: read, projects: [secret-*]}"
    assert where({REGISTRY: "visibility: internal\n"}, case) == []
    assert where({REGISTRY: "visibility: public\n"}, case) == ["new projects * in python"]


BOB = {CASES: "- {person: bob, may_not: delete, projects: [core], reason: he left the team}\n"}
CORE = {"registries/python/projects/core.yaml": "grants:\n- {role: write, to: [bob]}\n"}


def test_a_change_that_breaks_a_case_is_refused_and_names_it() -> None:
    (problem,) = refusals(CORE, BOB)
    assert problem == (
        f"{CASES}:1: the case 'bob may not delete core' (he left the team) does not hold: "
        "bob may delete core in python: registries/python/projects/core.yaml:2"
    )
    assert refusals(CORE) == []


def test_a_case_does_not_leave_in_the_change_that_breaks_it() -> None:
    assert refusals({**CORE, CASES: None}, BOB) != []
    assert refusals({**CORE, CASES: BROKEN}, BOB) != []
    assert refusals({CASES: None}, BOB) == []
    assert refusals({**CORE, CASES: None, "cases/moved.yaml": BOB[CASES]}, BOB) != []


def test_a_new_case_must_hold_at_once() -> None:
    assert refusals(BOB, CORE) != []
    assert refusals({**BOB, "registries/python/projects/core.yaml": "{}\n"}, CORE) == []


def test_a_case_that_is_broken_already_holds_up_no_other_change() -> None:
    both = {**BOB, **CORE}
    assert refusals({TEAM: START[TEAM].replace("[bob]", "[]")}, both) == []
    worse = {"registries/rust/registry.yaml": "owners: [olga]\ngrants:\n- {role: write, to: [bob]}\n"}
    assert len(refusals(worse, both)) == 1


def test_projects_of_the_ledger_count() -> None:
    never = {CASES: "- {person: bob, may_not: delete, projects: [core-*]}\n"}
    change = {REGISTRY: START[REGISTRY] + "grants:\n- {role: write, to: [bob], projects: [core-one]}\n"}
    known = {RegistryName("python"): [ProjectName("core-one")]}
    assert verdict(change, "alice", ["adam"], never, known=known).refused


def test_a_case_says_who_what_and_where() -> None:
    text = "- {claims: {issuer: 'https://ci.example', number: 7}, may: publish, projects: [a, b-*], registry: python}\n"
    (case,) = parse.cases(text.encode(), CASES, "rules")
    assert (case.person, case.may, case.action, case.projects) == (None, True, Action.PUBLISH, ("a", "b-*"))
    assert str(case) == "https://ci.example {number: 7} may publish a, b-* in python"
    assert parse.cases(b"[]", CASES, "rules") == ()


REFUSED = [
    ("{person: bob, projects: ['*']}", "1: a case has exactly one of 'may' and 'may_not'"),
    ("{person: bob, may: read, may_not: read, projects: ['*']}", "1: a case has exactly one of 'may' and 'may_not'"),
    ("{may: read, projects: ['*']}", "1: a case has exactly one of 'person' and 'claims'"),
    ("{person: bob, may: raed, projects: ['*']}", "1: unknown action 'raed', did you mean 'read'?"),
    ("{person: bob, may: read}", "1: missing key 'projects'"),
    ("{person: bob, may: read, projects: []}", "1: projects: 0 entries; write at least 1"),
    ("{person: bob, may: read, projects: [A]}", "1: projects: 'A' is not a pattern"),
    (
        "{person: everyone, may: read, projects: ['*']}",
        "1: person: 'everyone' is not an account id like alice, or anyone",
    ),
    ("{person: bob, may: read, projects: ['*'], registry: simple}", "1: registry: 'simple' is reserved"),
    ("{claims: {ref: a}, may: read, projects: ['*']}", "1: claims: write either provider: <name> or issuer: <URL>"),
    ("{claims: {provider: gihub}, may: read, projects: ['*']}", "1: unknown provider 'gihub', did you mean 'github'?"),
    ("{claims: {issuer: acme}, may: read, projects: ['*']}", "1: issuer: this is not a URL"),
    ("{claims: {}, may: read, projects: ['*']}", "1: claims: 0 keys; write at least 1"),
]


@pytest.mark.parametrize(("case", "sentence"), REFUSED)
def test_a_case_that_cannot_be_read_is_refused_with_its_line(case: str, sentence: str) -> None:
    with pytest.raises(BadFile) as refusal:
        parse.cases(f"- {case}\n".encode(), CASES, "rules")
    assert str(refusal.value).startswith(f"{CASES}:{sentence}")


def test_the_json_schema_of_cases_accepts_what_the_loader_accepts() -> None:
    schema = parse.json_schemas()["cases"]
    Draft202012Validator.check_schema(schema)
    texts = [NEVER, "{claims: {provider: github, run_attempt: 1, ok: true}, may: read, projects: [a], reason: why}"]
    for text in texts:
        parse.cases(f"- {text}\n".encode(), CASES, "rules")
        assert not list(Draft202012Validator(schema).iter_errors(safe_load(f"- {text}")))
    assert list(Draft202012Validator(schema).iter_errors(safe_load("- {person: bob, my_not: delete, projects: ['*']}")))
