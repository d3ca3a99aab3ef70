"""Who may do what: one promise per rule. The whole table is in test_decide_table.py."""

import datetime as dt
import re

import pytest

from registry.policy.roles import ANYONE, Action, Principal, Role, Scope
from tests.policies import (
    BROKEN,
    LINKED,
    OTHER,
    PROJECT,
    REGISTRY,
    TEAM,
    allowed_by,
    linked,
    policy,
    refusal,
)

ELSEWHERE = Principal("alice", "t1", Scope(registries=("elsewhere",)))


# --- where a right may stand ---


def test_admins_may_do_everything_in_every_registry_but_nobody_else_by_that() -> None:
    given = policy({"waybill.yaml": "organization: acme\nadmins: [deploy-bot, team:payments]\n"})
    for registry in ("python", "rust"):
        for action in Action:
            assert allowed_by(given, "deploy-bot", str(action), registry=registry) == "waybill.yaml#admins/0"
            assert allowed_by(given, "alice", str(action), registry=registry) == "waybill.yaml#admins/1"
            refusal(given, "carol", str(action), registry=registry)


def test_owners_may_do_everything_in_their_registry_only() -> None:
    given = policy({REGISTRY: "projects: open\nowners: [carol, team:payments]\n"})
    for action in Action:
        assert allowed_by(given, "carol", str(action)) == f"{REGISTRY}#owners/0"
        assert allowed_by(given, "alice", str(action)) == f"{REGISTRY}#owners/1"
        assert re.search(rf"{OTHER}:\d+", refusal(given, "carol", str(action), registry="rust"))


def test_auditors_read_every_registry_and_nothing_more() -> None:
    given = policy({"waybill.yaml": "organization: acme\nauditors: [carol, team:payments]\n"})
    for registry in ("python", "rust"):
        assert allowed_by(given, "carol", "read", registry=registry) == "waybill.yaml#auditors/0"
        assert allowed_by(given, "alice", "read", registry=registry) == "waybill.yaml#auditors/1"
        for action in ("publish", "yank", "delete", "administer"):
            refusal(given, "carol", action, registry=registry)
    refusal(given, "deploy-bot", "read")


def test_a_registry_is_private_unless_it_says_otherwise() -> None:
    for who in ("carol", "deploy-bot", ANYONE):
        refusal({}, who, "read")
    assert re.search(rf"{REGISTRY}:\d+", refusal({}, "carol", "read"))


def test_a_refusal_without_credentials_names_the_place_that_would_have_to_change_too() -> None:
    assert re.search(rf"{REGISTRY}:\d+", refusal({}, ANYONE, "read"))


def test_an_internal_registry_is_read_by_everybody_signed_in() -> None:
    given = policy({REGISTRY: "projects: open\nvisibility: internal\n"})
    assert allowed_by(given, "carol", "read") == f"{REGISTRY}#visibility"
    assert allowed_by(given, "deploy-bot", "read") == f"{REGISTRY}#visibility"
    for who in (ANYONE, "bob", "zed"):
        refusal(given, who, "read")


def test_a_public_registry_is_read_without_credentials_but_not_with_those_of_the_disabled() -> None:
    given = policy({REGISTRY: "projects: open\nvisibility: public\n"})
    assert allowed_by(given, ANYONE, "read") == f"{REGISTRY}#visibility"
    assert allowed_by(given, "carol", "read") == f"{REGISTRY}#visibility"
    assert "people.yaml:2" in refusal(given, "bob", "read")
    assert "people.yaml" in refusal(given, "zed", "read")
    refusal(given, ANYONE, "publish")


def test_everyone_is_who_signed_in_and_anyone_is_everyone_and_the_anonymous() -> None:
    everyone = policy({REGISTRY: "grants: [{role: read, to: [everyone]}]\n"})
    anyone = policy({REGISTRY: "grants: [{role: read, to: [anyone]}]\n"})
    for who in ("alice", "deploy-bot"):
        assert allowed_by(everyone, who, "read") == f"{REGISTRY}#grants/0"
        assert allowed_by(anyone, who, "read") == f"{REGISTRY}#grants/0"
    assert allowed_by(anyone, ANYONE, "read") == f"{REGISTRY}#grants/0"
    refusal(everyone, ANYONE, "read")
    for who in ("bob", "zed"):
        refusal(everyone, who, "read")
        refusal(anyone, who, "read")


def test_a_team_passes_rights_to_members_and_not_to_maintainers_alone() -> None:
    given = policy({REGISTRY: "projects: open\ngrants: [{role: write, to: [team:payments]}]\n"})
    assert allowed_by(given, "alice", "delete") == f"{REGISTRY}#grants/0"
    refusal(given, "carol", "read")


def test_a_team_nobody_described_gives_nothing_and_hides_nothing() -> None:
    given = policy({REGISTRY: "grants: [{role: read, to: [team:gone, alice]}, {role: read, to: [team:gone]}]\n"})
    assert allowed_by(given, "alice", "read") == f"{REGISTRY}#grants/0"
    refusal(given, "carol", "read")


def test_an_account_named_like_a_team_is_not_that_team() -> None:
    given = policy({"people.yaml": "alice: {}\npayments: {}\n", REGISTRY: "grants: [{role: read, to: [payments]}]\n"})
    assert allowed_by(given, "payments", "read") == f"{REGISTRY}#grants/0"
    refusal(given, "alice", "read")


@pytest.mark.parametrize("who", ["bob", "zed"])
def test_the_disabled_and_the_unknown_have_no_right_wherever_they_are_listed(who: str) -> None:
    listed = f"[{who}, alice]"
    given = policy(
        {
            "waybill.yaml": f"organization: acme\nadmins: {listed}\nauditors: {listed}\n",
            TEAM: f"members: {listed}\n",
            REGISTRY: f"visibility: public\nowners: {listed}\ngrants: [{{role: admin, to: [{who}, team:payments]}}]\n",
            PROJECT: f"grants: [{{role: admin, to: {listed}}}]\n",
        }
    )
    for action in Action:
        for project in ("payments-api", None):
            assert "people.yaml" in refusal(given, who, str(action), project)
            assert "people.yaml" in refusal(given, Principal(who, "t1"), str(action), project)
            allowed_by(given, "alice", str(action), project)


# --- on which projects ---


def test_a_grant_with_patterns_holds_on_matching_projects_only() -> None:
    given = policy({REGISTRY: "projects: open\ngrants: [{role: write, to: [alice], projects: ['pay-*', 'v?']}]\n"})
    for project in ("pay-api", "pay-a-b", "v1", "Pay_API"):
        assert allowed_by(given, "alice", "yank", project) == f"{REGISTRY}#grants/0"
    for project in ("pay", "payments", "my-pay-api", "v", "v12", "orders"):
        assert re.search(rf"{REGISTRY}:\d+", refusal(given, "alice", "yank", project))


def test_the_grants_of_a_project_file_hold_on_that_project_only() -> None:
    given = policy({PROJECT: "grants: [{role: read, to: [carol]}, {role: write, to: [alice]}]\n"})
    assert allowed_by(given, "carol", "read") == f"{PROJECT}#grants/0"
    assert allowed_by(given, "alice", "delete") == f"{PROJECT}#grants/1"
    refusal(given, "alice", "read", "orders")
    refusal(given, "alice", "read", registry="rust")


def test_a_project_inherits_the_grants_of_the_linked_repository_it_names() -> None:
    given = policy(linked("[{role: write, to: [alice]}]"))
    assert allowed_by(given, "alice", "delete") == f"{LINKED}#grants/0"
    refusal(given, "alice", "read", "orders")
    refusal(given, "carol", "read")
    refusal({**linked("[{role: write, to: [alice]}]"), PROJECT: "{}\n"}, "alice", "read")


def test_a_registry_of_declared_projects_takes_uploads_only_where_a_project_file_is() -> None:
    registry = "projects: declared\ngrants: [{role: admin, to: [alice]}]\n"
    assert allowed_by({REGISTRY: registry, PROJECT: "{}\n"}, "alice", "publish") == f"{REGISTRY}#grants/0"
    assert PROJECT in refusal({REGISTRY: registry}, "alice", "publish")
    assert allowed_by({REGISTRY: registry}, "alice", "read") == f"{REGISTRY}#grants/0"
    assert PROJECT in refusal(
        {REGISTRY: "{}\n", "waybill.yaml": "organization: a\nadmins: [alice]\n"}, "alice", "publish"
    )


def test_a_registry_of_open_projects_takes_uploads_of_new_names() -> None:
    given = policy({REGISTRY: "projects: open\ngrants: [{role: publish, to: [alice]}]\n"})
    assert allowed_by(given, "alice", "publish", "never-seen") == f"{REGISTRY}#grants/0"


def test_nobody_publishes_to_a_protected_project_by_who_they_are() -> None:
    files = {
        "waybill.yaml": "organization: acme\nadmins: [carol]\n",
        REGISTRY: "projects: open\ngrants: [{role: admin, to: [alice]}]\n",
    }
    protected = policy({**files, PROJECT: "# released by CI\nprotected: true\n"})
    unprotected = policy({**files, PROJECT: "# released by CI\nprotected: false\n"})
    for who in (Principal("alice"), Principal("alice", "t1"), Principal("carol"), Principal("carol", "t2")):
        assert f"{PROJECT}:2" in refusal(protected, who, "publish")
        allowed_by(unprotected, who, "publish")
        allowed_by(protected, who, "publish", "orders")
        for action in ("read", "yank", "delete", "administer"):
            allowed_by(protected, who, action)


@pytest.mark.parametrize(
    ("kind", "upstream"), [("composite", "registry: rust"), ("remote", "url: 'https://index.example/simple/'")]
)
def test_only_source_registries_take_uploads(kind: str, upstream: str) -> None:
    text = "grants: [{role: admin, to: [alice]}]\n"
    given = policy({REGISTRY: f"{text}kind: {kind}\nupstreams: [{{{upstream}}}]\n"})
    for project in ("payments-api", None):
        assert re.search(rf"{REGISTRY}:\d+", refusal(given, "alice", "publish", project))
        assert allowed_by(given, "alice", "read", project) == f"{REGISTRY}#grants/0"
        source = {REGISTRY: f"{text}kind: source\nprojects: open\n"}
        assert allowed_by(source, "alice", "publish", project) == f"{REGISTRY}#grants/0"


def test_a_registry_that_is_not_there_is_named_with_the_file_it_would_need() -> None:
    given = policy({"waybill.yaml": "organization: acme\nadmins: [alice]\n"})
    for who in ("alice", "carol", ANYONE):
        assert "registries/none/registry.yaml" in refusal(given, who, "read", registry="none")


# --- how long ---

LAST_MOMENT = "2026-06-01T23:59:59.999999+00:00"
IN_TIME = ["2026-05-01T00:00+00:00", "2026-06-01T00:00+00:00", LAST_MOMENT, "2026-06-02T01:30+02:00"]
TOO_LATE = ["2026-06-02T00:00+00:00", "2026-06-01T22:30-02:00", "2027-06-01T00:00+00:00"]
UNTIL = "[{role: write, to: [alice], until: 2026-06-01}]"


@pytest.mark.parametrize(
    ("files", "file", "line"),
    [
        ({REGISTRY: f"projects: open\ngrants: {UNTIL}\n"}, REGISTRY, 2),
        ({PROJECT: f"# hand-over\n\ngrants: {UNTIL}\n"}, PROJECT, 3),
        (linked(UNTIL), LINKED, 3),
    ],
)
def test_a_grant_holds_through_the_whole_of_its_last_day_utc(files: dict[str, str], file: str, line: int) -> None:
    for moment in IN_TIME:
        for project in ("payments-api", None):
            found = allowed_by(files, "alice", "yank", project, now=dt.datetime.fromisoformat(moment))
            assert found == f"{file}#grants/0"
    for moment in TOO_LATE:
        for project in ("payments-api", None):
            reason = refusal(files, "alice", "yank", project, now=dt.datetime.fromisoformat(moment))
            if project or file == REGISTRY:  # about any project, only what stands in the registry's file is told
                assert "until" in reason
                assert f"{file}:{line}" in reason


# --- what a token narrows ---


def test_a_token_never_gives_what_its_owner_lacks() -> None:
    token = Principal("carol", "t1", Scope(Role.ADMIN, ("python",), ("payments-*",)))
    refusal({}, token, "read")
    assert allowed_by({PROJECT: "grants: [{role: read, to: [carol]}]\n"}, token, "read") == f"{PROJECT}#grants/0"


@pytest.mark.parametrize(
    ("scope", "action"),
    [
        (Scope(Role.READ), "publish"),
        (Scope(Role.PUBLISH), "delete"),
        (Scope(Role.WRITE), "administer"),
        (Scope(registries=("rust",)), "read"),
        (Scope(projects=("orders-*", "payments")), "read"),
    ],
)
def test_a_token_too_narrow_is_named_in_the_refusal(scope: Scope, action: str) -> None:
    given = policy({"waybill.yaml": "organization: acme\nadmins: [alice]\n"})
    reason = refusal(given, Principal("alice", "t0k3n", scope), action)
    assert "token" in reason
    assert "t0k3n" in reason
    wide = Scope(registries=("rust", "python"), projects=("orders", "payments-???"))
    assert allowed_by(given, Principal("alice", "t0k3n", wide), action) == "waybill.yaml#admins/0"


def test_a_token_narrows_reading_too_where_its_owner_reads_by_visibility() -> None:
    given = policy({REGISTRY: "visibility: public\n"})
    assert allowed_by(given, Principal("alice", "t1", Scope(Role.READ)), "read") == f"{REGISTRY}#visibility"
    assert "t1" in refusal(given, ELSEWHERE, "read")
    assert "t1" in refusal(given, Principal("alice", "t1", Scope(projects=("orders",))), "read")


# --- on any project at all ---


def test_any_project_counts_registry_grants_with_patterns_and_single_project_files() -> None:
    pattern = policy({REGISTRY: "projects: open\ngrants: [{role: publish, to: [alice], projects: ['pay-*']}]\n"})
    assert allowed_by(pattern, "alice", "publish", None) == f"{REGISTRY}#grants/0"
    refusal(pattern, "alice", "delete", None)
    refusal(pattern, "carol", "read", None)
    project = policy({PROJECT: "grants: [{role: publish, to: [alice]}]\n"})
    assert allowed_by(project, "alice", "publish", None) == f"{PROJECT}#grants/0"
    refusal(project, "alice", "delete", None)
    refusal(project, "carol", "read", None)
    assert allowed_by(linked("[{role: publish, to: [alice]}]"), "alice", "publish", None) == f"{LINKED}#grants/0"


def test_any_project_to_publish_to_is_one_that_is_not_protected() -> None:
    grants = "grants: [{role: admin, to: [alice]}]\n"
    protected = policy({PROJECT: f"{grants}protected: true\n"})
    refusal(protected, "alice", "publish", None)
    assert allowed_by(protected, "alice", "delete", None) == f"{PROJECT}#grants/0"
    assert allowed_by({PROJECT: grants}, "alice", "publish", None) == f"{PROJECT}#grants/0"


def test_any_project_counts_for_a_token_only_the_projects_it_is_limited_to() -> None:
    given = policy({PROJECT: "grants: [{role: publish, to: [alice]}]\n"})
    reaching = Principal("alice", "t1", Scope(projects=("orders", "payments-*")))
    assert allowed_by(given, reaching, "publish", None) == f"{PROJECT}#grants/0"
    refusal(given, Principal("alice", "t1", Scope(projects=("orders",))), "publish", None)
    refusal(given, Principal("alice", "t1", Scope(Role.READ)), "publish", None)
    refusal(given, ELSEWHERE, "read", None)


# --- files that cannot be read close their own scope and nothing else ---

OPEN = {
    "waybill.yaml": "organization: acme\nadmins: [carol]\n",
    REGISTRY: "projects: open\nvisibility: public\ngrants: [{role: write, to: [alice, team:payments]}]\n",
    OTHER: "projects: open\nvisibility: public\n",
    PROJECT: "repository: acme-payments\ngrants: [{role: read, to: [alice]}]\n",
    LINKED: "forge: other\npath: acme/payments\ngrants: [{role: admin, to: [alice]}]\n",
}


@pytest.mark.parametrize("text", [BROKEN, None])
def test_without_a_readable_organization_nothing_is_allowed(text: str | None) -> None:
    allowed_by(OPEN, ANYONE, "read")
    for who in ("carol", "alice", ANYONE, Principal("carol", "t1")):
        for registry in ("python", "rust"):
            for project in ("payments-api", None):
                for action in Action:
                    reason = refusal({**OPEN, "waybill.yaml": text}, who, str(action), project, registry)
                    assert ("waybill.yaml:2" if text else "waybill.yaml") in reason


@pytest.mark.parametrize("text", [BROKEN, None])
def test_without_a_readable_list_of_people_only_the_anonymous_read(text: str | None) -> None:
    given = policy({**OPEN, "people.yaml": text})
    for who in ("carol", "alice", Principal("carol", "t1")):
        for project in ("payments-api", None):
            for action in Action:
                assert ("people.yaml:2" if text else "people.yaml") in refusal(given, who, str(action), project)
    assert allowed_by(given, ANYONE, "read") == f"{REGISTRY}#visibility"
    assert allowed_by(given, ANYONE, "read", None) == f"{REGISTRY}#visibility"
    refusal(given, ANYONE, "publish")
    refusal({**OPEN, "people.yaml": text, REGISTRY: "{}\n"}, ANYONE, "read")


def test_an_unreadable_registry_is_closed_to_all_and_others_are_not() -> None:
    given = policy({**OPEN, REGISTRY: BROKEN})
    for who in ("carol", "alice", ANYONE):
        for project in ("payments-api", "orders", None):
            for action in Action:
                assert f"{REGISTRY}:2" in refusal(given, who, str(action), project)
        assert allowed_by(given, who, "read", registry="rust")
    assert allowed_by(given, "carol", "administer", registry="rust") == "waybill.yaml#admins/0"


def test_an_unreadable_project_is_closed_to_all_and_others_are_not() -> None:
    given = policy({**OPEN, PROJECT: BROKEN})
    for who in ("carol", "alice", ANYONE):
        for action in Action:
            assert f"{PROJECT}:2" in refusal(given, who, str(action))
        for project in ("orders", None):
            allowed_by(given, who, "read", project)
    assert allowed_by(given, "carol", "administer", "orders") == "waybill.yaml#admins/0"
    assert allowed_by(given, "alice", "publish", None) == f"{REGISTRY}#grants/0"


def test_an_unreadable_project_does_not_hide_a_readable_one_when_any_is_asked_for() -> None:
    readable = "registries/python/projects/orders.yaml"
    for broken in ("a", "z"):
        given = policy(
            {readable: "grants: [{role: publish, to: [alice]}]\n", f"registries/python/projects/{broken}.yaml": BROKEN}
        )
        assert allowed_by(given, "alice", "publish", None) == f"{readable}#grants/0"
        refusal(given, "carol", "read", None)


def test_an_unreadable_team_gives_nothing_and_other_grants_hold() -> None:
    grants = "[{role: read, to: [team:payments]}, {role: read, to: [team:payments, carol]}]"
    given = policy({TEAM: BROKEN, REGISTRY: f"grants: {grants}\n"})
    assert allowed_by(given, "carol", "read") == f"{REGISTRY}#grants/1"
    assert f"{TEAM}:2" in refusal(given, "alice", "read")
    assert allowed_by({REGISTRY: f"grants: {grants}\n"}, "alice", "read") == f"{REGISTRY}#grants/0"


def test_an_unreadable_team_among_admins_owners_and_auditors_takes_no_right_from_the_others() -> None:
    listed = "[team:payments, carol]"
    admins = policy({TEAM: BROKEN, "waybill.yaml": f"organization: acme\nadmins: {listed}\n"})
    assert allowed_by(admins, "carol", "administer") == "waybill.yaml#admins/1"
    assert f"{TEAM}:2" in refusal(admins, "alice", "read")
    auditors = policy({TEAM: BROKEN, "waybill.yaml": f"organization: acme\nauditors: {listed}\n"})
    assert allowed_by(auditors, "carol", "read") == "waybill.yaml#auditors/1"
    owners = policy({TEAM: BROKEN, REGISTRY: f"projects: open\nowners: {listed}\n"})
    assert allowed_by(owners, "carol", "administer") == f"{REGISTRY}#owners/1"
    refusal(owners, "alice", "read")


@pytest.mark.parametrize("text", [BROKEN, None])
def test_a_linked_repository_that_cannot_be_read_gives_nothing_and_other_grants_hold(text: str | None) -> None:
    allowed_by(OPEN, "alice", "administer")
    given = policy({**OPEN, LINKED: text})
    assert allowed_by(given, "alice", "delete") == f"{REGISTRY}#grants/0"
    assert LINKED in refusal(given, "alice", "administer")
    assert allowed_by(given, ANYONE, "read") == f"{REGISTRY}#visibility"
    assert allowed_by({**OPEN, LINKED: text, REGISTRY: "{}\n"}, "alice", "read") == f"{PROJECT}#grants/0"


# --- stopping all writes ---


def test_where_the_policy_is_frozen_nobody_writes_and_everybody_reads_as_before() -> None:
    given = {"waybill.yaml": "organization: acme\nadmins: [alice]\nfrozen: true\n", REGISTRY: "visibility: public\n"}
    for action in ("publish", "yank", "delete", "administer"):
        for project in ("payments-api", None):
            assert "waybill.yaml:3 says frozen: true" in refusal({**given, PROJECT: "{}\n"}, "alice", action, project)
    assert allowed_by(given, "alice", "read") == "waybill.yaml#admins/0"
    assert allowed_by(given, ANYONE, "read") == f"{REGISTRY}#visibility"
    assert "frozen" not in refusal(given, "carol", "publish")
    allowed_by({**given, "waybill.yaml": "organization: acme\nadmins: [alice]\nfrozen: false\n"}, "alice", "delete")


def test_a_frozen_registry_stops_writes_there_and_nowhere_else() -> None:
    given = {"waybill.yaml": "organization: acme\nadmins: [alice]\n", REGISTRY: "projects: open\nfrozen: true\n"}
    assert f"{REGISTRY}:2 says frozen: true" in refusal(given, "alice", "publish")
    allowed_by(given, "alice", "read")
    allowed_by(given, "alice", "publish", registry="rust")
