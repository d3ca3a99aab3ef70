"""Signing in with a token, and how that ends."""

import datetime as dt

import pytest
from freezegun import freeze_time

from registry import tokens
from registry.policy.roles import Role, Scope
from registry.sessions import MOST
from tests.registry.web.browser import Browser, forms, signed_in
from tests.registry.web.proposals import begin
from tests.registry.web.site import Site, basic

CHANGES = "/-/changes"
PLAIN = "http://packages.acme.example"


def test_a_session_is_begun_with_a_token_and_opens_the_pages(site: Site) -> None:
    browser = Browser(site)
    assert "<h1>Sign in</h1>" in browser.get(CHANGES).text
    entered = browser.sign_in(site.token())
    assert (entered.status_code, entered.headers["Location"]) == (303, CHANGES)
    assert "<h1>Changes</h1>" in browser.get(CHANGES).text


def test_the_cookie_is_for_this_site_alone_and_has_nothing_of_the_token(site: Site) -> None:
    browser = Browser(site)
    [cookie] = browser.sign_in(site.token()).headers.getlist("Set-Cookie")
    assert cookie.startswith("waybill=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=28800"} <= set(cookie.split("; "))
    secret = site.token()
    assert not any(part in cookie for part in (secret, secret.split("_")[1], secret.split("_")[2]))


@pytest.mark.parametrize("how", ["told by the proxy", "told by the browser alone"])
def test_over_https_the_cookie_is_never_sent_without_it(site: Site, how: str) -> None:
    base = "https://packages.acme.example" if how == "told by the proxy" else PLAIN
    browser = Browser(site, base)
    fields = {"token": site.token(), "next": ""}
    entered = browser.post("/-/login", fields, Origin="https://packages.acme.example")
    [cookie] = entered.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-waybill=")
    assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "not a Waybill token"),
        ("wb_", "not a Waybill token"),
        ("hunter2", "not a Waybill token"),
        ("\x00", "not a Waybill token"),
        ("wb_" + "a" * 60_000, "not a Waybill token"),
        ("<script>alert(1)</script>", "not a Waybill token"),
    ],
)
def test_what_is_no_token_begins_nothing(site: Site, given: str, why: str) -> None:
    browser = Browser(site)
    refused = browser.sign_in(given)
    assert refused.status_code == 403
    assert why in refused.text
    assert "<script" not in refused.text
    assert browser.cookies() == []


def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    assert Browser(site).sign_in("wb_" + "a" * 100_000).status_code == 413


def test_a_token_of_somebody_elses_secret_begins_nothing(site: Site) -> None:
    one, other = site.token(), site.limited("alice", Scope())
    mixed = "_".join([*one.split("_")[:2], other.split("_")[2]])
    assert Browser(site).sign_in(mixed).status_code == 403


def test_limited_tokens_and_service_accounts_begin_nothing(site: Site) -> None:
    begin(site)
    browser = Browser(site)
    limited = browser.sign_in(site.limited("alice", Scope(Role.READ)))
    assert limited.status_code == 403
    assert "is limited" in limited.text
    service = browser.sign_in(site.token("audit-bot"))
    assert service.status_code == 403
    assert "service: true" in service.text
    assert browser.cookies() == []


def test_a_session_ends_with_its_token(site: Site) -> None:
    browser = signed_in(site)
    tokens.revoke(site.installation, None, site.token().split("_")[1])
    assert "<h1>Sign in</h1>" in browser.get(CHANGES).text


def test_a_session_ends_when_its_token_expires(site: Site) -> None:
    browser = signed_in(site)
    site.expire(site.token(), dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    assert "<h1>Sign in</h1>" in browser.get(CHANGES).text


def test_a_session_shows_nothing_once_its_account_is_disabled(site: Site) -> None:
    begin(site)
    browser = signed_in(site, "dave")
    people = (site.installation.head("main").read("people.yaml") or b"").decode()
    site.policy(people=people.replace("dave: {}", "dave: {disabled: true}"))
    refused = browser.get(CHANGES)
    assert refused.status_code == 403
    assert "disabled: true" in refused.text


def test_a_session_lasts_a_working_day_and_no_longer(site: Site) -> None:
    with freeze_time("2027-03-01T08:00:00Z") as clock:
        browser = signed_in(site)
        copied = browser.copied()
        clock.move_to("2027-03-01T15:59:00Z")
        assert "<h1>Changes</h1>" in copied.get(CHANGES).text
        clock.move_to("2027-03-01T16:00:01Z")
        assert "<h1>Sign in</h1>" in copied.get(CHANGES).text


def test_signing_out_ends_the_session_itself_and_not_only_the_cookie(site: Site) -> None:
    browser = signed_in(site)
    copied = browser.copied()
    assert "<h1>Changes</h1>" in copied.get(CHANGES).text
    [logout] = [form for form in forms(browser.get(CHANGES).text) if form.action == "/-/logout"]
    assert browser.post(logout.action, logout.fields).headers["Location"] == "/-/login"
    assert browser.cookies() == []
    assert "<h1>Sign in</h1>" in copied.get(CHANGES).text


def test_signing_out_leaves_other_sessions(site: Site) -> None:
    one, other = signed_in(site), signed_in(site)
    [logout] = [form for form in forms(one.get(CHANGES).text) if form.action == "/-/logout"]
    one.post(logout.action, logout.fields)
    assert "<h1>Changes</h1>" in other.get(CHANGES).text


def test_nobody_elses_page_signs_anybody_in_or_out(site: Site) -> None:
    browser = Browser(site)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://packages.acme.example.evil.example"},
        {"Origin": "http://["},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        assert browser.post("/-/login", {"token": site.token()}, **headers).status_code == 403
        assert browser.cookies() == []
    browser.sign_in(site.token())
    [logout] = [form for form in forms(browser.get(CHANGES).text) if form.action == "/-/logout"]
    assert browser.post("/-/logout", logout.fields, Origin="https://evil.example").status_code == 403
    assert browser.post("/-/logout", {}).status_code == 403
    assert "<h1>Changes</h1>" in browser.get(CHANGES).text


def test_behind_a_proxy_the_public_address_of_the_policy_is_our_own_page(site: Site) -> None:
    browser = Browser(site, "http://10.0.0.7:8080")
    fields = {"token": site.token(), "next": CHANGES}
    assert browser.post("/-/login", fields, Origin="https://public.acme.example").status_code == 403
    site.policy(waybill="organization: acme\nadmins: [alice]\nurl: https://public.acme.example\n")
    assert browser.post("/-/login", fields, Origin="https://public.acme.example").status_code == 303


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/-/changes/../../x",
        "/\\evil.example",
        "javascript:alert(1)",
        "/x\r\nA: b",
    ],
)
def test_signing_in_leads_nowhere_else(site: Site, wanted: str) -> None:
    browser = Browser(site)
    shown = browser.client.get("/-/login", query_string={"next": wanted}, base_url=browser.base)
    assert "evil" not in shown.text
    entered = browser.post("/-/login", {"token": site.token(), "next": wanted})
    assert entered.headers["Location"] == CHANGES


def test_signing_in_leads_back_to_the_change_that_was_asked_for(site: Site) -> None:
    browser = Browser(site)
    [form] = forms(browser.get("/-/changes/add-bob").text)
    entered = browser.post(form.action, {**form.fields, "token": site.token()})
    assert entered.headers["Location"] == "/-/changes/add-bob"


def test_a_token_alone_opens_no_page(site: Site) -> None:
    sent = site.ask(CHANGES, None, headers={"Authorization": basic("__token__", site.token())})
    assert sent.status_code == 303


def test_sessions_of_one_token_are_bounded(site: Site) -> None:
    first, *_, last = [signed_in(site) for _ in range(MOST + 1)]
    assert "<h1>Sign in</h1>" in first.get(CHANGES).text
    assert "<h1>Changes</h1>" in last.get(CHANGES).text


def test_no_log_line_has_a_token_or_a_cookie(site: Site) -> None:
    browser = signed_in(site)
    [cookie] = browser.cookies()
    browser.sign_in(site.token() + "x")
    browser.client.get("/-/login", query_string={"next": site.token()}, base_url=browser.base)
    secret = site.token().split("_")[2]
    assert any('"/-/login"' in line for line in site.lines)
    assert not any(secret in line or cookie.value in line for line in site.lines)
    assert [line for line in site.lines if '"path": "/-/login", "status": 303' in line and '"alice"' in line]
