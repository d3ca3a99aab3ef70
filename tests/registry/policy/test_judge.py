"""Judging changes: who must agree is for the policy that is changed to say, and for nobody else."""

import datetime as dt

import pytest
from freezegun import freeze_time

from registry.policy.judge import Approval, judge
from registry.policy.policy import Policy
from tests.changes import (
    BASE,
    LINKED,
    PEOPLE,
    PROJECT,
    REGISTRY,
    START,
    TEAM,
    TREE,
    UNREVIEWED,
    Texts,
    changed,
    review,
    verdict,
)
from tests.policies import BROKEN, NOW, Folder

CHANGES: dict[str, Texts] = {
    "waybill.yaml": {"waybill.yaml": START["waybill.yaml"] + "auditors: [carol]\n"},
    "people.yaml": {"people.yaml": START["people.yaml"] + "erin: {}\n"},
    "team": {TEAM: "members: [bob, carol]\nmaintainers: [mia, max]\n"},
    "team, removed": {"teams/idle.yaml": None},
    "team, new": {"teams/web.yaml": "members: [carol]\n"},
    "registry": {REGISTRY: START[REGISTRY] + "grants:\n- {role: read, to: [carol]}\n"},
    "registry, new": {"registries/rust/registry.yaml": "owners: [carol]\n"},
    "registry, removed": {"registries/idle/registry.yaml": None},
    "project": {PROJECT: START[PROJECT] + "- {role: write, to: [carol]}\n"},
    "project, new": {"registries/python/projects/new.yaml": "grants:\n- {role: write, to: [carol]}\n"},
    "project, removed": {PROJECT: None},
    "project, renamed": {PROJECT: None, "registries/python/projects/paid.yaml": START[PROJECT]},
    "linked repository": {LINKED: START[LINKED] + "grants:\n- {role: write, to: [carol]}\n"},
    "rules": {"rules/names_rules.py": "x = 1\n"},
    "cases": {"cases/core.yaml": "- {person: bob, may_not: delete, projects: [core]}\n"},
    "beside": {"README.md": "Our packages.\n"},
    "beside, in a registry": {"registries/python/README.md": "Ours.\n"},
}
# Does the agreement of this one person suffice? alice is an admin of the organization, olga owns the registry, mia
# maintains the team, peter administers the project; bob is a member, bot a service account, gone is disabled, and ghost
# is not in people.yaml.
TABLE = """
                          alice  olga  mia  peter  bob  bot  gone  ghost
    waybill.yaml          yes    -     -    -      -    -    -     -
    people.yaml           yes    -     -    -      -    -    -     -
    team                  yes    -     yes  -      -    -    -     -
    team, removed         yes    -     yes  -      -    -    -     -
    team, new             yes    -     -    -      -    -    -     -
    registry              yes    yes   -    -      -    -    -     -
    registry, new         yes    -     -    -      -    -    -     -
    registry, removed     yes    yes   -    -      -    -    -     -
    project               yes    yes   -    yes    -    -    -     -
    project, new          yes    yes   -    -      -    -    -     -
    project, removed      yes    yes   -    yes    -    -    -     -
    project, renamed      yes    yes   -    -      -    -    -     -
    linked repository     yes    -     -    -      -    -    -     -
    rules                 yes    -     -    -      -    -    -     -
    cases                 yes    -     -    -      -    -    -     -
    beside                yes    -     -    -      -    -    -     -
    beside, in a registry yes    yes   -    -      -    -    -     -
"""
WHO = TABLE.split("\n")[1].split()
ROWS = {row[4:26].strip(): dict(zip(WHO, row[26:].split(), strict=True)) for row in TABLE.split("\n")[2:-1]}


@pytest.mark.parametrize("what", CHANGES)
def test_one_owner_of_what_is_touched_must_agree_and_nobody_else_can(what: str) -> None:
    assert {who: "yes" if verdict(CHANGES[what], approved=[who]).good else "-" for who in WHO} == ROWS[what]


@pytest.mark.parametrize("what", CHANGES)
def test_nobody_approves_what_they_proposed_or_pushed_to(what: str) -> None:
    for who in WHO:
        assert not verdict(CHANGES[what], author=who, approved=[who]).good
        assert not verdict(CHANGES[what], pushers=[who], approved=[who]).good
        assert not verdict(CHANGES[what], author=None, approved=[]).good


@pytest.mark.parametrize("what", CHANGES)
def test_without_approvals_an_owner_merges_alone_and_nobody_else(what: str) -> None:
    parent = UNREVIEWED
    change = {path: text and text.replace("{approvals: 1}", "{approvals: 0}") for path, text in CHANGES[what].items()}
    assert {who: "yes" if verdict(change, who, parent=parent).good else "-" for who in WHO} == ROWS[what]
    assert not verdict(change, "alice", pushers=["bob"], parent=parent).good
    assert not verdict(change, None, parent=parent).good


def test_everybody_else_who_owns_nothing_decides_nothing() -> None:
    for change in CHANGES.values():
        assert not verdict(change, approved=["bob", "carol", "bot", "gone", "ghost"]).good
        assert verdict(change, approved=["adam"]).good


# Who gains, and is therefore not among those who may approve. Columns: the change, who gains, who may still approve.
GAINS: list[tuple[str, Texts, str, set[str]]] = [
    ("a member", {TEAM: "members: [bob, mia]\nmaintainers: [mia, max]\n"}, "mia", {"max", "alice", "adam"}),
    (
        "a maintainer",
        {TEAM: "members: [bob]\nmaintainers: [mia, max, carol]\n"},
        "carol",
        {"mia", "max", "alice", "adam"},
    ),
    (
        "through a service account",
        {TEAM: "members: [bob, bot]\nmaintainers: [mia, max]\n"},
        "mia",
        {"max", "alice", "adam"},
    ),
    (
        "both maintainers",
        {TEAM: "members: [bob, mia, max]\nmaintainers: [mia, max]\n"},
        "max",
        {"alice", "adam"},
    ),
    (
        "an owner elsewhere",
        {REGISTRY: START[REGISTRY].replace("olga, otto", "olga, otto, peter")},
        "peter",
        {"olga", "otto", "alice", "adam"},
    ),
    (
        "everyone",
        {PROJECT: START[PROJECT] + "- {role: write, to: [everyone]}\n"},
        "mia",
        {"peter", "olga", "otto", "alice", "adam"},
    ),
    (
        "a service account changes hands",
        {"people.yaml": START["people.yaml"].replace("owner: mia", "owner: olga")},
        "olga",
        {"alice", "adam"},
    ),
]


@pytest.mark.parametrize(("change", "gainer", "left"), [row[1:] for row in GAINS], ids=[row[0] for row in GAINS])
def test_nobody_approves_what_they_gain_by(change: Texts, gainer: str, left: set[str]) -> None:
    assert verdict(change).excluded[gainer] == "gains by it"
    assert {who for who in PEOPLE.split() if verdict(change, approved=[who]).good} == left


def test_who_gains_by_their_own_change_needs_somebody_else_even_without_approvals() -> None:
    joins = {TEAM: "members: [bob, mia]\nmaintainers: [mia, max]\n"}
    assert not verdict(joins, "mia", parent=UNREVIEWED).good
    assert verdict(joins, "mia", ["max"], parent=UNREVIEWED).good
    assert verdict({TEAM: "members: [bob, carol]\nmaintainers: [mia, max]\n"}, "mia", parent=UNREVIEWED).good


def test_an_admin_of_everything_gains_nothing_by_a_new_registry() -> None:
    new = {"registries/rust/registry.yaml": "owners: [alice]\ngrants:\n- {role: admin, to: [alice]}\n"}
    assert verdict(new, "alice", parent=UNREVIEWED).good


def test_a_change_does_not_decide_who_approves_it() -> None:
    for change in (
        {TEAM: "members: [bob]\nmaintainers: [carol]\n"},
        {REGISTRY: "owners: [carol]\nprojects: open\n"},
        {PROJECT: "grants:\n- {role: admin, to: [carol]}\n"},
        {"waybill.yaml": "organization: acme\nadmins: [carol]\nreview: {approvals: 0}\n"},
        {"waybill.yaml": "organization: acme\nadmins: [alice, adam]\n", "people.yaml": START["people.yaml"]},
    ):
        for author in ("carol", "dan"):
            assert not verdict(change, author).good
            assert not verdict(change, author, ["carol"]).good


def test_moving_somebody_to_another_id_makes_nobody_a_second_pair_of_eyes() -> None:
    emails = START["people.yaml"].replace("adam: {}", 'adam: {email: adam@acme.example, github: "7"}')
    two = emails.replace("carol: {}", "carol: {email: Adam@acme.example}").replace("email: adam@acme.example, ", "")
    judged = verdict({"people.yaml": two}, "dan", ["adam"], parent={"people.yaml": emails})
    assert judged.excluded["adam"] == "is moved to the account carol by it"
    assert not judged.good
    assert verdict({"people.yaml": two}, "dan", ["alice"], parent={"people.yaml": emails}).good


def test_nobody_approves_for_the_machine_they_answer_for() -> None:
    judged = verdict(CHANGES["team"], "bot", ["mia"])
    assert judged.excluded["mia"] == "answers for bot, which proposed it"
    assert not judged.good
    assert verdict(CHANGES["team"], "bot", ["max"]).good


def test_a_service_account_that_becomes_a_person_gives_its_owner_a_second_voice_which_is_a_gain() -> None:
    person = {"people.yaml": START["people.yaml"].replace("bot: {service: true, owner: mia}", "bot: {}")}
    assert verdict(person).excluded["mia"] == "gains by it"


def test_who_is_disabled_by_a_change_may_still_agree_to_it() -> None:
    leaves = {"people.yaml": START["people.yaml"].replace("adam: {}", "adam: {disabled: true}")}
    assert verdict(leaves, "alice", ["adam"]).good  # the parent says who may; the change cannot choose its judges


def test_every_touched_object_needs_an_owner_of_its_own() -> None:
    both = {**CHANGES["team"], **CHANGES["registry"]}
    assert [need.what for need in verdict(both, approved=["mia"]).missing] == [REGISTRY]
    assert verdict(both, approved=["mia", "otto"]).good
    assert verdict(both, approved=["adam"]).good


def test_what_is_missing_is_told_with_the_names_of_those_who_may_give_it() -> None:
    waiting = verdict(CHANGES["team"])
    assert [str(need) for need in waiting.missing] == [f"{TEAM}: 1 more approval, by max, mia or an admin"]
    assert not waiting.refused


@pytest.mark.parametrize("known", ["{id: '66', groups: ['42']}", "{path: payments/core}"])
def test_a_registry_joins_a_gitlab_group_only_where_an_admin_proposes_or_approves_it(known: str) -> None:
    change = {REGISTRY: f"{START[REGISTRY]}known_as: {{gitlab: [{known}]}}\n"}
    for parent in (UNREVIEWED, review("approvals: 1")):
        for agreed in ([], ["otto"]):
            found = verdict(change, "olga", agreed, parent=parent)
            assert [str(need) for need in found.missing] == [f"{REGISTRY}: 1 more approval, by adam or alice"]
        assert verdict(change, "olga", ["alice"], parent=parent).good
    assert verdict(change, "alice", parent=UNREVIEWED).good
    assert not verdict(change, "alice", parent=UNREVIEWED, pushers=["olga"]).good
    inside = {**UNREVIEWED, **change}
    assert verdict({REGISTRY: START[REGISTRY]}, "olga", parent=inside).good
    assert verdict({REGISTRY: f"# Ours.\n{change[REGISTRY]}"}, "olga", parent=inside).good


def test_a_registry_of_a_group_becomes_an_index_by_itself_only_with_an_admin() -> None:
    remote = f"kind: remote\nupstreams: [{{url: 'https://index.example/simple/'}}]\n{START[REGISTRY]}"
    proxy = {**UNREVIEWED, REGISTRY: remote}
    needs = verdict({REGISTRY: START[REGISTRY]}, "olga", ["otto"], parent=proxy).missing
    assert [str(need) for need in needs] == [f"{REGISTRY}: 1 more approval, by adam or alice"]
    assert verdict({REGISTRY: f"# Ours.\n{remote}"}, "olga", parent=proxy).good
    assert verdict({REGISTRY: START[REGISTRY]}, "olga", ["alice"], parent=proxy).good


def test_two_approvals_are_those_of_two_people() -> None:
    two = review("approvals: 2")
    assert not verdict(CHANGES["team"], approved=["mia", "mia"], parent=two).good
    assert [need.what for need in verdict(CHANGES["team"], approved=["mia"], parent=two).missing] == [TEAM]
    assert not verdict(CHANGES["team"], approved=["mia", "bob"], parent=two).good
    assert verdict(CHANGES["team"], approved=["mia", "alice"], parent=two).good
    assert not verdict(CHANGES["registry"], approved=["mia", "alice"], parent=two).good


def test_nobody_becomes_a_second_voice_for_a_file_by_an_edit_of_what_they_own() -> None:
    two = review("approvals: 2")
    padded = {**CHANGES["team"], REGISTRY: START[REGISTRY] + "# hello\n"}
    assert not verdict(padded, approved=["mia", "adam"], parent=two).good
    assert verdict(padded, approved=["mia", "adam", "otto"], parent=two).good


@pytest.mark.parametrize(("base", "tree"), [("c" * 40, TREE), (BASE, "c" * 40), (TREE, BASE)])
def test_an_approval_dies_with_what_it_was_given_for(base: str, tree: str) -> None:
    sides = Policy(Folder(START, BASE)), Policy(Folder(changed(CHANGES["team"], START), TREE))
    assert judge(*sides, "dan", [Approval("mia", BASE, TREE, NOW)], NOW).good
    assert not judge(*sides, "dan", [Approval("mia", base, tree, NOW)], NOW).good
    assert judge(*sides, "dan", [Approval("mia", BASE, "c" * 40, NOW)], NOW, tree_id="c" * 40).good


@pytest.mark.parametrize("broken", [TEAM, REGISTRY, PROJECT])
def test_where_the_parent_cannot_be_read_only_the_admins_are_left(broken: str) -> None:
    parent, repaired = {broken: BROKEN}, {broken: START[broken]}
    assert {who for who in PEOPLE.split() if verdict(repaired, approved=[who], parent=parent).good} == {"alice", "adam"}


@pytest.mark.parametrize("broken", ["waybill.yaml", "people.yaml"])
def test_where_nobody_can_be_known_nobody_may_approve_and_the_operator_is_named(broken: str) -> None:
    judged = verdict({broken: START[broken]}, "alice", PEOPLE.split(), parent={broken: BROKEN})
    assert not judged.good
    assert not judged.refused
    assert "--break-glass" in str(judged.missing[0])


def test_when_everybody_who_could_approve_has_a_hand_in_it_the_operator_is_named() -> None:
    judged = verdict(CHANGES["beside"], "alice", ["alice", "adam", "olga"], pushers=["adam"])
    assert [need.owners for need in judged.missing] == [()]
    assert "nobody may approve it" in str(judged.missing[0])


GIVEN_UP: dict[str, tuple[str, Texts]] = {
    "a membership": ("bob", {TEAM: "members: []\nmaintainers: [mia, max]\n"}),
    "maintaining": ("mia", {TEAM: "members: [bob]\nmaintainers: [max]\n"}),
    "a grant": ("peter", {PROJECT: "grants:\n- {role: write, to: ['team:payments']}\n"}),
    "being admin": ("adam", {"waybill.yaml": START["waybill.yaml"].replace(", adam", "")}),
    "everything": ("bob", {"people.yaml": START["people.yaml"].replace("bob: {}", "bob: {disabled: true}")}),
}


def test_a_machine_gives_up_nothing_by_itself() -> None:
    parent = {TEAM: "members: [bob, bot]\nmaintainers: [mia, max]\n"}
    assert not verdict({TEAM: START[TEAM]}, "bot", parent=parent).good
    assert verdict({TEAM: START[TEAM]}, "bot", ["max"], parent=parent).good


ADMINISTERED = {PROJECT: "grants:\n- {role: admin, to: [peter]}\n- {role: admin, to: [otto]}\n"}


@pytest.mark.parametrize("what", [w for w in GIVEN_UP if w != "a grant"])
def test_giving_up_ones_own_rights_needs_nobody(what: str) -> None:
    person, change = GIVEN_UP[what]
    assert verdict(change, person).good
    assert not verdict(change, "dan").good
    assert not verdict(change, person, pushers=["dan"]).good
    assert not verdict({**change, "README.md": "And this.\n"}, person).good
    assert not verdict({**change, **CHANGES["cases"]}, person).good


def test_giving_up_a_grant_needs_nobody_unless_it_was_the_last_to_own_something() -> None:
    assert verdict({PROJECT: "grants:\n- {role: admin, to: [otto]}\n"}, "peter", parent=ADMINISTERED).good
    assert verdict(GIVEN_UP["a grant"][1], "peter", parent={REGISTRY: "projects: open\n"}).refused


def test_a_second_way_to_a_right_is_not_slipped_in_while_giving_up_another() -> None:
    twice = {TEAM: "members: [bob, carol]\nmaintainers: [mia, max]\n", PROJECT: START[PROJECT]}
    change = {TEAM: START[TEAM], PROJECT: START[PROJECT] + "- {role: write, to: [carol]}\n"}
    assert not verdict(change, "carol", parent=twice).good
    assert verdict({TEAM: START[TEAM]}, "carol", parent=twice).good


def test_stopping_all_writes_needs_less_and_going_on_does_not() -> None:
    two = review("approvals: 2")["waybill.yaml"]
    frozen = {"waybill.yaml": two + "frozen: true\n"}
    assert verdict(frozen, "alice", parent={"waybill.yaml": two}).good
    assert not verdict(frozen, "dan", parent={"waybill.yaml": two}).good
    assert verdict(frozen, "dan", ["adam"], parent={"waybill.yaml": two}).good
    assert not verdict({"waybill.yaml": two}, "alice", parent=frozen).good
    assert not verdict({"waybill.yaml": two}, "alice", ["adam"], parent=frozen).good
    assert not verdict({**frozen, **CHANGES["beside"]}, "alice", parent={"waybill.yaml": two}).good
    raised = {"waybill.yaml": frozen["waybill.yaml"].replace("[alice, adam]", "[alice, adam, dan]")}
    assert not verdict(raised, "alice", parent={"waybill.yaml": two}).good


def test_owners_of_a_registry_stop_writes_there_as_quickly_as_the_policy_says() -> None:
    frozen = {REGISTRY: START[REGISTRY] + "frozen: true\n"}
    assert verdict(frozen, "olga").good
    assert not verdict(frozen, "mia").good
    assert not verdict(frozen, "olga", parent=review("approvals: 2, freeze_approvals: 1")).good
    assert verdict(frozen, "olga", ["otto"], parent=review("approvals: 2, freeze_approvals: 1")).good


def test_a_freeze_alone_does_not_use_up_the_generations() -> None:
    counted = {"waybill.yaml": START["waybill.yaml"] + "generation: 7\n"}
    for generation, good in ((7, True), (8, True), (9, False), (10**9, False)):
        frozen = counted["waybill.yaml"].replace("7", str(generation)) + "frozen: true\n"
        assert verdict({"waybill.yaml": frozen}, "alice", parent=counted).good is good


def test_a_freeze_takes_nobody_the_right_to_approve() -> None:
    parent = {REGISTRY: START[REGISTRY] + "frozen: true\n"}
    assert verdict(CHANGES["project"], approved=["peter"], parent=parent).good


def test_a_right_to_approve_ends_with_its_last_day() -> None:
    until = {PROJECT: START[PROJECT].replace("to: [peter]", "to: [peter], until: 2026-06-30")}
    change = {PROJECT: until[PROJECT] + "- {role: write, to: [carol]}\n"}
    sides = Policy(Folder(changed(until, START), BASE)), Policy(Folder(changed(change, START), TREE))
    agreed = [Approval("peter", BASE, TREE, NOW)]
    for moment, good in (("2026-06-30 23:59:59", True), ("2026-07-01 00:00:00", False)):
        with freeze_time(moment):
            assert judge(*sides, "dan", agreed, dt.datetime.now(dt.UTC)).good is good
