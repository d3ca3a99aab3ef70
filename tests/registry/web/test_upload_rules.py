"""Uploads that are refused for what is there already, or for what the policy says."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from registry.model import Status
from registry.policy.roles import Role, Scope
from tests.archives import sdist, wheel
from tests.registry.web.site import Archive, Site, reader

WHEEL = wheel("demo", "1.0")
OTHER_BYTES = (WHEEL[0], wheel("demo", "1.0", body="changed")[1])
UV_ACCEPT = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7"


def settings(**said: str) -> str:
    """Write a registry's file."""
    grants = "grants:\n  - {role: read, to: [everyone]}\n  - {role: publish, to: [bob]}\n"
    return (
        "".join(f"{key}: {value}\n" for key, value in {"kind": "source", "projects": "open", **said}.items()) + grants
    )


def test_other_bytes_under_a_used_name_are_refused_in_all_three_places_clients_look(site: Site) -> None:
    site.publish(WHEEL)
    head = site.head()
    plain = site.publish(OTHER_BYTES)
    assert plain.status.startswith("400 File already exists")
    assert plain.text.startswith("File already exists")
    coded = site.publish(OTHER_BYTES, headers={"Accept": UV_ACCEPT})
    assert coded.content_type == "application/json"
    assert json.loads(coded.data)["code"].startswith("400 File already exists")
    assert site.head() == head


def test_a_second_spelling_of_a_version_is_refused_and_the_first_takes_more_files(site: Site) -> None:
    site.publish(WHEEL)
    refused = site.publish(wheel("demo", "1.0.0"))
    assert refused.status_code == 400
    assert "1.0.0 equals 1.0" in refused.text
    assert site.publish(sdist("demo", "1.0")).status_code == 200
    assert site.publish(wheel("demo", "1.0.1")).status_code == 200


@pytest.mark.parametrize("status", [Status.ARCHIVED, Status.QUARANTINED])
def test_a_closed_project_takes_no_upload_and_says_why(site: Site, status: Status) -> None:
    site.publish(WHEEL)
    site.set_status("demo", status, "moved to demo2")
    head = site.head()
    refused = site.publish(wheel("demo", "1.1"))
    assert refused.status_code == 403
    assert status.value in refused.text
    assert "moved to demo2" in refused.text
    assert site.head() == head


def test_a_deprecated_project_still_takes_uploads(site: Site) -> None:
    site.publish(WHEEL)
    site.set_status("demo", Status.DEPRECATED, "use demo2")
    assert site.publish(wheel("demo", "1.1")).status_code == 200


@pytest.mark.parametrize(
    ("republish", "again", "status"),
    [
        ("never", WHEEL, 400),
        ("never", OTHER_BYTES, 400),
        ("same-bytes", WHEEL, 200),
        ("same-bytes", OTHER_BYTES, 400),
        ("allowed", WHEEL, 200),
        ("allowed", OTHER_BYTES, 200),
    ],
)
def test_a_deleted_name_comes_back_only_as_the_registry_allows(
    site: Site, republish: str, again: Archive, status: int
) -> None:
    site.policy(registries__python__registry=settings(republish=republish))
    site.publish(WHEEL)
    site.delete(WHEEL[0])
    head = site.head()
    answer = site.publish(again)
    assert answer.status_code == status
    assert (site.head() == head) == (status == 400)
    if status == 400:
        assert answer.text.startswith("File already exists")
        assert f"republish: {republish}" in answer.text


def test_the_metadata_of_a_republished_file_is_served_again(site: Site) -> None:
    site.publish(WHEEL)
    site.delete(WHEEL[0])
    assert site.publish(WHEEL).status_code == 200
    url = f"/python/files/{hashlib.sha256(WHEEL[1]).hexdigest()}/{WHEEL[0]}"
    assert site.ask(url).data == WHEEL[1]
    assert site.ask(f"{url}.metadata").status_code == 200


def test_a_registry_of_declared_projects_refuses_others_naming_the_file_to_add(site: Site) -> None:
    site.policy(registries__python__registry=settings(projects="declared"))
    refused = site.publish(WHEEL)
    assert refused.status_code == 403
    assert "registries/python/projects/demo.yaml" in refused.text
    site.policy(registries__python__projects__demo="{}\n")
    assert site.publish(WHEEL).status_code == 200


@pytest.mark.parametrize("registry", ["simple", "-", "_", "api", "v2", "pypi", "static", "tokens"])
def test_a_reserved_registry_takes_no_upload(site: Site, registry: str) -> None:
    assert site.publish(WHEEL, f"/{registry}/").status_code in {404, 405}


@pytest.mark.parametrize("registry", ["other", "Python", "..", "py%00thon", "p" * 300, "pythön"])
def test_an_unknown_registry_is_not_found(site: Site, registry: str) -> None:
    assert site.publish(WHEEL, f"/{registry}/").status_code == 404


def test_a_registry_that_is_not_a_source_takes_no_upload(site: Site) -> None:
    site.policy(registries__all__registry="kind: composite\nupstreams: [{registry: python}]\n")
    answer = site.publish(WHEEL, "/all/")
    assert answer.status_code == 403
    assert "takes no uploads" in answer.text


def test_a_broken_registry_file_refuses_uploads_with_its_file_and_line(site: Site) -> None:
    site.policy(registries__python__registry=settings() + "visibilty: private\n")
    refused = site.publish(WHEEL)
    assert refused.status_code == 403
    assert "registries/python/registry.yaml:6" in refused.text
    site.policy(registries__python__registry=settings())
    assert site.publish(WHEEL).status_code == 200


def test_a_broken_project_file_closes_this_project_alone(site: Site) -> None:
    site.policy(people="alice: {}\nbob: {}\n", registries__python__projects__demo="grant: []\n")
    refused = site.publish(WHEEL)
    assert refused.status_code == 403
    assert "registries/python/projects/demo.yaml:1" in refused.text
    assert site.publish(wheel("other", "1.0")).status_code == 200


def test_publishing_needs_the_role_and_counts_from_the_commit_that_gives_it(site: Site) -> None:
    site.policy(people="alice: {}\nbob: {}\n")
    assert site.publish(WHEEL, person="bob").status_code == 403
    site.policy(registries__python__registry=settings())
    assert site.publish(WHEEL, person="bob").status_code == 200


def test_a_grant_that_ended_gives_nothing_and_one_that_lasts_does(site: Site) -> None:
    today = datetime.now(UTC).date()
    base = "kind: source\nprojects: open\ngrants:\n  - {role: publish, to: [bob], until: "
    site.policy(people="alice: {}\nbob: {}\n")
    site.policy(registries__python__registry=f"{base}{today - timedelta(days=1)}}}\n")
    refused = site.publish(WHEEL, person="bob")
    assert refused.status_code == 403
    assert str(today - timedelta(days=1)) in refused.text
    site.policy(registries__python__registry=f"{base}{today + timedelta(days=1)}}}\n")
    assert site.publish(WHEEL, person="bob").status_code == 200


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        (Scope(), 200),
        (Scope(Role.PUBLISH, ("python",), ("de*",)), 200),
        (reader(), 403),
        (Scope(Role.PUBLISH, ("other",)), 403),
        (Scope(Role.PUBLISH, (), ("other-*",)), 403),
    ],
)
def test_a_token_publishes_only_within_its_scope(site: Site, scope: Scope, status: int) -> None:
    site.policy(registries__other__registry="{}\n")
    site.secrets["alice"] = site.limited("alice", scope)
    assert site.publish(WHEEL).status_code == status


def test_a_protected_project_refuses_api_tokens(site: Site) -> None:
    site.policy(registries__python__projects__demo="protected: true\n")
    refused = site.publish(WHEEL)
    assert refused.status_code == 403
    assert "registries/python/projects/demo.yaml:1" in refused.text
    assert site.publish(wheel("other", "1.0")).status_code == 200
