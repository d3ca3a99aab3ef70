"""Guard rails: what no change may do although everybody agreed to it, and what looks like it and may pass."""

import pytest

from registry.policy.judge.references import MOST_GUESSED
from tests.changes import LINKED, PROJECT, REGISTRY, START, TEAM, Texts, refusals, review
from tests.policies import BROKEN

ORG = START["waybill.yaml"]
STAFF = START["people.yaml"]
WEB = "teams/web.yaml"
CROWD = {"people.yaml": STAFF + "".join(f"p{n}: {{}}\n" for n in range(9))}  # twenty people who are not disabled
GRANTS = "grants:\n" + "".join(
    f"- {{role: read, to: [{name}]}}\n" for name in ["alice", "adam", "mia", "max", "bob", "carol", "dan"]
)
MANY = {REGISTRY: START[REGISTRY] + GRANTS}


def without(names: str) -> Texts:
    return {
        "people.yaml": "".join(
            f"{n}\n" for n in CROWD["people.yaml"].split("\n") if n.split(":")[0] not in names.split()
        )
    }


# Each rail: what runs into it, the beginning of the sentence it gives, and what comes near and passes.
RAILS: dict[str, tuple[Texts, str, Texts]] = {
    "a file that cannot be read": (
        {TEAM: BROKEN},
        f"{TEAM}:2: unknown key 'nonsense'",
        {TEAM: START[TEAM] + "# fine\n"},
    ),
    "no organization": (
        {"waybill.yaml": None},
        "waybill.yaml:1: the file is missing",
        {"waybill.yaml": ORG + "# fine\n"},
    ),
    "no people": ({"people.yaml": None}, "people.yaml:1: the file is missing", {"people.yaml": STAFF + "erin: {}\n"}),
    "no admin": (
        {"waybill.yaml": "organization: acme\n"},
        "waybill.yaml:1: admins: no person who is not disabled is left",
        {"waybill.yaml": ORG.replace("alice, adam", "alice")},
    ),
    "more approvals than admins beside an author": (
        {"waybill.yaml": ORG.replace("approvals: 1", "approvals: 2")},
        "waybill.yaml:1: review: approvals: 2 would be needed",
        {"waybill.yaml": ORG.replace("approvals: 1", "approvals: 0")},
    ),
    "only a service account as admin": (
        {"waybill.yaml": ORG.replace("alice, adam", "bot")},
        "waybill.yaml:1: admins: no person",
        {"waybill.yaml": ORG.replace("alice, adam", "bot, adam")},
    ),
    "only a disabled admin": (
        {"waybill.yaml": ORG.replace("alice, adam", "gone")},
        "waybill.yaml:1: admins: no person",
        {"waybill.yaml": ORG.replace("alice, adam", "alice, gone")},
    ),
    "a registry without its owners": (
        {REGISTRY: "projects: open\n"},
        f"{REGISTRY}:1: registry python would have no owner any more; it had olga, otto",
        {REGISTRY: START[REGISTRY].replace(", otto", "")},
    ),
    "a team without its maintainers": (
        {TEAM: "members: [bob]\n"},
        f"{TEAM}:1: team payments would have no owner any more; it had max, mia",
        {TEAM: "members: [bob]\nmaintainers: [carol]\n"},
    ),
    "a generation that is gone": ({"waybill.yaml": ORG}, "waybill.yaml:1: generation: it was 7 and would be gone", {}),
    "a generation that falls": (
        {"waybill.yaml": ORG + "generation: 6\n"},
        "waybill.yaml:1: generation: it was 7 and would be 6; it only grows",
        {"waybill.yaml": ORG + "generation: 8\n"},
    ),
    "an unknown team": (
        {REGISTRY: START[REGISTRY] + "grants:\n- {role: read, to: ['team:paiments']}\n"},
        f"{REGISTRY}:4: 'team:paiments' is named, and teams/paiments.yaml does not exist; did you mean",
        {REGISTRY: START[REGISTRY] + "grants:\n- {role: read, to: ['team:payments', everyone, anyone]}\n"},
    ),
    "an unknown member": (
        {TEAM: START[TEAM].replace("[bob]", "[bob, erin]")},
        f"{TEAM}:1: 'erin' is named, and people.yaml has no such entry",
        {TEAM: START[TEAM].replace("[bob]", "[bob, gone]")},
    ),
    "an unknown admin": (
        {"waybill.yaml": ORG.replace("[alice", "[alce, alice")},
        "waybill.yaml:2: 'alce' is named",
        {},
    ),
    "an unknown owner of a service account": (
        {"people.yaml": STAFF + "tool: {service: true, owner: erin}\n"},
        "people.yaml:13: 'erin' is named",
        {"people.yaml": STAFF + "tool: {service: true, owner: 'team:payments'}\n"},
    ),
    "an unknown linked repository": (
        {PROJECT: START[PROJECT] + "repository: paiments\n"},
        f"{PROJECT}:4: the linked repository it names does not exist; add repositories/paiments.yaml",
        {PROJECT: START[PROJECT] + "repository: payments\n"},
    ),
    "an unknown upstream": (
        {"registries/all/registry.yaml": "kind: composite\nupstreams: [{registry: rust}]\n"},
        "registries/all/registry.yaml:2: the registry it names does not exist",
        {"registries/all/registry.yaml": "kind: composite\nupstreams: [{registry: python}]\n"},
    ),
    "a composite of composites": (
        {
            "registries/all/registry.yaml": "kind: composite\nupstreams: [{registry: more}]\n",
            "registries/more/registry.yaml": "kind: composite\nupstreams: [{registry: python}]\n",
        },
        "registries/all/registry.yaml:2: 'more' is a composite itself; list its registries instead",
        {"registries/all/registry.yaml": "kind: composite\nupstreams: [{registry: python}]\n"},
    ),
    "a composite of what it cannot ask": (
        {
            "registries/all/registry.yaml": "kind: composite\nupstreams: [{registry: mirror}]\n",
            "registries/mirror/registry.yaml": "kind: remote\nupstreams: [{url: 'https://index.example/simple/'}]\n",
        },
        "registries/all/registry.yaml:2: 'mirror' is of kind remote, which no composite can ask yet",
        {"registries/all/registry.yaml": "kind: composite\nupstreams: [{registry: python, owns: ['payments-*']}]\n"},
    ),
    "a misspelt upstream": (
        {"registries/all/registry.yaml": "kind: composite\nupstreams: [{registry: pyhton}]\n"},
        "registries/all/registry.yaml:2: the registry it names does not exist; did you mean 'python'?",
        {"registries/all/registry.yaml": "kind: composite\nupstreams: [{registry: python}]\n"},
    ),
    "a case about a composite": (
        {
            "registries/all/registry.yaml": "kind: composite\nupstreams: [{registry: python}]\n",
            "cases/a.yaml": "- {person: bob, may: read, projects: ['x'], registry: all}\n",
        },
        "cases/a.yaml:1: 'all' is a composite, which gives no rights",
        {
            "registries/all/registry.yaml": "kind: composite\nvisibility: internal\nupstreams: [{registry: python}]\n",
            "cases/a.yaml": "- {person: bob, may_not: administer, projects: ['x'], registry: python}\n",
        },
    ),
    "a linked repository that is still linked": (
        {LINKED: None, PROJECT: START[PROJECT] + "repository: payments\n"},
        f"{PROJECT}:4: the linked repository it names",
        {LINKED: None},
    ),
    "a team that is still granted": (
        {TEAM: None},
        f"{PROJECT}:3: 'team:payments' is named, and teams/payments.yaml does not exist",
        {"teams/idle.yaml": None},
    ),
    "a case about nobody": (
        {"cases/a.yaml": "- {person: erin, may_not: delete, projects: ['*']}\n"},
        "cases/a.yaml:1: 'erin' is named",
        {"cases/a.yaml": "- {person: bob, may_not: administer, projects: ['*']}\n"},
    ),
    "a reserved registry": (
        {"registries/simple/registry.yaml": "kind: source\n"},
        "registries/simple/registry.yaml:1: 'simple' is reserved",
        {"registries/simple-2/registry.yaml": "kind: source\n"},
    ),
    "a folder that is no registry": (
        {"registries/rust/projects/core.yaml": "{}\n"},
        "registries/rust/registry.yaml:1: the folder has no such file",
        {"registries/rust/projects/core.yaml": "{}\n", "registries/rust/registry.yaml": "kind: source\n"},
    ),
    "a file that would be ignored": (
        {"teams/web.yml": "{}\n"},
        "teams/web.yml:1: this would be ignored",
        {WEB: "{}\n"},
    ),
    "a file too deep": (
        {"teams/a/web.yaml": "{}\n"},
        "teams/a/web.yaml:1: this would be ignored",
        {"docs/a.yaml": "a: b\n"},
    ),
    "a folder in capitals": (
        {"Teams/web.yaml": "{}\n"},
        "Teams/web.yaml:1: this would be ignored",
        {"teams/README.md": ""},
    ),
    "a folder in place of a file": (
        {PROJECT: None, f"{PROJECT}/note": ""},
        f"{PROJECT}:1: this is a folder where a file is meant",
        {"docs/a.yaml/note": ""},
    ),
    "a folder that would make a team known": (
        {f"{WEB}/note": "", REGISTRY: START[REGISTRY] + "grants:\n- {role: admin, to: ['team:web']}\n"},
        f"{WEB}:1: this is a folder where a file is meant",
        {WEB: "{}\n", REGISTRY: START[REGISTRY] + "grants:\n- {role: admin, to: ['team:web']}\n"},
    ),
    "another people.yaml": ({"People.yaml": "{}\n"}, "People.yaml:1: this would be ignored", {"mkdocs.yml": "a: b\n"}),
    "a twin in case": (
        {"docs/Guide.md": "", "docs/guide.md": ""},
        "docs/guide.md:1: differs from 'docs/Guide.md' only in case",
        {"docs/Guide.md": "", "docs/guide-2.md": ""},
    ),
    "twin folders": (
        {"Docs/a": "", "docs/b": ""},
        "docs:1: differs from 'Docs' only in case",
        {"docs/a": "", "docs/b": ""},
    ),
    "a twin in unicode": (
        {"caf\u00e9.md": "", "cafe\u0301.md": ""},
        "caf\u00e9.md:1: differs from 'cafe\\u0301.md' only in case or in how it is encoded",
        {"caf\u00e9.md": "", "cafe.md": ""},
    ),
    "a full-width twin": ({"\uff32EADME.md": "", "README.md": ""}, "\uff32EADME.md:1: differs from 'README.md'", {}),
    "an id in foreign letters": (
        {"teams/p\u0430yments.yaml": "{}\n"},
        "teams/p\u0430yments.yaml:1: 'p\\u0430yments'",
        {},
    ),
    "an account in capitals": ({"people.yaml": STAFF + "Alice: {}\n"}, "people.yaml:13: 'Alice' is not", {}),
    "an account in foreign letters": (
        {"people.yaml": STAFF + "\u0430lice: {}\n"},
        "people.yaml:13: '\\u0430lice' is not",
        {},
    ),
    "a reserved account": (
        {"people.yaml": STAFF + "everyone: {}\n"},
        "people.yaml:13: 'everyone' is not an account id",
        {},
    ),
    "an account twice": (
        {"people.yaml": STAFF + "bob: {}\n"},
        "people.yaml:13: the key 'bob' is already on line 8",
        {},
    ),
    "a project in another spelling": (
        {"registries/python/projects/pay.ments.yaml": "{}\n"},
        "registries/python/projects/pay.ments.yaml:1: project names are normalised",
        {"registries/python/projects/pay-ments.yaml": "{}\n"},
    ),
    "an e-mail address twice": (
        {"people.yaml": STAFF + "erin: {email: e@acme.example}\nemil: {email: E@acme.example}\n"},
        "people.yaml:14: 'emil' has the same email as 'erin'",
        {"people.yaml": STAFF + "erin: {email: e@acme.example}\nemil: {email: e2@acme.example}\n"},
    ),
    "a forge id twice": (
        {"people.yaml": STAFF + "erin: {github: '7'}\nemil: {github: '7'}\n"},
        "people.yaml:14: 'emil' has the same github as 'erin'",
        {"people.yaml": STAFF + "erin: {github: '7'}\nemil: {gitlab: '7'}\n"},
    ),
    "a quarter of the people": (
        without("p0 p1 p2 p3 p4 p5"),
        "people.yaml:1: 6 of 20 people would be removed at once, and 5 may be (25 percent)",
        without("p0 p1 p2 p3 p4"),
    ),
    "people disabled all at once": (
        {"people.yaml": "".join(f"p{n}: {{disabled: true}}\n" for n in range(9)) + STAFF},
        "people.yaml:1: 9 of 20 people",
        {"people.yaml": "".join(f"p{n}: {{disabled: {str(n < 5).lower()}}}\n" for n in range(9)) + STAFF},
    ),
    "a quarter of the rights": (
        {REGISTRY: START[REGISTRY]},
        "waybill.yaml:1: 7 of 18 entries of grants, teams and owners would be removed at once, and 4 may be",
        {REGISTRY: START[REGISTRY] + GRANTS.replace("dan]}\n", "alice]}\n").replace("carol", "adam")},
    ),
}
PARENTS: dict[str, Texts] = {
    "a generation that is gone": {"waybill.yaml": ORG + "generation: 7\n"},
    "a generation that falls": {"waybill.yaml": ORG + "generation: 7\n"},
    "a quarter of the people": CROWD,
    "people disabled all at once": CROWD,
    "a quarter of the rights": MANY,
}


@pytest.mark.parametrize("rail", RAILS)
def test_refuses(rail: str) -> None:
    change, sentence, _ = RAILS[rail]
    found = refusals(change, PARENTS.get(rail))
    assert [problem for problem in found if problem.startswith(sentence)], found


@pytest.mark.parametrize("rail", [name for name, (_, _, near) in RAILS.items() if near])
def test_lets_pass_what_only_looks_like(rail: str) -> None:
    assert refusals(RAILS[rail][2], PARENTS.get(rail)) == []


def test_a_project_keeps_an_owner_that_had_one() -> None:
    ownerless = {REGISTRY: "projects: open\n"}
    change = {PROJECT: START[PROJECT].replace("- {role: admin, to: [peter]}\n", "")}
    (problem,) = refusals(change, ownerless)
    assert problem.startswith(f"{PROJECT}:1: project payments-api in python would have no owner any more; it had peter")
    assert refusals({PROJECT: START[PROJECT].replace("peter", "carol")}, ownerless) == []
    assert refusals(change) == []  # the registry's owners own it too


def test_how_much_may_go_at_once_is_for_the_parent_to_say() -> None:
    roomy = {**CROWD, **review("approvals: 1, most_removed: 50")}
    change = without("p0 p1 p2 p3 p4 p5")
    assert refusals(change, roomy) == []
    assert refusals({**change, **review("approvals: 1, most_removed: 50")}, CROWD) != []
    assert refusals(without("p0 p1 p2 p3 p4 p5 p6 p7 p8 dan carol"), roomy) != []


def test_one_person_may_always_leave_and_their_entries_with_them() -> None:
    small = {
        "people.yaml": "alice: {}\nadam: {}\nbob: {}\n",
        "waybill.yaml": ORG,
        REGISTRY: "projects: open\ngrants:\n- {role: write, to: [bob]}\n- {role: read, to: [bob]}\n",
        TEAM: None,
        "teams/idle.yaml": "members: [bob]\n",
        "teams/other.yaml": "members: [bob]\n",
        "registries/idle/registry.yaml": None,
        PROJECT: None,
    }
    leaves = {
        "people.yaml": "alice: {}\nadam: {}\n",
        REGISTRY: "projects: open\n",
        "teams/idle.yaml": "{}\n",
        "teams/other.yaml": "{}\n",
    }
    assert refusals(leaves, small) == []


def test_moving_rights_to_another_file_takes_nothing_away() -> None:
    moved = {REGISTRY: START[REGISTRY], "repositories/payments.yaml": START[LINKED] + GRANTS, PROJECT: START[PROJECT]}
    assert refusals(moved, MANY) == []


def test_what_was_wrong_before_holds_up_no_change_elsewhere() -> None:
    wrong = {
        TEAM: BROKEN,
        "teams/idle.yaml": "members: [erin]\n",
        "docs/A": "",
        "docs/a": "",
        "Teams/x.yaml": "{}\n",
        "people.yaml": STAFF + "erik: {email: e@acme.example}\nemil: {email: e@acme.example}\n",
    }
    assert refusals({"people.yaml": wrong["people.yaml"].replace("dan: {}", "dan: {disabled: true}")}, wrong) == []
    assert refusals({TEAM: BROKEN + "# still\n"}, wrong) != []
    assert refusals({TEAM: START[TEAM]}, wrong) == []


def test_a_policy_that_cannot_be_read_can_be_repaired() -> None:
    assert refusals({TEAM: START[TEAM], REGISTRY: START[REGISTRY]}, {TEAM: BROKEN, REGISTRY: BROKEN}) == []


def test_of_very_many_names_that_do_not_exist_only_some_are_guessed() -> None:
    strangers = ", ".join(f"carol-{number}" for number in range(900))
    found = refusals({TEAM: f"members: [bob, {strangers}]\nmaintainers: [mia, max]\n"})
    named = [text for text in found if "people.yaml has no such entry" in text]
    assert len(named) == 900
    assert sum("did you mean 'carol'?" in text for text in named) == MOST_GUESSED
