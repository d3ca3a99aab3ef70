"""The layer before Flask: whatever it says, Flask would say, at this very moment."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from registry.model import Status
from registry.web.log import REQUEST_ID
from tests.archives import wheel
from tests.registry.web.site import Site, basic, new_site, reader

WHEEL = wheel("payments", "1.0", files={"payments.py": b"x = 1\n" * 400})
PEOPLE = "alice: {}\nbob: {}\n"
PRIVATE = "kind: source\nvisibility: private\nprojects: open\n"
BOB_READS = "grants:\n  - {role: read, to: [bob]}\n"

App = Callable[..., Iterable[bytes]]
Answer = tuple[str, list[tuple[str, str]], bytes]


def asked_twice(site: Site, path: str, headers: dict[str, str], method: str = "GET") -> tuple[Answer, Answer, Answer]:
    """Ask through the front, ask again, and ask Flask alone."""
    front: App = site.app.wsgi_app
    flask = site.app.extensions["front"]._app  # noqa: SLF001 - the very thing it must not differ from
    first, again, alone = (_answer(app, path, headers, method) for app in (front, front, flask))
    return first, again, alone


def _answer(app: App, path: str, headers: dict[str, str], method: str) -> Answer:
    url, _, query = path.partition("?")
    environ = EnvironBuilder(path=url, query_string=query, method=method, headers=list(headers.items())).get_environ()
    body, status, sent = run_wsgi_app(app, environ, buffered=True)
    return status, [h for h in sent if h[0] not in (REQUEST_ID, "Date")], b"".join(body)


def file_url(site: Site) -> str:
    listed = site.ask("/python/simple/payments/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    found: str = listed.get_json(force=True)["files"][0]["url"]
    return "/python/" + found.removeprefix("../../")


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = new_site(tmp_path_factory.mktemp("front") / "data")
    made.policy(people=PEOPLE, registries__python__registry=PRIVATE + BOB_READS)
    assert made.publish(WHEEL).status_code == 200
    assert made.publish(wheel("other", "2.0")).status_code == 200
    for person in ("alice", "bob"):
        made.token(person)
    return made


PATHS = st.sampled_from(
    [
        "/python/simple/",
        "/python/simple",
        "/python/simple/payments/",
        "/python/simple/PayMents/",
        "/python//simple/payments/",
        "/python/simple/payments",
        "/python/simple/absent/",
        "/python/simple/-bad-/",
        "/nowhere/simple/payments/",
        "/python/simple/payments/?format=application/vnd.pypi.simple.v1+json",
        "/python/@2020-01-01/simple/payments/",
        "FILE",
        "FILE.metadata",
        "FILE?x=y",
        "/python/files/" + "0" * 64 + "/payments-1.0-py3-none-any.whl",
    ]
)
WHO = st.sampled_from(["alice", "bob", "nobody", "stranger"])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Accept": st.sampled_from(["*/*", "text/html", "application/vnd.pypi.simple.v1+json;q=0.9, text/html;q=0.1"]),
        "Accept-Encoding": st.sampled_from(["gzip", "zstd, gzip", "identity", "gzip;q=0", "br"]),
        "If-None-Match": st.sampled_from(["*", '"x"', "ETAG", "W/ETAG"]),
        "Range": st.sampled_from(["bytes=0-9", "bytes=-7", "bytes=5-", "bytes=9999999-", "bytes=0-1,4-5", "a=1-2"]),
        "If-Range": st.sampled_from(["ETAG", '"x"']),
        "If-Match": st.sampled_from(["ETAG", '"x"', "*"]),
        "If-Modified-Since": st.just("Sat, 21 Nov 2037 00:00:00 GMT"),
    },
)


def test_every_answer_is_byte_for_byte_what_flask_says(stocked: Site) -> None:
    @settings(max_examples=150, deadline=None)
    @given(path=PATHS, who=WHO, headers=HEADERS, method=st.sampled_from(["GET", "GET", "HEAD"]))
    def agree(path: str, who: str, headers: dict[str, str], method: str) -> None:
        path = path.replace("FILE", file_url(stocked))
        sent = dict(headers)
        if who != "nobody":
            sent["Authorization"] = basic("__token__", stocked.token(who) if who != "stranger" else "wb_wrong")
        for name in ("If-None-Match", "If-Range", "If-Match"):
            if "ETAG" in sent.get(name, ""):
                of = {k: v for k, v in sent.items() if k in ("Accept", "Accept-Encoding", "Authorization")}
                tag = dict(_answer(stocked.app.wsgi_app, path, of, "GET")[1]).get("ETag", '"none"')
                sent[name] = sent[name].replace("ETAG", tag)
        first, again, alone = asked_twice(stocked, path, sent, method)
        assert first == alone
        assert again == alone

    agree()


def _revoke(site: Site) -> None:
    assert site.ask(f"/-/api/v1/tokens/{site.token('bob').split('_')[1]}", "bob", method="DELETE").status_code < 300


CHANGES: dict[str, tuple[Callable[[Site], object], int, int]] = {
    "a token is revoked": (_revoke, 401, 401),
    "a grant is removed": (lambda s: s.policy(registries__python__registry=PRIVATE), 403, 403),
    "a person is disabled": (lambda s: s.policy(people="alice: {}\nbob: {disabled: true}\n"), 403, 403),
    "the policy breaks": (lambda s: s.policy(registries__python__registry="grants: {"), 403, 403),
    "a project is quarantined": (lambda s: s.set_status("payments", Status.QUARANTINED, "evil"), 200, 403),
    "a file is deleted": (lambda s: s.delete(WHEEL[0]), 200, 404),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_counts_at_the_next_request(site: Site, change: str) -> None:
    site.policy(people=PEOPLE, registries__python__registry=PRIVATE + BOB_READS)
    site.publish(WHEEL)
    url = file_url(site)
    sent = {"Authorization": basic("__token__", site.token("bob"))}
    for path in ("/python/simple/payments/", url):
        assert all(answer[0] == "200 OK" for answer in asked_twice(site, path, sent))
    before = site.ask("/python/simple/payments/", "bob").data
    act, page_status, file_status = CHANGES[change]
    act(site)
    page = site.ask("/python/simple/payments/", "bob")
    assert (page.status_code, site.ask(url, "bob").status_code) == (page_status, file_status)
    assert page.data != before


def test_a_release_is_seen_at_the_next_request_and_so_is_the_first_one(site: Site) -> None:
    for version in ("1.0", "1.1", "1.2"):
        missing = version == "1.0"
        for _ in range(2):
            assert site.ask("/python/simple/payments/").status_code == (404 if missing else 200)
        site.publish(wheel("payments", version))
        assert f"payments-{version}-".encode() in site.ask("/python/simple/payments/").data


def test_an_answer_ends_with_the_token_and_with_the_day_of_the_grant(site: Site) -> None:
    today = datetime.now(UTC)
    until = "    until: " + today.date().isoformat()
    site.policy(
        people=PEOPLE, registries__python__registry=f"{PRIVATE}grants:\n  - role: read\n    to: [bob]\n{until}\n"
    )
    site.publish(WHEEL)
    short = site.limited("alice", reader())
    site.expire(short, today + timedelta(minutes=5))
    bearer = {"Authorization": f"Bearer {short}"}
    for _ in range(2):
        assert site.ask("/python/simple/payments/", "bob").status_code == 200
        assert site.ask("/python/simple/payments/", None, headers=bearer).status_code == 200
    with freeze_time(today + timedelta(minutes=6)):
        assert site.ask("/python/simple/payments/", None, headers=bearer).status_code == 401
    with freeze_time(today + timedelta(days=1)):
        assert site.ask("/python/simple/payments/", "bob").status_code == 403


def test_an_artifact_that_is_lost_is_never_an_empty_answer(site: Site) -> None:
    site.publish(WHEEL)
    url = file_url(site)
    assert all(
        answer[2] == WHEEL[1] for answer in asked_twice(site, url, {"Authorization": basic("__token__", site.token())})
    )
    for path in Path(site.folder).glob("waybill.git/lfs/objects/*/*/*"):
        path.unlink()
    assert site.ask(url).status_code == 503


def test_every_answer_has_its_own_request_id_and_its_own_line_in_the_log(site: Site) -> None:
    site.publish(WHEEL)
    site.lines.clear()
    ids = [site.ask("/python/simple/payments/").headers[REQUEST_ID] for _ in range(3)]
    assert len(set(ids)) == 3
    assert [id_ in line for id_, line in zip(ids, site.lines, strict=True)] == [True] * 3
    assert site.token() not in "".join(site.lines)


def test_memory_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.web.front.KEPT_BYTES", 20_000)
    site.publish(WHEEL)
    for n in range(50):
        site.ask("/python/simple/payments/", headers={"Accept-Encoding": f"x-{n}"})
    assert len(site.app.extensions["front"]._replies) < 10  # noqa: SLF001 - the only place where it shows


def test_the_front_is_where_flask_says_layers_go(site: Site) -> None:
    assert isinstance(site.app, Flask)
    assert site.app.wsgi_app is site.app.extensions["front"]
