"""Deleting and restoring over the API: one route per whole, and refusals as problems."""

import pytest

from tests.archives import sdist, wheel
from tests.registry.web.pipelines import Ci, bearing
from tests.registry.web.site import Site, json_of, reader

WHEEL, SDIST = wheel("payments", "1.0"), sdist("payments", "1.0")
PROJECT = "/-/api/v1/registries/python/projects/payments"
RELEASE = f"{PROJECT}/releases/1.0"
FILE = f"{RELEASE}/files/{WHEEL[0]}"
REASON = b'{"reason": "a secret was in it"}'


@pytest.fixture
def payments(site: Site) -> Site:
    """A release of two files."""
    for archive in (WHEEL, SDIST):
        assert site.publish(archive).status_code == 200
    return site


@pytest.mark.parametrize(
    ("path", "what", "files"), [(FILE, "file", 1), (RELEASE, "release", 2), (PROJECT, "project", 2)]
)
def test_each_whole_is_deleted_and_restored_at_its_own_address(
    payments: Site, path: str, what: str, files: int
) -> None:
    gone = json_of(payments.ask(path, method="DELETE", data=REASON))
    assert (gone["registry"], gone["project"], gone["what"], len(gone["files"])) == ("python", "payments", what, files)
    assert {file["deleted"]["reason"] for file in gone["files"]} == {"a secret was in it"}
    assert {file["deleted"]["by"] for file in gone["files"]} == {"alice"}
    assert gone["commit"] == payments.head()
    assert json_of(payments.ask(path, method="DELETE"))["files"] == []
    back = json_of(payments.ask(f"{path}/restore", method="POST"))
    assert [file["filename"] for file in back["files"]] == [file["filename"] for file in gone["files"]]
    assert {file["deleted"] for file in back["files"]} == {None}
    assert json_of(payments.ask(f"{path}/restore", method="POST")) == {**back, "files": [], "commit": None}


def test_the_reason_may_stand_in_the_query_where_a_proxy_drops_bodies(payments: Site) -> None:
    [file] = json_of(payments.ask(FILE, method="DELETE", query={"reason": "wrong licence"}))["files"]
    assert file["deleted"]["reason"] == "wrong licence"


@pytest.mark.parametrize(("method", "end"), [("DELETE", ""), ("POST", "/restore")])
def test_refusals_are_problems_each_with_its_own_status(payments: Site, method: str, end: str) -> None:
    payments.policy(people="alice: {}\nbob: {}\n")
    token = payments.limited("alice", reader())
    cases = [
        (f"{RELEASE}{end}", None, {}, 401),
        (f"{RELEASE}{end}", "bob", {}, 403),
        (f"{RELEASE}{end}", None, bearing(token), 403),
        (f"{PROJECT}/releases/9{end}", "alice", {}, 404),
        (f"{RELEASE}/files/payments-1.0-py2-none-any.whl{end}", "alice", {}, 404),
        (f"{RELEASE}/files/payments-2.0-py3-none-any.whl{end}", "alice", {}, 400),
        (f"{RELEASE}/files/payments.exe{end}", "alice", {}, 400),
        (f"{PROJECT}/releases/not-a-version{end}", "alice", {}, 400),
        (f"/-/api/v1/registries/absent/projects/payments{end}", "alice", {}, 404),
    ]
    for path, person, headers, status in cases:
        answer = payments.ask(path, person, method=method, headers=headers)
        assert (path, answer.status_code, answer.content_type) == (path, status, "application/problem+json")
        assert answer.get_json(force=True)["detail"]
    assert payments.ask("/python/simple/payments/").text.count("<a ") == 2


@pytest.mark.parametrize("body", [b"[]", b'{"reason": 7}', b'{"why": "x"}', b"{", b'{"reason": "two\\nlines\\u0007"}'])
def test_a_body_that_cannot_be_meant_deletes_nothing(payments: Site, body: bytes) -> None:
    assert payments.ask(RELEASE, method="DELETE", data=body).status_code == 400
    assert payments.ask("/python/simple/payments/").text.count("<a ") == 2


def test_bytes_that_are_gone_cannot_be_restored_and_the_answer_says_so(payments: Site) -> None:
    payments.ask(RELEASE, method="DELETE")
    objects = payments.folder / "waybill.git" / "lfs" / "objects"
    for artifact in [path for path in objects.rglob("*") if path.is_file()]:
        artifact.unlink()
    answer = payments.ask(f"{RELEASE}/restore", method="POST")
    assert answer.status_code == 409
    assert "after the grace time" in answer.get_json(force=True)["detail"]


def test_a_pipeline_deletes_what_its_publisher_lets_it_write(ci: Ci) -> None:
    secret = ci.secret()
    assert ci.site.publish(wheel("payments-api", "1.0"), person=None, headers=bearing(secret)).status_code == 200
    path = "/-/api/v1/registries/python/projects/payments-api/releases/1.0"
    answer = ci.site.ask(path, None, method="DELETE", headers=bearing(secret))
    assert answer.status_code == 403
    assert "may not delete payments-api" in answer.get_json(force=True)["detail"]
