"""What a change means: one promise per kind of change. That nothing is hidden is in test_facts_hold.py."""

import datetime as dt
from collections.abc import Mapping

from registry.names import project_name, registry_name
from registry.policy.content import Memory
from registry.policy.difference import Difference, difference
from registry.policy.difference.comparison import Reach
from registry.policy.policy import Policy
from registry.policy.roles import Role
from tests.policies import BASE, LINKED, OTHER, PROJECT, REGISTRY, TEAM, Folder

PYTHON = registry_name("python")
GRANT = "projects: open\ngrants: [{role: publish, to: [team:payments], projects: ['payments-*']}]\n"


def compared(
    before: Mapping[str, str | None], after: Mapping[str, str | None], *known: str, today: dt.date | None = None
) -> Difference:
    """Compare two policies, each given by what differs from the base."""
    memory = Memory()
    old, new = (
        Policy(Folder({path: text for path, text in {**BASE, **side}.items() if text is not None}), memory)
        for side in (before, {**before, **after})
    )
    return difference(old, new, {PYTHON: [project_name(name) for name in known]}, today)


def said(reaches: tuple[Reach, ...]) -> list[tuple[str, str, str]]:
    return [(reach.fact.principal, str(reach.fact.role), reach.fact.pattern) for reach in reaches]


def test_a_line_in_a_team_file_is_a_right_on_every_project_the_team_may_publish() -> None:
    found = compared({REGISTRY: GRANT}, {TEAM: "members: [alice, carol]\nmaintainers: [carol]\n"}, "payments-api", "x")
    (gain,) = found.gained
    assert (gain.fact.principal, gain.fact.role, gain.fact.pattern) == ("carol", Role.PUBLISH, "payments-*")
    assert gain.projects == ("payments-api",)
    assert gain.future
    assert [statement.place for statement in gain.because] == [f"{REGISTRY}:2"]
    assert gain.through == ("payments",)
    assert found.gainers == {"carol"}
    assert not found.lost


def test_what_was_held_already_is_no_gain() -> None:
    wide = {REGISTRY: "projects: open\ngrants: [{role: write, to: [carol], projects: ['pay*']}]\n"}
    for more in ("{role: publish, to: [carol], projects: [payments-api, 'payments-*']}", "{role: write, to: [carol]}"):
        text = str(wide[REGISTRY]).replace("]\n", f", {more}]\n")
        found = compared(wide, {REGISTRY: text}, "payments-api", "orders")
        if "projects" in more:
            assert found.empty
        else:
            assert [(reach.fact.pattern, reach.projects) for reach in found.gained] == [("*", ("orders",))]


def test_moving_a_grant_or_renaming_a_team_with_all_that_names_it_is_no_change_in_rights() -> None:
    own = {PROJECT: "grants: [{role: write, to: [team:payments]}]\n"}
    inherited = {
        PROJECT: "repository: acme-payments\n",
        LINKED: "forge: other\npath: acme/payments\ngrants: [{role: write, to: [team:payments]}]\n",
    }
    assert compared(own, inherited).empty
    named = {REGISTRY: "projects: open\ngrants: [{role: write, to: [alice], projects: [payments-api]}]\n"}
    assert compared(own, {**named, PROJECT: "{}\n"}).empty
    renamed = {TEAM: None, "teams/pay.yaml": BASE[TEAM], REGISTRY: GRANT.replace("team:payments", "team:pay")}
    assert compared({REGISTRY: GRANT}, renamed).empty


def test_comments_and_order_are_no_change_in_rights() -> None:
    two = "projects: open\ngrants:\n  - {role: read, to: [alice]}\n  - {role: write, to: [carol]}\n"
    turned = "# new\nprojects: open\ngrants:\n  - {role: write, to: [carol]}\n  - {role: read, to: [alice]}\n"
    assert compared({REGISTRY: two}, {REGISTRY: turned}).empty


def test_a_higher_role_speaks_for_a_lower_one() -> None:
    two = "{role: read, to: [carol], projects: [%s]}, {role: write, to: [carol], projects: [%s]}"
    for pattern in ("payments-api", "'payments-*'"):
        found = compared({}, {REGISTRY: f"projects: open\ngrants: [{two % (pattern, pattern)}]\n"})
        assert [str(reach.fact.role) for reach in found.gained] == ["write"]


def test_a_linked_repository_changes_every_project_that_names_it() -> None:
    second = PROJECT.replace("payments-api", "payments-web")
    text = "forge: other\npath: acme/payments\ngrants: [{role: write, to: [%s]}]\n"
    linked = {PROJECT: "repository: acme-payments\n", second: "repository: acme-payments\n", LINKED: text % "alice"}
    found = compared(linked, {LINKED: text % "alice, carol"})
    assert said(found.gained) == [("carol", "write", "payments-api"), ("carol", "write", "payments-web")]
    assert not found.lost


def test_a_new_registry_or_project_gives_an_admin_nothing_new() -> None:
    admin = {"waybill.yaml": "organization: acme\nadmins: [carol]\n"}
    found = compared(admin, {"registries/new/registry.yaml": "projects: open\n"})
    assert not found.gained
    assert not found.gainers
    assert [shift.what for shift in found.altered] == ["registry new"]


def test_who_answers_for_a_service_account_gains_what_it_gains() -> None:
    people = {"people.yaml": "alice: {}\ncarol: {}\ndeploy-bot: {service: true, owner: team:payments}\n"}
    found = compared(people, {REGISTRY: "grants: [{role: publish, to: [deploy-bot]}]\n"})
    assert said(found.gained) == [("deploy-bot", "publish", "*")]
    assert found.gainers == {"alice"}


def test_the_right_to_approve_is_a_gain_too() -> None:
    found = compared({}, {TEAM: "members: [alice]\nmaintainers: [carol, alice]\n"})
    assert [(office.principal, office.duty, office.of) for office in found.appointed] == [
        ("alice", "maintainer", "payments")
    ]
    assert found.gainers == {"alice"}
    assert not found.gained


def test_a_right_that_is_shortened_is_not_lost_yet() -> None:
    until = GRANT.replace("['payments-*']", "['payments-*'], until: 2027-01-31")
    found = compared({REGISTRY: GRANT}, {REGISTRY: until})
    assert not found.lost
    ((expiry),) = found.expiring
    assert (expiry.fact.until, expiry.was, expiry.given) == (dt.date(2027, 1, 31), None, False)
    back = compared({REGISTRY: until}, {REGISTRY: GRANT})
    assert [reach.ended for reach in back.gained] == [dt.date(2027, 1, 31)]
    assert back.gainers == {"alice"}


def test_a_grant_that_has_ended_gives_nothing() -> None:
    ended = GRANT.replace("['payments-*']", "['payments-*'], until: 2026-01-31")
    assert compared({REGISTRY: ended}, {REGISTRY: "projects: open\n"}, today=dt.date(2026, 2, 1)).empty
    assert not compared({REGISTRY: ended}, {REGISTRY: "projects: open\n"}, today=dt.date(2026, 1, 31)).empty


def test_the_disabled_hold_nothing_and_regain_everything_when_enabled() -> None:
    to_bob = {REGISTRY: "grants: [{role: write, to: [bob, everyone]}]\n"}
    assert compared({}, {REGISTRY: "projects: open\ngrants: [{role: write, to: [bob, nobody-known]}]\n"}).empty
    found = compared(to_bob, {"people.yaml": BASE["people.yaml"].replace("{disabled: true}", "{}")})
    assert found.joined == ("bob",)
    assert said(found.gained) == [("bob", "write", "*")]
    gone = compared(to_bob, {"people.yaml": "bob: {disabled: true}\ncarol: {}\n"})
    assert gone.left == ("alice", "deploy-bot")
    assert {name for name, *_ in said(gone.lost)} == {"alice", "deploy-bot"}
    assert not gone.gainers


def test_everybody_is_named_once_and_gains_who_could_not_before() -> None:
    mine = {REGISTRY: "projects: open\ngrants: [{role: admin, to: [carol]}]\n"}
    found = compared(mine, {REGISTRY: "projects: open\nvisibility: internal\ngrants: [{role: admin, to: [carol]}]\n"})
    assert said(found.gained) == [("everyone", "read", "*")]
    assert found.gainers == {"alice"}


def test_what_lets_more_through_is_wider_and_whoever_may_publish_gains() -> None:
    held = f"{GRANT}owners: [carol]\n"
    found = compared({REGISTRY: held.replace("open", "declared")}, {REGISTRY: held})
    assert [(shift.what, shift.before, shift.after) for shift in found.widened] == [
        ("registry python: projects", "declared", "open")
    ]
    assert found.gainers == {"alice"}  # carol administers the registry, and could have done it herself
    found = compared({REGISTRY: held, PROJECT: "protected: true\n"}, {PROJECT: "{}\n"})
    assert [shift.what for shift in found.widened] == ["project payments-api in python: protected"]
    assert found.gainers == {"alice"}
    back = compared({REGISTRY: held, PROJECT: "{}\n"}, {PROJECT: "protected: true\n"})
    assert [shift.what for shift in back.narrowed] == ["project payments-api in python: protected"]
    assert not back.gainers


def test_settings_of_the_installation_have_a_direction() -> None:
    old = "organization: acme\nreview: {approvals: 2}\nlimits: {file_mb: 100}\nissuers: {github: true}\n"
    new = (
        "organization: acme\nreview: {approvals: 1}\nlimits: {file_mb: 50}\nissuers: {github: true, buildkite: true}\n"
    )
    found = compared({"waybill.yaml": old}, {"waybill.yaml": new})
    assert [shift.what for shift in found.widened] == ["review: approvals", "issuers: buildkite"]
    assert [shift.what for shift in found.narrowed] == ["limits: file_mb"]


def test_what_a_registry_accepts_beyond_pypi_has_a_direction() -> None:
    usual, none, urls = (
        "projects: open\n",
        "projects: open\naccepts: []\n",
        "projects: open\naccepts: [direct-urls]\n",
    )
    [widened] = compared({REGISTRY: none}, {REGISTRY: urls}).widened
    assert (widened.what, widened.before, widened.after) == ("registry python: accepts", "nothing", "direct-urls")
    [narrowed] = compared({REGISTRY: usual}, {REGISTRY: none}).narrowed
    assert narrowed.before == "linux-tags, local-versions, other-tags, private-classifiers, stdlib-names"
    found = compared({REGISTRY: usual}, {REGISTRY: urls})
    assert not any("accepts" in shift.what for shift in (*found.widened, *found.narrowed))  # some more, some less
    same = compared({REGISTRY: urls}, {REGISTRY: "accepts: [direct-urls, direct-urls]\nprojects: open\n"})
    assert (same.widened, same.narrowed) == ((), ())


def test_another_key_of_an_issuer_is_said_also_under_the_same_id() -> None:
    def keyed(number: str) -> dict[str, str]:
        key = f'{{"kid": "main", "kty": "RSA", "n": "{number}", "e": "AQAB"}}'
        return {"waybill.yaml": f"organization: acme\nkeys: {{'https://ci.acme.example': [{key}]}}\n"}

    asked = {"waybill.yaml": "organization: acme\n"}
    for before, after in ((keyed("one"), keyed("two")), (asked, keyed("one")), (keyed("one"), asked)):
        [shift] = compared(before, after).altered
        assert shift.what == "keys: https://ci.acme.example"
        assert shift.before != shift.after
        assert "main (sha256 " in f"{shift.before} {shift.after}"


def test_another_forge_id_for_a_person_is_said() -> None:
    one, other = ({"people.yaml": f'alice: {{github: "{number}"}}\n'} for number in (1, 2))
    found = compared(one, other)
    assert [(shift.what, shift.before, shift.after) for shift in found.altered] == [("account alice: github", "1", "2")]


def test_what_loses_its_last_owner_is_orphaned() -> None:
    owned = {REGISTRY: "owners: [carol]\n", PROJECT: "grants: [{role: admin, to: [alice]}]\n"}
    found = compared(owned, {REGISTRY: "{}\n", PROJECT: "{}\n"})
    assert [(orphan.what, orphan.last) for orphan in found.orphaned] == [
        ("registry python", ("carol",)),
        ("project payments-api in python", ("alice", "carol")),
    ]
    still = compared(owned, {PROJECT: "{}\n"})
    assert not still.orphaned
    assert [o.what for o in compared({}, {TEAM: "members: [alice]\n"}).orphaned] == ["team payments"]


def test_a_registry_that_is_gone_is_no_orphan() -> None:
    assert not compared({OTHER: "owners: [carol]\n"}, {OTHER: None}).orphaned


def test_giving_up_ones_own_rights_is_told_apart() -> None:
    held = {REGISTRY: "projects: open\ngrants: [{role: write, to: [alice, carol]}]\n"}
    assert compared(held, {REGISTRY: str(held[REGISTRY]).replace("alice, ", "")}).renounces == frozenset({"alice"})
    assert compared(held, {REGISTRY: str(held[REGISTRY]).replace("alice", "deploy-bot")}).renounces is None


def test_an_unreadable_file_takes_and_a_repaired_one_gives() -> None:
    held = {REGISTRY: GRANT}
    broken = compared(held, {PROJECT: "nonsense: true\n"})
    assert [(shift.what, shift.after) for shift in broken.narrowed] == [
        ("project payments-api in python", "cannot be read")
    ]
    assert compared({**held, PROJECT: "nonsense: true\n"}, {PROJECT: "{}\n"}).gainers == {"alice"}


def test_what_the_rules_of_the_validator_let_through_is_said() -> None:
    waiver = "{rule: WB207, where: ['*'], owner: alice, reason: why, until: 2027-01-31}"
    strict = {"waybill.yaml": "organization: acme\nrules: {upload: [WB4], change: [WB2]}\n"}
    loose = {"waybill.yaml": f"organization: acme\nrules: {{upload: [], change: [WB2], waivers: [{waiver}]}}\n"}
    found = compared(strict, loose)
    assert [(shift.what, shift.before, shift.after) for shift in found.widened] == [
        ("rules: upload", "WB4", None),
        ("rules: waiver of WB207", None, "* until 2027-01-31, by alice: why"),
    ]
    back = compared(loose, strict)
    assert ([shift.what for shift in back.narrowed], back.widened) == (["rules: upload", "rules: waiver of WB207"], ())
    other = compared(strict, {"waybill.yaml": strict["waybill.yaml"].replace("change", "ignore: [WB1], change")})
    assert [shift.what for shift in other.altered] == ["rules: ignore"]


def test_a_case_that_goes_widens_and_one_that_comes_narrows() -> None:
    cases = {"cases/core.yaml": "- {person: alice, may_not: delete, projects: ['core-*']}\n"}
    (gone,) = compared(cases, {"cases/core.yaml": None}).widened
    assert (gone.what, gone.before, gone.after) == ("case", "alice may not delete core-*", None)
    assert [shift.after for shift in compared({}, cases).narrowed] == ["alice may not delete core-*"]
    assert compared(
        cases, {"cases/core.yaml": None, "cases/moved.yaml": "# elsewhere\n" + cases["cases/core.yaml"]}
    ).empty
