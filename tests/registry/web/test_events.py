"""What happened to facts and policy, in one stream."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from freezegun import freeze_time

from registry.policy.roles import Role, Scope
from tests.archives import wheel
from tests.registry.web.site import Site, basic, json_of, reader

EVENTS = "/-/api/v1/events"
LINES = {"Accept": "application/x-ndjson"}


@pytest.fixture
def busy(site: Site) -> Site:
    """A site where something happened on both branches."""
    site.publish(wheel("demo", "1.0"))
    site.policy(people="alice: {}\nbob: {}\n")
    site.publish(wheel("other", "1.0"))
    site.ask("/-/api/v1/registries/python/projects/demo/releases/1.0/yank", method="PUT", data=b'{"reason": "bad"}')
    site.token("bob")
    return site


def told(site: Site, person: str | None = "alice", headers: dict[str, str] | None = None, **query: str) -> list[Any]:
    found = json_of(site.ask(EVENTS, person, headers=headers, query=query))["events"]
    assert isinstance(found, list)
    return found


def kinds(events: list[Any]) -> list[str]:
    return [one["facts"].get("Waybill-Event", "-") for one in events]


def test_facts_and_policy_are_one_stream_newest_first(busy: Site) -> None:
    found = told(busy)
    assert sorted(kinds(found)) == sorted(
        ["token-create", "yank", "publish", "policy", "publish", "token-create", "begin", "policy"]
    )
    assert {one["branch"] for one in found} == {"ledger", "main"}
    assert [one["time"] for one in found] == sorted((one["time"] for one in found), reverse=True)


def test_it_is_narrowed_by_what_where_who_and_when(busy: Site) -> None:
    assert kinds(told(busy, event="yank")) == ["yank"]
    assert kinds(told(busy, event="policy")) == ["policy", "policy"]
    assert kinds(told(busy, project="demo", event="publish")) == ["publish"]
    assert kinds(told(busy, registry="python", principal="alice")) == ["yank", "publish", "publish", "policy"]
    assert kinds(told(busy, project="demo", version="1.0")) == ["yank", "publish"]
    assert kinds(told(busy, principal="bob")) == ["token-create"]
    assert told(busy, until="2001-01-01") == []
    assert told(busy, since="2999-01-01") == []


READERS = "projects: open\ngrants: [{role: read, to: [%s]}]\n"


def test_the_policy_is_narrowed_to_what_touched_a_place_or_changed_who_may_do_what_there(site: Site) -> None:
    def commits(**query: str) -> list[str]:
        found = json_of(site.ask(EVENTS, query={"event": "policy", **query}))["events"]
        return [names[one["commit"]] for one in found if one["commit"] in names]

    names = {
        site.policy(**{file.replace("/", "__"): text}): name
        for name, file, text in (
            ("vault", "registries/vault/registry", READERS % "'team:ops'"),
            ("demo", "registries/vault/projects/demo", "{}\n"),
            ("people", "people", "alice: {}\nbob: {}\n"),
            ("team", "teams/ops", "members: [bob]\nmaintainers: [alice]\n"),
            ("comment", "teams/ops", "# nobody else\nmembers: [bob]\nmaintainers: [alice]\n"),
            ("touched", "registries/vault/registry", "# read by ops\n" + READERS % "'team:ops'"),
            ("other", "registries/vault/projects/other", "grants: [{role: publish, to: [bob]}]\n"),
            ("python", "registries/python/registry", READERS % "bob"),
        )
    }
    assert commits() == list(names.values())[::-1]
    assert commits(registry="vault") == ["other", "touched", "team", "demo", "vault"]
    assert commits(registry="vault", project="demo") == ["team", "demo", "vault"]
    assert commits(registry="vault", project="other") == ["other", "team", "vault"]
    assert commits(project="other") == ["python", "other", "team", "people", "vault"]  # all may read python
    assert commits(registry="python")[:1] == ["python"]
    assert "team" not in commits(registry="python")
    assert commits(registry="vault", pipeline="https://ci.acme.example/runs/1") == []


def test_a_page_that_looks_for_too_long_ends_and_the_next_goes_on(busy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    query = {"registry": "python", "event": "publish"}
    whole = told(busy, registry="python", event="publish")
    monkeypatch.setattr("registry.web.events.LOOKING", -1.0)
    found = pages(busy, query)
    assert [one for page in found for one in page] == whole
    assert [] in found


def pages(site: Site, query: dict[str, str], path: str = EVENTS, person: str | None = "alice") -> list[list[Any]]:
    found = []
    while True:
        page = json_of(site.ask(path, person, query=query))
        found.append(page["events"])
        if page["next"] is None:
            return found
        query = {**query, "cursor": page["next"]}


LOG = "/-/api/v1/log"


@pytest.mark.parametrize("query", [{}, {"project": "demo"}, {"registry": "python"}, {"since": "2020-01-01"}])
@pytest.mark.parametrize("looking", [2.0, -1.0])
def test_the_log_has_pages_that_are_the_log_in_pieces_whatever_happens_meanwhile(
    busy: Site, monkeypatch: pytest.MonkeyPatch, query: dict[str, str], looking: float
) -> None:
    whole = json_of(busy.ask(LOG, query=query))["events"]
    monkeypatch.setattr("registry.web.audit.LOOKING", looking)
    first = busy.ask(LOG, query={**query, "limit": "1"})
    assert first.headers["Link"].endswith('; rel="next"')
    busy.publish(wheel("demo", "9.9"))
    rest = pages(busy, {**query, "limit": "1", "cursor": json_of(first)["next"]}, LOG)
    assert all(len(page) <= 1 for page in rest)
    assert [*json_of(first)["events"], *(one for page in rest for one in page)] == whole
    assert len(whole) > 1


def test_pages_of_the_log_hold_what_one_may_read_and_no_more(busy: Site) -> None:
    busy.policy(registries__python__registry=READERS % "alice")
    seen = [one for page in pages(busy, {"limit": "1"}, LOG, "bob") for one in page]
    assert kinds(seen) == ["token-create"]


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJhIl0", "WyIwMCJd", "WzFd", "WyJhIiwiYiJd"])
def test_a_cursor_that_the_log_never_gave_is_refused(busy: Site, cursor: str) -> None:
    answer = busy.ask(LOG, query={"cursor": cursor})
    assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, "cursor")


def test_a_cursor_does_not_tell_that_a_hidden_registry_has_a_name(busy: Site) -> None:
    busy.policy(registries__vault__registry=READERS % "alice")
    busy.publish(wheel("demo", "1.0"), "/vault/")
    busy.publish(wheel("demo", "2.0"))
    busy.policy(registries__python__registry=READERS % "bob")
    query = {"project": "demo", "event": "publish"}
    newer, older = json_of(busy.ask(EVENTS, "bob", query=query))["events"]
    assert [one["facts"]["Registry"] for one in (newer, older)] == ["python", "python"]
    cursor = json_of(busy.ask(EVENTS, "bob", query={**query, "limit": "1"}))["next"]
    assert json.loads(urlsafe_b64decode(cursor + "==")) == [older["commit"], ""]  # and not what is between them


def test_a_commit_that_is_dated_long_ago_hides_none_before_it(site: Site) -> None:
    site.policy(people="alice: {}\nbob: {}\n")
    before = site.installation.policy().commit
    with freeze_time("2020-01-01"):
        site.policy(teams__ops="members: [bob]\nmaintainers: [alice]\n")
    assert before in [one["commit"] for one in told(site, event="policy", since="2026-01-01")]
    turns = json_of(site.ask("/-/api/v1/log/policy", query={"since": "2026-01-01"}))["commits"]
    assert before in [one["commit"] for one in turns]


def test_auditors_see_all_and_others_what_they_may_read(busy: Site) -> None:
    busy.policy(
        people="alice: {}\nbob: {}\ncarol: {}\n",
        waybill="organization: acme\nadmins: [alice]\nauditors: [carol]\n",
        registries__python__registry="kind: source\nprojects: open\ngrants:\n  - {role: read, to: [alice]}\n",
    )
    assert len(told(busy, "carol")) == len(told(busy))
    assert kinds(told(busy, "bob")) == ["token-create"]
    assert busy.ask(EVENTS, None).status_code == 401
    limited = {"Authorization": f"Bearer {busy.limited('alice', reader('demo'))}"}
    assert set(kinds(told(busy, None, limited))) == {"yank", "publish", "token-create"}
    whole = {"Authorization": f"Bearer {busy.limited('alice', Scope())}"}
    assert "policy" in kinds(told(busy, None, whole))


@pytest.mark.parametrize("query", [{}, {"project": "demo"}, {"event": "publish"}, {"registry": "python"}])
def test_pages_are_the_stream_in_pieces_whatever_happens_meanwhile(busy: Site, query: dict[str, str]) -> None:
    whole, asked = json_of(busy.ask(EVENTS, query=query))["events"], {**query, "limit": "1"}
    seen: list[Any] = []
    while True:
        page = json_of(busy.ask(EVENTS, query=asked))
        seen += page["events"]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
        busy.publish(wheel("demo", f"9.{len(seen)}"))  # which is newer than all that is asked for
        busy.policy(people=f"alice: {{}}\nbob: {{}}\nn{len(seen)}: {{}}\n")
    assert [one["commit"] for one in seen] == [one["commit"] for one in whole]
    assert len(whole) > 1


def test_as_lines_it_is_whole_or_as_long_as_is_asked(busy: Site) -> None:
    answer = busy.ask(EVENTS, headers=LINES)
    assert (answer.status_code, answer.content_type) == (200, "application/x-ndjson")
    assert [json.loads(line) for line in answer.text.splitlines()] == told(busy)
    assert len(busy.ask(EVENTS, headers=LINES, query={"limit": "3"}).text.splitlines()) == 3


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJhIiwiYiJd", "WzEsMl0"])
def test_a_cursor_that_was_never_given_is_refused(busy: Site, cursor: str) -> None:
    answer = busy.ask(EVENTS, query={"cursor": cursor})
    assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, "cursor")


def test_a_limited_token_tells_of_no_other_token_of_its_owner(busy: Site) -> None:
    narrow = busy.limited("alice", Scope(role=Role.READ))
    headers = {"Authorization": basic("x", narrow)}
    whole = [one["facts"]["Token-Id"] for one in told(busy) if kinds([one]) == ["token-create"]]
    seen = [one["facts"]["Token-Id"] for one in told(busy, None, headers) if kinds([one]) == ["token-create"]]
    assert len(whole) > 1
    assert seen == [narrow.split("_")[1]]
