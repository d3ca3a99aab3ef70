"""A project's status over the API (PEP 792), on both kinds of pages, and what it stops."""

import hashlib

import pytest

from tests.archives import wheel
from tests.registry.web.site import Site, json_of

WHEEL, NEXT = wheel("payments", "1.0"), wheel("payments", "1.1")
STATUS = "/-/api/v1/registries/python/projects/payments/status"
PAGE = "/python/simple/payments/"
JSON = f"{PAGE}?format=application/vnd.pypi.simple.v1+json"
FILE = f"/python/files/{hashlib.sha256(WHEEL[1]).hexdigest()}/{WHEEL[0]}"


@pytest.fixture
def payments(site: Site) -> Site:
    """A project with one file."""
    assert site.publish(WHEEL).status_code == 200
    return site


@pytest.mark.parametrize(
    ("status", "uploads", "downloads"),
    [("active", 200, 200), ("archived", 403, 200), ("deprecated", 200, 200), ("quarantined", 403, 403)],
)
def test_a_status_is_shown_on_both_pages_and_decides_what_goes_in_and_out(
    payments: Site, status: str, uploads: int, downloads: int
) -> None:
    body = f'{{"status": "{status}", "reason": "see <b>wiki</b>"}}'.encode()
    changed = json_of(payments.ask(STATUS, method="PUT", data=body))
    assert changed == {"registry": "python", "project": "payments", "status": status, "reason": "see <b>wiki</b>"}
    page = json_of(payments.ask(JSON))
    assert page["project-status"] == {"status": status, "reason": "see <b>wiki</b>"}
    assert bool(page["files"]) == bool(page["versions"]) == (downloads == 200)
    html = payments.ask(PAGE, headers={"Accept": "text/html"}).text
    assert f'<meta name="pypi:project-status" content="{status}">' in html
    assert '<meta name="pypi:project-status-reason" content="see &lt;b&gt;wiki&lt;/b&gt;">' in html
    assert ("<a " in html) == (downloads == 200)
    assert payments.ask(FILE).status_code == payments.ask(f"{FILE}.metadata").status_code == downloads
    refused = payments.publish(NEXT)
    assert refused.status_code == uploads
    assert uploads == 200 or f"is {status} and takes no uploads (see <b>wiki</b>)" in refused.text


def test_the_same_status_again_writes_nothing_and_active_ends_it(payments: Site) -> None:
    sent = b'{"status": "archived"}'
    json_of(payments.ask(STATUS, method="PUT", data=sent))
    head = payments.head()
    assert json_of(payments.ask(STATUS, method="PUT", data=sent))["reason"] is None
    assert payments.head() == head
    assert payments.publish(NEXT).text == "Project payments is archived and takes no uploads\n"
    json_of(payments.ask(STATUS, method="PUT", data=b'{"status": "active"}'))
    assert payments.publish(NEXT).status_code == 200


def test_who_created_a_project_stays_when_its_status_changes(payments: Site) -> None:
    before = _record(payments)
    json_of(payments.ask(STATUS, method="PUT", data=b'{"status": "deprecated", "reason": "use payments2"}'))
    after = _record(payments)
    assert before.replace('"active"', '"deprecated"').replace("null", '"use payments2"') == after


@pytest.mark.parametrize("body", [b"{}", b'{"status": "gone"}', b'{"status": 1}', b'{"status": "active", "x": 1}'])
def test_what_is_no_status_is_refused(payments: Site, body: bytes) -> None:
    head = payments.head()
    answer = payments.ask(STATUS, method="PUT", data=body)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert payments.head() == head


def test_only_who_administers_a_project_sets_its_status(payments: Site) -> None:
    grants = "grants: [{role: write, to: [bob]}]\n"
    payments.policy(people="alice: {}\nbob: {}\n", registries__python__registry=f"projects: open\n{grants}")
    body = b'{"status": "archived"}'
    assert payments.ask(STATUS, None, method="PUT", data=body).status_code == 401
    assert payments.ask(STATUS, "bob", method="PUT", data=body).status_code == 403
    assert payments.ask(STATUS.replace("payments", "absent"), method="PUT", data=body).status_code == 404


def _record(site: Site) -> str:
    folder = hashlib.sha256(b"payments").hexdigest()[:2]
    return (site.installation.store.head("ledger").read(f"python/{folder}/payments/project.json") or b"").decode()
