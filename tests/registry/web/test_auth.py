"""Who may see what: 401 for nobody, 403 for somebody without the right, 404 only for what does not exist."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from registry import tokens
from registry.policy.roles import Role, Scope
from tests.archives import wheel
from tests.registry.web.site import Site, basic, reader

WHEEL = wheel("demo", "1.0")
PEOPLE = "alice: {}\nbob: {}\nmallory: {}\ncarol: {}\n"
UNKNOWN_TOKEN = "wb_aaaaaaaaaa_00000000000000000000000000000000000000"
PRIVATE = "kind: source\nvisibility: private\nprojects: open\ngrants:\n  - {role: read, to: [bob, carol, dave]}\n"


@pytest.fixture
def peopled(site: Site) -> Site:
    """One project in a private, an internal and a public registry; bob is granted to read, carol was disabled."""
    site.policy(
        people=PEOPLE,
        registries__python__registry=PRIVATE,
        registries__internal__registry=PRIVATE.replace("private", "internal"),
        registries__public__registry=PRIVATE.replace("private", "public"),
    )
    for registry in ("python", "internal", "public"):
        assert site.publish(WHEEL, f"/{registry}/").status_code == 200
    for person in ("bob", "mallory", "carol"):
        site.token(person)
    site.policy(people=PEOPLE.replace("carol: {}", "carol: {disabled: true}"))
    return site


def credentials(site: Site, who: str) -> Mapping[str, str]:
    """Give the header of somebody: a person, nobody, or somebody whose credentials are no good."""
    if who == "anonymous":
        return {}
    if who == "expired":
        secret = site.limited("bob", Scope())
        site.expire(secret, datetime.now(UTC) - timedelta(seconds=1))
        return {"Authorization": f"Bearer {secret}"}
    if who == "revoked":
        secret = site.limited("bob", Scope())
        tokens.revoke(site.installation, None, secret.split("_")[1])
        return {"Authorization": f"Bearer {secret}"}
    good = site.token("bob")
    other = "0" if good[20] != "0" else "1"
    made = {
        "unknown token": f"Bearer {UNKNOWN_TOKEN}",
        "spoilt token": f"Bearer {good[:20]}{other}{good[21:]}",
        "password": basic("bob", "hunter2"),
        "empty": "",
        "garbage": "\x01\x7f garbage",
        "no base64": "Basic not-base64!",
        "no colon": "Basic " + base64.b64encode(b"onlyuser").decode(),
        "no text": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "digest": 'Digest username="bob", realm="x"',
        "bare bearer": "Bearer",
        "two tokens": f"Bearer {good} {good}",
    }
    return {"Authorization": made[who]} if who in made else {"Authorization": basic("__token__", site.token(who))}


# Who asks, and the status for a known project of a private, an internal and a public registry.
TABLE = [
    ("anonymous", 401, 401, 200),
    ("bob", 200, 200, 200),
    ("mallory", 403, 200, 200),
    ("carol", 403, 403, 403),  # disabled
    *((bad, 401, 401, 401) for bad in ("expired", "revoked", "unknown token", "spoilt token", "password", "empty")),
    *((bad, 401, 401, 401) for bad in ("garbage", "no base64", "no colon", "no text", "digest", "bare bearer")),
    ("two tokens", 401, 401, 401),
]


@pytest.mark.parametrize(("who", "private", "internal", "public"), TABLE)
def test_reading_is_answered_by_who_asks_and_what_the_registry_shows(
    peopled: Site, who: str, private: int, internal: int, public: int
) -> None:
    headers = credentials(peopled, who)
    for registry, expected in (("python", private), ("internal", internal), ("public", public)):
        page = f"/{registry}/simple/demo/"
        file = peopled.ask(page).text.partition('href="')[2].partition("#")[0].removeprefix("../../")
        for path in (page, f"/{registry}/simple/", f"/{registry}/{file}", f"/{registry}/{file}.metadata"):
            answer = peopled.ask(path, None, headers=headers)
            assert answer.status_code == expected, (path, answer.text)
            assert ("WWW-Authenticate" in answer.headers) == (expected == 401)
        unknown = peopled.ask(f"/{registry}/simple/unknown/", None, headers=headers).status_code
        assert unknown == (404 if expected == 200 else expected)
    assert peopled.ask("/nowhere/simple/demo/", None, headers=headers).status_code == (401 if public == 401 else 404)


@pytest.mark.parametrize(("who", "private", "internal", "public"), TABLE)
def test_publishing_is_for_those_with_the_role_wherever_reading_is_free(
    peopled: Site, who: str, private: int, internal: int, public: int
) -> None:
    assert {private, internal, public} <= {200, 401, 403}
    headers = credentials(peopled, who)
    for registry in ("python", "internal", "public"):
        answer = peopled.publish(wheel("demo", "2.0"), f"/{registry}/", None, headers)
        assert answer.status_code == (401 if "anonymous" in who or public == 401 else 403)
    assert peopled.publish(wheel("demo", "2.0")).status_code == 200


@pytest.mark.parametrize(
    "user", ["__token__", "alice", "", "al@ce.example", "a:b", "alice@acme:x:y", "ünïcode", "x" * 500]
)
def test_a_token_is_taken_as_password_of_any_user(site: Site, user: str) -> None:
    good = {"Authorization": basic(user, site.token())}
    assert site.ask("/python/simple/", None, headers=good).status_code == 200
    bad = {"Authorization": basic(user, UNKNOWN_TOKEN)}
    assert site.ask("/python/simple/", None, headers=bad).status_code == 401


def test_a_user_name_may_be_latin_1_as_requests_writes_it(site: Site) -> None:
    sent = base64.b64encode(f"ünïcode:{site.token()}".encode("latin-1")).decode()
    assert site.ask("/python/simple/", None, headers={"Authorization": f"Basic {sent}"}).status_code == 200


def test_a_token_is_taken_as_user_name_without_a_password_and_as_bearer(site: Site) -> None:
    secret = site.token()
    for sent in (basic(secret, ""), f"Bearer {secret}", f"bearer {secret}"):
        assert site.ask("/python/simple/", None, headers={"Authorization": sent}).status_code == 200
    assert site.ask("/python/simple/", None, headers={"Authorization": basic(secret, "x")}).status_code == 401


def test_a_401_asks_for_basic_credentials_and_says_how(site: Site) -> None:
    answer = site.ask("/python/simple/", None)
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Waybill", charset="UTF-8"'
    assert "__token__" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_403_names_what_would_have_to_change(peopled: Site) -> None:
    answer = peopled.ask("/python/simple/demo/", "mallory")
    assert "mallory may not read demo in python" in answer.text
    assert "registries/python/registry.yaml:" in answer.text


def test_a_revocation_counts_at_the_next_request(peopled: Site) -> None:
    secret = peopled.token("bob")
    page = "/python/simple/demo/"
    assert peopled.ask(page, "bob").status_code == 200
    tokens.revoke(peopled.installation, None, secret.split("_")[1])
    assert peopled.ask(page, "bob").status_code == 401


def test_a_change_of_the_policy_counts_at_the_next_request(peopled: Site) -> None:
    page = "/python/simple/demo/"
    assert peopled.ask(page, "mallory").status_code == 403
    peopled.policy(registries__python__registry=PRIVATE.replace("bob,", "mallory,"))
    assert peopled.ask(page, "mallory").status_code == 200
    assert peopled.ask(page, "bob").status_code == 403


def test_who_left_people_yaml_has_no_right_left(peopled: Site) -> None:
    assert peopled.ask("/python/simple/demo/", "bob").status_code == 200
    peopled.policy(people="alice: {}\n")
    for registry in ("python", "internal", "public"):
        assert peopled.ask(f"/{registry}/simple/demo/", "bob").status_code == 403


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        (reader(), 200),
        (Scope(Role.READ, ("python",), ("de*",)), 200),
        (Scope(Role.READ, ("public",)), 403),
        (reader("other-*"), 403),
    ],
)
def test_a_token_reads_only_within_its_scope(peopled: Site, scope: Scope, status: int) -> None:
    peopled.secrets["bob"] = peopled.limited("bob", scope)
    assert peopled.ask("/python/simple/demo/", "bob").status_code == status


def test_a_broken_waybill_yaml_denies_everything_and_its_repair_allows_it_again(peopled: Site) -> None:
    peopled.policy(waybill="organisation: acme\n")
    for path in ("/public/simple/demo/", "/python/simple/demo/"):
        assert peopled.ask(path, None).status_code == 401
        refused = peopled.ask(path, "bob")
        assert refused.status_code == 403
        assert "waybill.yaml:1" in refused.text
    peopled.policy(waybill="organization: acme\nadmins: [alice]\n")
    assert peopled.ask("/public/simple/demo/", None).status_code == 200


def test_a_broken_people_yaml_denies_every_person_and_leaves_public_reading(peopled: Site) -> None:
    peopled.policy(people="alice: {}\nalice: {}\n")
    refused = peopled.ask("/python/simple/demo/", "bob")
    assert refused.status_code == 403
    assert "people.yaml:2" in refused.text
    assert peopled.ask("/public/simple/demo/", None).status_code == 200
