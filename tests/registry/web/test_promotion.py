"""Promoting over the API, and what of it the log and the pages show."""

import pytest

from registry import removal
from registry.names import project_name, registry_name
from registry.promotion import Route, promote
from registry.removal import Whole
from tests.archives import sdist, wheel
from tests.registry.web.pipelines import Ci, bearing
from tests.registry.web.site import PYTHON, Site, json_of, multipart

PROD, PAYMENTS = registry_name("prod"), project_name("payments-api")
OPEN = "projects: open\n"
WHEEL, SDIST = wheel("payments-api", "1.0"), sdist("payments-api", "1.0")
RELEASE = "/-/api/v1/registries/python/projects/payments-api/releases/1.0"


@pytest.fixture
def two(site: Site) -> Site:
    """A release in one registry, and another registry."""
    site.policy(people="alice: {}\nbob: {}\n", registries__prod__registry=OPEN)
    for archive in (WHEEL, SDIST):
        assert site.publish(archive).status_code == 200
    return site


def test_a_release_is_promoted_whole_or_by_file_and_again_does_no_harm(two: Site) -> None:
    [file] = json_of(two.ask(f"{RELEASE}/files/{SDIST[0]}/promote", method="POST", data=b'{"to": "prod"}'))["files"]
    assert (file["filename"], file["promoted"]) == (SDIST[0], {"from": "python", "by": "alice"})
    done = json_of(two.ask(f"{RELEASE}/promote", method="POST", data=b'{"to": "prod"}'))
    assert (done["from"], done["to"], done["commit"]) == ("python", "prod", two.head())
    assert ([f["filename"] for f in done["files"]], [f["filename"] for f in done["there"]]) == ([WHEEL[0]], [SDIST[0]])
    again = json_of(two.ask(f"{RELEASE}/promote", method="POST", data=b'{"to": "prod"}'))
    assert (again["files"], len(again["there"]), again["commit"]) == ([], 2, None)


@pytest.mark.parametrize(
    ("path", "person", "body", "status"),
    [
        (RELEASE, None, b'{"to": "prod"}', 401),
        (RELEASE, "bob", b'{"to": "prod"}', 403),
        (RELEASE, "alice", b'{"to": "absent"}', 404),
        (RELEASE, "alice", b'{"to": "python"}', 400),
        (RELEASE, "alice", b"{}", 400),
        (RELEASE, "alice", b'{"to": ["prod"]}', 400),
        (RELEASE, "alice", b'{"to": "prod", "force": true}', 400),
        (RELEASE.replace("1.0", "9.9"), "alice", b'{"to": "prod"}', 404),
    ],
)
def test_refusals_are_problems(two: Site, path: str, person: str | None, body: bytes, status: int) -> None:
    answer = two.ask(f"{path}/promote", person, method="POST", data=body)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert two.ask("/prod/simple/payments-api/").status_code == 404


def test_what_is_there_already_is_a_conflict_here_and_400_for_uploaders(two: Site) -> None:
    other = wheel("payments-api", "1.0", files={"other.py": b""})
    assert two.publish(other, "/prod/").status_code == 200
    before = two.head()
    answer = two.ask(f"{RELEASE}/promote", method="POST", data=b'{"to": "prod"}')
    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert answer.get_json(force=True)["detail"].startswith("File already exists")
    body, kind = multipart([("content", WHEEL)])
    dry = two.ask("/-/api/v1/check?registry=prod", method="POST", data=body, headers={"Content-Type": kind})
    assert dry.status_code == 409
    assert two.publish(WHEEL, "/prod/").status_code == 400
    assert two.head() == before
    assert two.ask(f"{RELEASE}/yank", method="PUT", data=b"{}").status_code == 200
    assert two.ask(f"{RELEASE}/promote", method="POST", data=b'{"to": "prod"}').status_code == 409


def test_what_a_pipeline_published_is_found_wherever_it_was_promoted_to(ci: Ci) -> None:
    site = ci.site
    site.policy(registries__prod__registry=OPEN)
    assert site.publish(wheel("payments-api", "1.0"), person=None, headers=bearing(ci.secret())).status_code == 200
    promote(site.installation, None, Route(PYTHON, PROD, PAYMENTS, "1.0"))
    run = f"{ci.issuer.url}/acme/payments/actions/runs/77"
    found = json_of(site.ask("/-/api/v1/log/releases", query={"pipeline": run}))["releases"]
    assert [release["registry"] for release in found] == ["prod", "python"]
    removal.delete(site.installation, None, Whole(PROD, PAYMENTS, "1.0"), "")
    removal.restore(site.installation, None, Whole(PROD, PAYMENTS, "1.0"))
    found = json_of(site.ask("/-/api/v1/log/releases", query={"pipeline": run}))["releases"]
    assert [release["registry"] for release in found] == ["prod", "python"]
    page = json_of(site.ask("/prod/simple/payments-api/?format=application/vnd.pypi.simple.v1+json"))
    [file] = page["files"]
    origin = file["_waybill-provenance"]
    assert (origin["trust"], origin["verified"]["commit"], origin["promoted-from"]) == ("oidc", "a" * 40, "python")


def test_a_pipeline_promotes_where_a_publisher_trusts_it_and_the_log_keeps_both_runs_apart(ci: Ci) -> None:
    site, trusted = ci.site, ci.site.installation.policy().project(PYTHON, PAYMENTS)
    assert trusted is not None
    text = site.installation.store.head("main").read("registries/python/projects/payments-api.yaml") or b""
    site.policy(registries__prod__registry=OPEN, registries__prod__projects__payments_api=None)
    site._append("main", {"registries/prod/projects/payments-api.yaml": text})  # noqa: SLF001 - a name with a hyphen
    first, second = ci.secret(run_id="77"), ci.secret(run_id="88")
    assert site.publish(wheel("payments-api", "1.0"), person=None, headers=bearing(first)).status_code == 200
    answer = site.ask(f"{RELEASE}/promote", None, method="POST", data=b'{"to": "prod"}', headers=bearing(second))
    assert answer.status_code == 200, answer.text
    [event, *_] = json_of(site.ask("/-/api/v1/log", query={"registry": "prod"}))["events"]
    facts = event["facts"]
    assert facts["Pipeline"].endswith("/runs/77/attempts/1")
    assert facts["Promoter-Pipeline"].endswith("/runs/88/attempts/1")
    assert (facts["Publisher"], facts["Published-By"]) == ("github/acme/payments", "github/acme/payments")
