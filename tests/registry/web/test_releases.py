"""A release over the API, with where each of its files comes from, and what a pipeline published, as releases."""

import pytest

from registry import recall
from tests.archives import sdist, wheel
from tests.registry.web.pipelines import Ci, bearing
from tests.registry.web.site import Site, json_of, reader

PAYMENTS = wheel("payments-api", "1.4.0")
API = "/-/api/v1"
RELEASE = f"{API}/registries/python/projects/payments-api/releases/1.4.0"
PUBLISHED = f"{API}/log/releases"


def run_of(ci: Ci) -> str:
    return f"{ci.issuer.url}/acme/payments/actions/runs/77"


def test_each_file_of_a_release_says_who_published_it_from_where_and_why_that_was_allowed(ci: Ci) -> None:
    secret = ci.mint(ci.token(), declared={"job": "build 7"}).get_json()["token"]
    ci.site.publish(PAYMENTS, person=None, headers=bearing(secret))
    shown = json_of(ci.site.ask(RELEASE))
    for version in ("1.4", "v1.4.0"):
        assert json_of(ci.site.ask(RELEASE.replace("1.4.0", version))) == shown
    [file] = shown.pop("files")
    assert shown == {
        "registry": "python",
        "project": "payments-api",
        "version": "1.4.0",
        "yanked": False,
        "reason": None,
    }
    assert file["provenance"] == {
        "trust": "oidc",
        "principal": "github/acme/payments",
        "verified": {
            "issuer": ci.issuer.url,
            "repository": f"{ci.issuer.url}/acme/payments",
            "repository-id": "github:123456",
            "commit": "a" * 40,
            "ref": "refs/tags/v1.4.0",
            "pipeline": f"{run_of(ci)}/attempts/1",
            "workflow": "acme/payments/.github/workflows/release.yml@refs/tags/v1.4.0",
            "environment": "pypi",
            "actor": "github:ann",
        },
        "declared": {"job": "build 7"},
    }
    assert file["decision"]["allowed-by"] == "registries/python/projects/payments-api.yaml#publishers/0"
    assert (file["filename"], file["deleted"], file["attested-by"]) == (PAYMENTS[0], None, [])


def test_a_deleted_file_says_so_and_where_it_came_from(ci: Ci) -> None:
    ci.site.publish(PAYMENTS, person=None, headers=bearing(ci.secret()))
    ci.site.delete(PAYMENTS[0])
    [file] = json_of(ci.site.ask(RELEASE))["files"]
    assert file["deleted"]["reason"] == "a secret was in it"
    assert file["provenance"]["verified"]["commit"] == "a" * 40


def test_the_release_is_for_whoever_may_read_it(ci: Ci) -> None:
    secret = ci.secret()
    ci.site.publish(PAYMENTS, person=None, headers=bearing(secret))
    assert ci.site.ask(RELEASE, None, headers=bearing(secret)).status_code == 200
    assert ci.site.ask(RELEASE, None).status_code == 401
    other = ci.site.limited("alice", reader("other"))
    assert ci.site.ask(RELEASE, None, headers=bearing(other)).status_code == 403
    for path in (RELEASE.replace("1.4.0", "9"), RELEASE.replace("payments-api", "absent")):
        answer = ci.site.ask(path)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_what_a_pipeline_published_are_the_releases_that_are_still_there(ci: Ci) -> None:
    ci.site.publish(PAYMENTS, person=None, headers=bearing(ci.secret()))
    ci.site.publish(wheel("payments-api", "1.5.0"), person=None, headers=bearing(ci.secret()))
    ci.site.publish(sdist("payments-api", "1.4.0"), person=None, headers=bearing(ci.secret(run_id="78")))
    ci.site.delete("payments_api-1.5.0-py3-none-any.whl")
    [found] = json_of(ci.site.ask(PUBLISHED, query={"pipeline": run_of(ci)}))["releases"]
    assert found == {
        "registry": "python",
        "project": "payments-api",
        "version": "1.4.0",
        "files": [PAYMENTS[0]],
        "others": ["payments_api-1.4.0.tar.gz"],
        "yanked": False,
        "reason": None,
    }
    other = ci.site.limited("alice", reader("other"))
    seen = ci.site.ask(PUBLISHED, None, headers=bearing(other), query={"pipeline": run_of(ci)})
    assert json_of(seen)["releases"] == []


def test_a_name_that_was_used_again_for_other_bytes_is_not_taken_for_what_it_was(site: Site) -> None:
    site.policy(registries__python__registry="projects: open\nrepublish: allowed\n")
    said = {"X-Waybill-Declared-Commit": "a" * 40}
    first, second = (wheel("demo", "1.0", body=body) for body in ("bad", "good"))
    assert site.publish(first, headers=said).status_code == 200
    query = {"commit": "aaaaaaa", "declared": "true"}
    assert [one["version"] for one in json_of(site.ask(PUBLISHED, query=query))["releases"]] == ["1.0"]
    site.delete(first[0])
    assert site.publish(second).status_code == 200
    assert json_of(site.ask(PUBLISHED, query=query))["releases"] == []


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({}, "name a pipeline, a commit or a git repository"),
        ({"commit": "main"}, "commit: 'main' is not a commit id"),
        ({"commit": "aaaaaaa", "declared": "yes"}, "declared: send true or false"),
        ({"commit": "aaaaaaa", "until": "soon"}, "'soon' is neither a date"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(site: Site, query: dict[str, str], why: str) -> None:
    answer = site.ask(PUBLISHED, query=query)
    assert (answer.status_code, why in answer.get_json(force=True)["detail"]) == (400, True), answer.text


def test_more_than_anybody_can_look_at_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "MOST_FILES", 2)
    for version in ("1", "2", "3"):
        site.publish(wheel("demo", version), headers={"X-Waybill-Declared-Commit": "a" * 40})
    answer = site.ask(PUBLISHED, query={"commit": "aaaaaaa", "declared": "true"})
    assert answer.status_code == 400
    assert "More than 2 files fit" in answer.text


def test_the_index_says_of_every_file_who_published_it(site: Site) -> None:
    site.publish(PAYMENTS)
    page = json_of(site.ask("/python/simple/payments-api/?format=application/vnd.pypi.simple.v1+json"))
    [file] = page["files"]
    assert file["_waybill-provenance"] == {"trust": "token", "principal": "alice"}
    [file] = json_of(site.ask(RELEASE))["files"]
    assert file["provenance"] == {"trust": "token", "principal": "alice", "token": site.token().split("_")[1]}
