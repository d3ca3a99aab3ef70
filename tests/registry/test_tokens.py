"""Tokens: whoever holds one holds no more than it says, and no longer."""

import threading
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from registry import credentials, curate, tokens
from registry.blobs.incoming import Incoming
from registry.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from registry.names import project_name, registry_name
from registry.policy.roles import Principal, Role, Scope
from registry.store import LEDGER, POLICY
from registry.upload import upload
from tests.archives import wheel
from tests.registry.web.site import Site, json_of, new_site

PYTHON = registry_name("python")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return new_site(tmp_path / "data")


def principal_of(site: Site, secret: str) -> Principal:
    view = site.installation.view()
    return credentials.authenticate(view.index, secret, view.now)


@pytest.mark.parametrize("ending", ["revoked", "expired"])
def test_a_token_that_ends_while_its_upload_arrives_publishes_nothing(site: Site, ending: str) -> None:
    issued = tokens.create(site.installation, None, "alice", scope=Scope(), expires=None)
    caller, before = principal_of(site, issued.secret), site.head()
    name, content = wheel("late", "1.0")
    with site.installation.blobs.incoming(1 << 20) as draft:
        assert isinstance(draft, Incoming)
        draft.write(content)
        if ending == "revoked":
            tokens.revoke(site.installation, None, issued.token.id)
        else:
            site.expire(issued.secret, datetime(2020, 1, 1, tzinfo=UTC))
        with pytest.raises(Unauthenticated, match=ending):
            upload(site.installation, caller, PYTHON, name, draft, {})
    assert site.installation.view().index.project(PYTHON, project_name("late")) is None
    assert site.head() != before  # the end of the token, and nothing else, was written


def test_a_token_that_was_revoked_neither_yanks_nor_makes_tokens(site: Site) -> None:
    site.publish(wheel("demo", "1.0"))
    issued = tokens.create(site.installation, None, "alice", scope=Scope(), expires=None)
    caller = principal_of(site, issued.secret)
    tokens.revoke(site.installation, None, issued.token.id)
    with pytest.raises(Unauthenticated):
        curate.yank(site.installation, caller, PYTHON, project_name("demo"), "1.0", "")
    with pytest.raises(Unauthenticated):
        tokens.create(site.installation, caller, "alice", scope=Scope(), expires=None)


def test_no_token_makes_one_that_outlives_it(site: Site) -> None:
    end = datetime.now(UTC) + timedelta(days=1)
    issued = tokens.create(site.installation, None, "alice", scope=Scope(), expires=end)
    caller = principal_of(site, issued.secret)
    for longer in (None, end + timedelta(seconds=1)):
        with pytest.raises(Forbidden, match="may not live longer"):
            tokens.create(site.installation, caller, "alice", scope=Scope(), expires=longer)
    assert tokens.create(site.installation, caller, "alice", scope=Scope(), expires=end).token.expires == end


def test_the_operator_ends_tokens_also_while_people_yaml_is_broken(site: Site) -> None:
    secret = site.token("alice")
    site.policy(people="this is: [not, {yaml\n")
    token_id = secret.split("_")[1]
    assert tokens.revoke(site.installation, None, token_id).revoked
    assert site.ask("/python/simple/", "alice").status_code == 401


@pytest.mark.parametrize(
    ("scope", "note", "sentence"),
    [
        (Scope(Role.READ, (), tuple(f"p{n}" for n in range(101))), "", "at most 100"),
        (Scope(Role.READ, ("nowhere",)), "", "no registry 'nowhere'"),
        (Scope(), "\x1b]0;pwn\x07", "note: .* control"),
        (Scope(), "\ud800", "note: .* control"),
        (Scope(), "x" * 201, "note: 201 characters"),
    ],
)
def test_a_token_that_could_not_be_meant_is_refused(site: Site, scope: Scope, note: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        tokens.create(site.installation, None, "alice", scope=scope, expires=None, note=note)


@pytest.mark.parametrize("reason", ["\x1b[2J", "a\0b", "\u202egnp", "\ud800", "x" * 501])
def test_a_yank_reason_a_terminal_would_obey_is_refused(site: Site, reason: str) -> None:
    site.publish(wheel("demo", "1.0"))
    with pytest.raises(Invalid, match="reason: "):
        curate.yank(site.installation, None, PYTHON, project_name("demo"), "1.0", reason)


@pytest.mark.parametrize(
    "body",
    [
        '{"registry": "python"}', '{"registries": "python"}', '{"projects": {}}', '{"expires": 0}', '{"expires": ""}',
        '{"role": null, "role": 3}', '{"note": 3}', "[]", "null", "{", "[" * 20_000,
        '{"expires": "9999-12-31T23:59:59-23:59"}',
        '{"registries": [3]}', '{"note": "\\ud800"}', '{"owner": ["alice"]}',
    ],
)  # fmt: skip
def test_a_limit_that_is_misspelt_is_refused_and_never_dropped(site: Site, body: str) -> None:
    answer = site.ask(
        "/-/api/v1/tokens", method="POST", data=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400, answer.text
    assert "secret" not in answer.text


def test_a_body_without_a_length_is_read_all_the_same(site: Site) -> None:
    asked = site.app.test_client().post(
        "/-/api/v1/tokens",
        input_stream=BytesIO(b'{"role": "read"}'),
        headers={"Authorization": f"Bearer {site.token()}", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert asked.status_code == 201
    assert asked.get_json()["role"] == "read"


def test_a_limited_token_sees_itself_among_its_owners_tokens_and_no_other(site: Site) -> None:
    site.token("alice")
    limited = site.limited("alice", Scope(Role.READ))
    answer = site.ask("/-/api/v1/tokens", None, headers={"Authorization": f"Bearer {limited}"})
    assert [token["id"] for token in json_of(answer)["tokens"]] == [limited.split("_")[1]]
    assert len(json_of(site.ask("/-/api/v1/tokens"))["tokens"]) == 2


def test_an_auditors_limited_token_asks_about_nothing_beyond_its_limits(site: Site) -> None:
    site.policy(
        waybill="organization: acme\nadmins: [alice]\nauditors: [aud]\n",
        people="alice: {}\naud: {}\n",
        registries__sec__registry="{}\n",
    )
    limited = site.limited("aud", Scope(Role.READ, ("python",), ("zzz",)))
    query = {"action": "publish", "registry": "sec", "project": "secret"}
    refused = site.ask("/-/api/v1/who-can", None, headers={"Authorization": f"Bearer {limited}"}, query=query)
    assert refused.status_code == 403
    assert site.ask("/-/api/v1/who-can", "aud", query=query).status_code == 200


@pytest.mark.parametrize("branch", [POLICY, LEDGER])
def test_a_lost_branch_is_a_failure_of_the_server_and_never_a_free_name(site: Site, branch: str) -> None:
    site.publish(wheel("demo", "1.0"))
    (site.folder / "waybill.git" / "refs" / "heads" / branch).unlink()
    for path in ("/python/simple/demo/", "/python/simple/", "/-/ready", "/nope/simple/demo/"):
        assert site.ask(path, None, headers={"Authorization": "Bearer x"}).status_code == 503
    with pytest.raises(Unavailable):
        site.installation.view()


def test_a_stray_file_among_the_registries_is_none(site: Site) -> None:
    site.policy(registries__README="nothing\n")
    assert site.installation.policy().registries() == ["python"]


def test_two_that_revoke_one_token_at_once_both_succeed(site: Site) -> None:
    issued = tokens.create(site.installation, None, "alice", scope=Scope(), expires=None)
    ended: list[bool] = []

    def end() -> None:
        ended.append(tokens.revoke(site.installation, None, issued.token.id).revoked is not None)

    threads = [threading.Thread(target=end) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [True] * 4


def test_an_admin_sees_and_ends_the_tokens_of_others_and_nobody_else_does(site: Site) -> None:
    site.policy(people="alice: {}\nbob: {}\ncarol: {}\n")
    bobs = site.token("bob").split("_")[1]
    listed = {"owner": "bob"}
    assert [one["id"] for one in json_of(site.ask("/-/api/v1/tokens", query=listed))["tokens"]] == [bobs]
    assert bobs in {one["id"] for one in json_of(site.ask("/-/api/v1/tokens", query={"owner": "*"}))["tokens"]}
    limited = {"Authorization": f"Bearer {site.limited('alice', Scope(Role.READ))}"}
    for person, headers in (("carol", None), (None, limited)):
        assert site.ask("/-/api/v1/tokens", person, headers=headers, query=listed).status_code == 403
        assert site.ask(f"/-/api/v1/tokens/{bobs}", person, method="DELETE", headers=headers).status_code == 403
    for _ in range(2):  # again changes nothing
        ended = json_of(site.ask(f"/-/api/v1/tokens/{bobs}", method="DELETE"))
        assert (ended["owner"], ended["revoked"] is not None) == ("bob", True)
    assert site.ask("/-/api/v1/tokens", "bob").status_code == 401


def test_an_admin_makes_no_tokens_for_others(site: Site) -> None:
    site.policy(people="alice: {}\nbob: {}\n")
    assert site.ask("/-/api/v1/tokens", method="POST", data=b'{"owner": "bob"}').status_code == 403


def test_what_is_said_of_a_token_that_was_ended_stays(site: Site) -> None:
    issued = tokens.create(site.installation, None, "alice", scope=Scope(), expires=None, note="laptop")
    assert tokens.describe(site.installation, None, issued.token.id, "desk").note == "desk"
    tokens.revoke(site.installation, None, issued.token.id)
    before = site.head()
    with pytest.raises(Conflict, match="was ended"):
        tokens.describe(site.installation, None, issued.token.id, "other")
    with pytest.raises(NotFound):
        tokens.describe(site.installation, None, "0123456789", "other")
    assert site.head() == before


def keyed(site: Site, key: str, body: bytes = b"{}", person: str = "alice") -> TestResponse:
    headers = {"Idempotency-Key": key}
    return site.ask("/-/api/v1/tokens", person, method="POST", data=body, headers=headers)


def test_a_request_for_a_token_that_is_repeated_makes_no_second_one_and_names_the_first(site: Site) -> None:
    first = keyed(site, "8e03978e-40d5-43dd-bc93-6894a57f9324")
    assert first.status_code == 201, first.text
    secret, token_id = first.get_json()["secret"], first.get_json()["id"]
    assert principal_of(site, secret).name == "alice"
    before = site.head()
    for body in (b"{}", b'{"role": "read"}'):  # another wish under the same key is no other request
        again = keyed(site, "8e03978e-40d5-43dd-bc93-6894a57f9324", body)
        assert (again.status_code, again.content_type) == (409, "application/problem+json")
        assert token_id in again.get_json(force=True)["detail"]
        assert secret not in again.text
    assert site.head() == before
    assert site.ask(f"/-/api/v1/tokens/{token_id}", method="DELETE").status_code == 200
    assert keyed(site, "8e03978e-40d5-43dd-bc93-6894a57f9324").status_code == 409  # also after it was ended
    assert keyed(site, "another").status_code == 201


def test_two_requests_of_one_key_at_once_make_one_token(site: Site) -> None:
    caller = principal_of(site, site.token())
    made: list[tokens.Issued] = []
    refused: list[Conflict] = []

    def ask() -> None:
        try:
            made.append(tokens.create(site.installation, caller, "alice", scope=Scope(), expires=None, key="one"))
        except Conflict as conflict:
            refused.append(conflict)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 7)
    assert principal_of(site, made[0].secret).token == made[0].token.id
    assert all(made[0].token.id in str(conflict) for conflict in refused)


def test_a_key_is_of_whose_token_it_is_and_tells_others_nothing(site: Site) -> None:
    site.policy(people="alice: {}\nbob: {}\n")
    first, second = keyed(site, "one"), keyed(site, "one", person="bob")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_json()["id"] != second.get_json()["id"]
    assert keyed(site, "one", b'{"owner": "alice"}', "bob").status_code == 403


def test_a_request_that_was_refused_may_be_sent_again_with_its_key(site: Site) -> None:
    assert keyed(site, "one", b'{"registries": ["absent"]}').status_code == 400
    assert keyed(site, "one", b'{"registries": ["python"]}').status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "\u00e9", "a\tb"])
def test_a_key_that_is_none_is_refused_before_a_token_is_made(site: Site, key: str) -> None:
    before = site.head()
    answer = keyed(site, key)
    assert answer.status_code == 400
    assert answer.get_json(force=True)["detail"].startswith("Idempotency-Key: ")
    assert site.head() == before
