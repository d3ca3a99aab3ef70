"""Changes over the API: who sees them, who decides on them."""

import pytest
from werkzeug.test import TestResponse

from registry import tokens
from registry.policy.roles import Role, Scope
from tests.registry.web.proposals import ADDS_BOB, PROJECT, REGISTRY, TEAM, begin, propose
from tests.registry.web.site import Site, json_of

LIST = "/-/api/v1/changes"
ONE = f"{LIST}/add-bob"
EVERYBODY = ("alice", "erin", "dave", "carol", "dan", "grace", "peter", "bob", "deploy-bot", "audit-bot")


@pytest.fixture
def proposed(site: Site) -> Site:
    """A site at which alice proposed to add bob to the team of carol and dan."""
    begin(site)
    propose(site)
    return site


def post(site: Site, verb: str, person: str | None, body: bytes = b"", name: str = "add-bob") -> TestResponse:
    return site.ask(f"{LIST}/{name}/{verb}", person, method="POST", data=body)


def approve(site: Site, person: str, name: str = "add-bob") -> TestResponse:
    seen = json_of(site.ask(f"{LIST}/{name}", "alice"))
    body = f'{{"base": "{seen["base"]}", "tree": "{seen["tree"]}"}}'
    return post(site, "approve", person, body.encode(), name)


@pytest.mark.parametrize(
    ("files", "owners"),
    [
        (ADDS_BOB, {"carol", "dan"}),
        ({PROJECT: "grants:\n- {role: admin, to: [peter, bob]}\n"}, {"peter", "grace"}),
        ({REGISTRY: "owners: [grace]\nprojects: open\ngrants:\n- {role: read, to: [everyone]}\n"}, {"grace"}),
        ({"README.md": "# Rights\n"}, set()),
    ],
    ids=["a team", "a project", "a registry", "what concerns only admins"],
)
def test_a_change_is_shown_to_admins_auditors_and_owners_of_what_it_touches_and_to_nobody_else(
    site: Site, files: dict[str, str], owners: set[str]
) -> None:
    begin(site)
    propose(site, files=files)
    shown = {person for person in EVERYBODY if site.ask(ONE, person).status_code == 200}
    assert shown == {"alice", "erin", "dave", "audit-bot"} | owners
    assert {person for person in EVERYBODY if json_of(site.ask(LIST, person))["changes"]} == shown
    assert {site.ask(ONE, person).status_code for person in EVERYBODY if person not in shown} == {403}


def test_who_pushed_a_change_still_sees_it_when_they_audit_no_longer(site: Site) -> None:
    begin(site)
    propose(site, person="dave")
    site.policy(waybill="organization: acme\nadmins: [alice, erin]\nreview: {approvals: 1}\n")
    assert site.ask(ONE, "dave").status_code == 200
    assert post(site, "withdraw", "dave").status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", LIST), ("GET", ONE), ("POST", f"{ONE}/approve")])
def test_nobody_in_particular_sees_no_change(proposed: Site, method: str, path: str) -> None:
    assert proposed.ask(path, None, method=method).status_code == 401


def test_a_limited_token_shows_no_change_and_decides_nothing(proposed: Site) -> None:
    for person in ("alice", "carol"):
        for scope in (Scope(Role.READ), Scope(projects=("*",))):
            header = {"Authorization": f"Bearer {proposed.limited(person, scope)}"}
            assert proposed.ask(LIST, None, headers=header).status_code == 403
            assert proposed.ask(ONE, None, headers=header).status_code == 403
            for verb in ("approve", "merge", "withdraw"):
                body = b'{"base": "a", "tree": "b"}' if verb == "approve" else b""
                refused = proposed.ask(f"{ONE}/{verb}", None, method="POST", data=body, headers=header)
                assert refused.status_code == 403
                assert "is limited" in refused.json["detail"]  # type: ignore[index]


def test_a_browsers_session_is_nothing_to_the_api(proposed: Site) -> None:
    client = proposed.app.test_client()
    sent = client.post(
        "/-/login",
        data={"token": proposed.token()},
        base_url="http://a.example",
        headers={"Origin": "http://a.example"},
    )
    assert sent.status_code == 303
    assert client.get(LIST, base_url="http://a.example").status_code == 401


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("said", FOREIGN, ids=str)
def test_a_page_of_another_site_decides_nothing_with_a_password_that_a_browser_remembers(
    proposed: Site, said: dict[str, str]
) -> None:
    seen = json_of(proposed.ask(ONE, "carol"))
    form = f'{{"base": "=", "tree": "{seen["tree"]}", "base": "{seen["base"]}"}}\r\n'.encode()  # as text/plain sends it
    headers = {**said, "Content-Type": "text/plain"}
    for person, verb, body in (("carol", "approve", form), ("alice", "withdraw", b"")):
        answer = proposed.ask(f"{ONE}/{verb}", person, method="POST", data=body, headers=headers)
        assert (answer.status_code, "a page of another site" in answer.text) == (403, True)
    assert json_of(proposed.ask(ONE, "carol"))["state"] == "waiting"


def test_a_change_is_shown_with_its_meaning_its_needs_and_its_text(proposed: Site) -> None:
    shown = json_of(proposed.ask(ONE, "carol"))
    assert shown["state"] == "waiting"
    assert shown["author"] == "alice"
    assert shown["problems"] == []
    assert [gain["principal"] for gain in shown["review"]["gains"]] == ["bob"]
    assert [(need["what"], need["owners"]) for need in shown["review"]["needs"]] == [(TEAM, ["carol", "dan"])]
    assert "bob: publish on" in shown["text"]
    assert [push["by"] for push in shown["pushes"]] == ["alice"]
    assert shown["diff"] == [
        {
            "path": TEAM,
            "verb": "changes",
            "lines": ["@@ -1,2 +1,2 @@", "-members: [carol]", "+members: [carol, bob]", " maintainers: [carol, dan]"],
            "note": "",
        }
    ]


@pytest.mark.parametrize(
    ("person", "status"),
    [(person, 403) for person in ("alice", "bob", "peter", "grace", "dave", "deploy-bot")]
    + [(person, 200) for person in ("erin", "carol", "dan")],
)
def test_only_an_owner_or_admin_without_a_hand_in_it_approves(proposed: Site, person: str, status: int) -> None:
    before = json_of(proposed.ask(ONE))["approvals"]
    answer = approve(proposed, person)
    assert answer.status_code == status
    if status == 200:
        assert answer.get_json()["state"] == "merged"
        assert proposed.ask(ONE).status_code == 404
    else:
        assert answer.content_type == "application/problem+json"
        assert json_of(proposed.ask(ONE))["approvals"] == before


def test_an_approval_of_what_is_not_there_any_more_is_refused(proposed: Site) -> None:
    seen = json_of(proposed.ask(ONE, "carol"))
    body = f'{{"base": "{seen["base"]}", "tree": "{seen["tree"]}"}}'.encode()
    proposed.policy(README="nothing: here\n")
    stale = post(proposed, "approve", "carol", body)
    assert stale.status_code == 409
    assert "look at it again" in stale.get_json()["detail"]
    assert json_of(proposed.ask(ONE))["approvals"] == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"base": "a"}', b'{"base": 1, "tree": "b"}', b'{"yes": true}', b"[]", b"\xff", b'{"base":']
)
def test_an_approval_that_does_not_say_of_what_is_refused(proposed: Site, body: bytes) -> None:
    assert post(proposed, "approve", "carol", body).status_code == 400


def test_two_approvals_merge_where_two_are_needed(site: Site) -> None:
    begin(site)
    site.policy(waybill="organization: acme\nadmins: [alice, erin]\nreview: {approvals: 2}\n")
    propose(site)
    first = json_of(approve(site, "carol"))
    assert (first["state"], first["merged"]) == ("waiting", None)
    assert "1 more approval" in first["waits-for"]
    assert [(a["by"], a["counts"]) for a in json_of(site.ask(ONE))["approvals"]] == [("carol", True)]
    assert json_of(approve(site, "erin"))["state"] == "merged"
    assert b"bob" in (site.installation.head("main").read(TEAM) or b"")


def test_merging_needs_what_the_change_waits_for(proposed: Site) -> None:
    refused = post(proposed, "merge", "alice")
    assert refused.status_code == 403
    assert "1 more approval, by carol, dan or an admin" in refused.get_json()["detail"]
    assert post(proposed, "merge", "bob").status_code == 403


def test_a_change_is_withdrawn_by_who_pushed_it_or_an_admin_and_nobody_else(proposed: Site) -> None:
    for person in ("carol", "dave", "bob", "deploy-bot"):
        assert post(proposed, "withdraw", person).status_code == 403
    assert json_of(post(proposed, "withdraw", "erin")) == {"name": "add-bob", "withdrawn": True}
    assert json_of(proposed.ask(LIST))["changes"] == []


@pytest.mark.parametrize("name", ["nothing", "NOT-A-NAME", "..", "a%2Fb", "%00", "<b>", "x" * 300])
@pytest.mark.parametrize("person", ["alice", "bob"])
def test_a_change_that_is_not_there_is_said_to_be_none(proposed: Site, name: str, person: str) -> None:
    for method, path in (("GET", f"{LIST}/{name}"), ("POST", f"{LIST}/{name}/merge")):
        answer = proposed.ask(path, person, method=method)
        assert answer.status_code in {400, 404}
        assert "Traceback" not in answer.text


def test_who_is_disabled_sees_and_decides_nothing(proposed: Site) -> None:
    secret = proposed.token("carol")
    people = (proposed.installation.head("main").read("people.yaml") or b"").decode()
    proposed.policy(people=people.replace("carol: {}", "carol: {disabled: true}"))
    header = {"Authorization": f"Bearer {secret}"}
    assert proposed.ask(ONE, None, headers=header).status_code == 403
    assert proposed.ask(LIST, None, headers=header).status_code == 403


def test_a_revoked_token_decides_nothing(proposed: Site) -> None:
    secret = proposed.token("carol")
    tokens.revoke(proposed.installation, None, secret.split("_")[1])
    assert proposed.ask(ONE, None, headers={"Authorization": f"Bearer {secret}"}).status_code == 401
