"""The pages of changes: what they show, what their buttons do, and what they never do."""

import pytest

from registry import changes
from tests.registry.web.browser import Browser, forms, signed_in, tags
from tests.registry.web.proposals import PROJECT, TEAM, begin, propose
from tests.registry.web.site import Site

LIST, ONE = "/-/changes", "/-/changes/add-bob"
SCRIPT = "<script>alert(1)</script>"
PLAIN = {"html", "head", "meta", "title", "link", "body", "a", "header", "nav", "main", "section", "form", "input"}
PLAIN |= {"button", "span", "div", "p", "h1", "h2", "h3", "ul", "li", "dl", "dt", "dd", "code", "pre", "ins", "del"}
PLAIN |= {"b", "strong", "time", "details", "summary", "label"}


@pytest.fixture
def proposed(site: Site) -> Site:
    """A site at which alice proposed to add bob to the team of carol and dan."""
    begin(site)
    propose(site)
    return site


def merged(site: Site) -> bool:
    return b"bob" in (site.installation.head("main").read(TEAM) or b"")


def approvals(site: Site, name: str = "add-bob") -> list[str]:
    return [given.by for given in changes.find(site.installation, name).record.approvals]


def test_the_start_page_leads_to_the_changes(site: Site) -> None:
    start = site.ask("/", None)
    assert 'href="/-/changes"' in start.text
    assert start.headers["Cache-Control"] == "no-store"


def test_meaning_comes_first_then_approvals_then_text(proposed: Site) -> None:
    page = signed_in(proposed, "carol").get(ONE).text
    order = ["What it means", "Gains", "bob: publish on", "Approvals", "may approve: carol, dan", "Approve this change"]
    order += ['<h2 id="text">', "[carol, bob]"]
    places = [page.index(part) for part in order]
    assert places == sorted(places)


def test_problems_stand_before_the_approvals_and_nobody_is_asked_to_approve(proposed: Site) -> None:
    proposed.policy(teams__payments="members: [carol, dan]\nmaintainers: [carol, dan]\n")
    page = signed_in(proposed, "carol").get(ONE).text
    assert "main changed this file too" in page
    assert page.index('id="problems"') < page.index('id="approvals"')
    assert "approve" not in Browser(proposed).verbs(page)


def test_a_person_approves_with_the_button_and_the_change_is_merged(proposed: Site) -> None:
    browser = signed_in(proposed, "carol")
    listed = browser.get(LIST).text
    assert "Waiting for you" in listed
    done = browser.press(browser.get(ONE).text, "approve")
    assert (done.status_code, done.headers["Location"]) == (303, "/-/changes?done=merged")
    assert merged(proposed)
    assert "It holds from now on" in browser.get(done.headers["Location"]).text


def test_two_people_approve_where_two_are_needed(site: Site) -> None:
    begin(site)
    site.policy(waybill="organization: acme\nadmins: [alice, erin]\nreview: {approvals: 2}\n")
    propose(site)
    carol, erin = signed_in(site, "carol"), signed_in(site, "erin")
    first = carol.press(carol.get(ONE).text, "approve")
    assert first.headers["Location"] == f"{ONE}?done=approved"
    page = carol.get(first.headers["Location"]).text
    assert "Your approval is recorded" in page
    assert "carol has approved it" in page
    assert not merged(site)
    assert erin.press(erin.get(ONE).text, "approve").headers["Location"].endswith("done=merged")
    assert merged(site)


@pytest.mark.parametrize(
    ("person", "why"),
    [("alice", "alice proposed it"), ("dave", "dave owns nothing that it touches")],
)
def test_who_cannot_approve_is_told_why_in_place_of_the_button(proposed: Site, person: str, why: str) -> None:
    browser = signed_in(proposed, person)
    page = browser.get(ONE).text
    assert f"You cannot approve this: {why}" in page
    assert "approve" not in browser.verbs(page)


def test_a_form_made_by_hand_does_not_let_approve_who_may_not(proposed: Site) -> None:
    browser = signed_in(proposed, "dave")
    found = changes.find(proposed.installation, "add-bob")
    for seal in ("", "0" * 64, "é"):
        fields = {"verb": "approve", "base": found.base, "tree": found.tree, "seal": seal}
        assert browser.post(ONE, fields).status_code == 403
    assert approvals(proposed) == []


def test_who_may_not_see_a_change_is_shown_neither_its_page_nor_its_name(proposed: Site) -> None:
    browser = signed_in(proposed, "bob")
    assert "add-bob" not in browser.get(LIST).text
    refused = browser.get(ONE)
    assert refused.status_code == 403
    assert "payments" not in refused.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Sec_Fetch_Site": "cross-site"}],
    ids=str,
)
def test_a_form_of_another_site_does_nothing(proposed: Site, headers: dict[str, str]) -> None:
    browser = signed_in(proposed, "carol")
    [form] = [form for form in forms(browser.get(ONE).text) if form.fields.get("verb") == "approve"]
    refused = browser.post(form.action, form.fields, **headers)
    assert refused.status_code == 403
    assert "nothing was done" in refused.text
    assert approvals(proposed) == []


def test_a_form_without_its_seal_or_with_that_of_another_form_or_session_does_nothing(proposed: Site) -> None:
    carol, dan = signed_in(proposed, "carol"), signed_in(proposed, "dan")
    alice = signed_in(proposed, "alice")
    [approving] = [f for f in forms(carol.get(ONE).text) if f.fields.get("verb") == "approve"]
    [signing_out] = [f for f in forms(carol.get(ONE).text) if f.action == "/-/logout"]
    [of_dan] = [f for f in forms(dan.get(ONE).text) if f.fields.get("verb") == "approve"]
    for seal in ("", signing_out.fields["seal"], of_dan.fields["seal"]):
        assert carol.post(ONE, {**approving.fields, "seal": seal}).status_code == 403
    [withdrawing] = [f for f in forms(alice.get(ONE).text) if f.fields.get("verb") == "withdraw"]
    assert alice.post(ONE, {**withdrawing.fields, "verb": "merge"}).status_code == 403
    propose(proposed, "other")
    assert alice.post(f"{LIST}/other", withdrawing.fields).status_code == 403
    assert approvals(proposed) == []
    assert {found.name for found in changes.changes(proposed.installation)} == {"add-bob", "other"}


def test_a_page_that_only_looks_changes_nothing(proposed: Site) -> None:
    browser = signed_in(proposed, "carol")
    [form] = [form for form in forms(browser.get(ONE).text) if form.fields.get("verb") == "approve"]
    query = "&".join(f"{name}={value}" for name, value in form.fields.items())
    assert browser.get(f"{ONE}?{query}").status_code == 200
    assert approvals(proposed) == []


def test_an_approval_of_what_moved_meanwhile_is_refused_and_the_page_shows_what_is_there_now(proposed: Site) -> None:
    browser = signed_in(proposed, "carol")
    page = browser.get(ONE).text
    propose(proposed, files={TEAM: "members: [carol, bob, peter]\nmaintainers: [carol, dan]\n"})
    stale = browser.press(page, "approve")
    assert stale.status_code == 409
    assert "Not done." in stale.text
    assert "moved since you looked; look at it again and approve what it is now" in stale.text
    assert "[carol, bob, peter]" in stale.text
    assert approvals(proposed) == []
    assert browser.press(stale.text, "approve").status_code == 303
    assert b"peter" in (proposed.installation.head("main").read(TEAM) or b"")


def test_an_approval_dies_when_main_moves_and_the_page_says_so(site: Site) -> None:
    begin(site)
    site.policy(waybill="organization: acme\nadmins: [alice, erin]\nreview: {approvals: 2}\n")
    propose(site)
    carol = signed_in(site, "carol")
    carol.press(carol.get(ONE).text, "approve")
    site.policy(README="moved: on\n")
    page = carol.get(ONE).text
    assert "counts no more" in page
    assert "approve" in carol.verbs(page)


def test_withdrawing_is_offered_to_who_may_and_ends_the_change(proposed: Site) -> None:
    carol, alice = signed_in(proposed, "carol"), signed_in(proposed)
    assert "withdraw" not in carol.verbs(carol.get(ONE).text)
    done = alice.press(alice.get(ONE).text, "withdraw")
    assert "is withdrawn" in alice.get(done.headers["Location"]).text
    assert alice.get(ONE).status_code == 404


def test_a_change_without_approval_on_main_says_so_and_still_asks_for_it(proposed: Site) -> None:
    changes.break_glass(proposed.installation, "add-bob", f"the {SCRIPT} is on fire")
    browser = signed_in(proposed, "carol")
    page = browser.get(ONE).text
    assert "On main without approval." in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; is on fire" in page
    assert browser.press(page, "approve").status_code == 303
    assert browser.get(ONE).status_code == 404


def test_nothing_that_people_wrote_becomes_markup(site: Site) -> None:
    begin(site)
    hostile = {
        "README.md": f'{SCRIPT}"><img src=x onerror=alert(1)>\n</pre>\x1b[2J\u202e\n',
        "docs/a@+!-b.md": "{{ 7*7 }}{% raw %}\n",
        PROJECT: f"grants:\n- {{role: admin, to: [peter], reason: '{SCRIPT}'}}\n- {{role: publish, to: [bob]}}\n",
    }
    propose(site, files=hostile, message=f"{SCRIPT}\n\n{SCRIPT}")
    browser = signed_in(site, "erin")
    for path in (LIST, ONE):
        page = browser.get(path)
        assert page.status_code == 200
        assert tags(page.text) <= PLAIN
        assert "\x1b" not in page.text
        assert "\u202e" not in page.text
    shown = browser.get(ONE).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "{{ 7*7 }}" in shown
    assert "\\u202e" in shown


@pytest.mark.parametrize(
    "name", ["%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%22onload%3D1", "..%2f..", "a b", "%00", "%E2%80%AE"]
)
def test_a_name_that_is_none_is_refused_on_a_plain_page(proposed: Site, name: str) -> None:
    refused = signed_in(proposed).get(f"{LIST}/{name}")
    assert refused.status_code in {400, 404}
    assert refused.mimetype == "text/plain" or tags(refused.text) <= PLAIN


@pytest.mark.parametrize("path", ["/", "/-/login", LIST, ONE, f"{LIST}/none", "/-/login?next=/x"])
def test_every_page_lets_a_browser_do_nothing_else_with_it(proposed: Site, path: str) -> None:
    for browser in (Browser(proposed), signed_in(proposed)):
        page = browser.client.get(path, base_url=browser.base)
        if page.status_code == 303:
            continue
        assert page.headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert tags(page.text) <= PLAIN
        assert not any(attribute in page.text for attribute in (" style=", " onclick=", " src="))
    style = proposed.ask("/-/style.css", None)
    assert style.content_type == "text/css; charset=utf-8"


def test_what_a_form_says_wrongly_is_refused_on_a_page(proposed: Site) -> None:
    browser = signed_in(proposed, "carol")
    for fields in ({}, {"verb": "explode"}, {"verb": "approve"}, {"verb": "approve\x00"}):
        assert browser.post(ONE, fields).status_code == 403
    [form] = [form for form in forms(browser.get(ONE).text) if form.fields.get("verb") == "approve"]
    for wrong in ({"base": ""}, {"tree": "x" * 1000}, {"base": "\x00"}):
        assert browser.post(ONE, {**form.fields, **wrong}).status_code == 409
    assert browser.post(ONE, {**form.fields, "more": "x" * 100_000}).status_code == 413
    assert browser.client.delete(ONE, base_url=browser.base).status_code == 405


def test_who_is_not_signed_in_is_asked_to_and_nothing_is_done(proposed: Site) -> None:
    browser = Browser(proposed)
    found = changes.find(proposed.installation, "add-bob")
    fields = {"verb": "approve", "base": found.base, "tree": found.tree, "seal": "0" * 64}
    assert browser.post(ONE, fields).headers["Location"] == "/-/login?next=/-/changes/add-bob"
    assert approvals(proposed) == []


def test_a_change_of_the_largest_size_is_shown_in_part(site: Site) -> None:
    begin(site)
    files: dict[str, str | bytes | None] = {f"docs/{n}.md": "line\n" * 1_500 for n in range(4)}
    files |= {"docs/long.md": "x" * 5_000, "bytes": b"\xff\x00"}
    propose(site, files=files)
    page = signed_in(site).get(ONE).text
    assert "the rest is not shown" in page
    assert "large or no text" in page
    assert len(page) < 400_000


def test_a_change_that_needs_nothing_more_can_be_merged_with_a_button(site: Site) -> None:
    begin(site)
    propose(site, files={"README.md": "# Rights\n"})
    browser = signed_in(site)
    assert "merge" not in browser.verbs(browser.get(ONE).text)
    site.policy(waybill="organization: acme\nadmins: [alice, erin]\nreview: {approvals: 0}\n")
    done = browser.press(browser.get(ONE).text, "merge")
    assert done.headers["Location"] == "/-/changes?done=merged"
    assert site.installation.head("main").read("README.md") == b"# Rights\n"
