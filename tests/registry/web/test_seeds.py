"""Addresses of four other systems: they lead to the same pages, files and uploads, with the same rights."""

import hashlib
import json
from pathlib import Path
from urllib.parse import urljoin

import pytest
from werkzeug.test import TestResponse

from tests.archives import wheel
from tests.registry.web.site import Archive, Site, basic, new_site
from tests.registry.web.test_front import asked_twice

WAYBILL = "organization: acme\nadmins: [alice]\ndefault_registry: python\n"
PEOPLE = "alice: {}\nbob: {}\n"
KNOWN = """\
kind: source
visibility: private
projects: open
known_as:
  bitbucket: acme-ws
  buildkite: old-org/my-python-packages
  gitlab:
    - {id: "123", path: acme/deep/payments, groups: ["42"]}
  artifact_keeper: pypi-local
grants:
  - {role: read, to: [bob]}
"""
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
WHEEL = wheel("payments", "1.0", files={"payments.py": b"x = 1\n" * 400})

# What a client of each system has as its index.
BASES = [
    "/acme-ws/simple/",
    "/acme-ws/",
    "/python/",
    "/",
    "/old-org/my-python-packages/pypi/simple/",
    "/acme/python/pypi/simple/",
    "/api/v4/projects/123/packages/pypi/simple/",
    "/api/v4/projects/acme%2Fdeep%2Fpayments/packages/pypi/simple/",
    "/api/v4/projects/acme/python/packages/pypi/simple/",
    "/api/v4/projects/python/packages/pypi/simple/",
    "/api/v4/groups/42/-/packages/pypi/simple/",
    "/api/v4/groups/acme%2Fdeep/-/packages/pypi/simple/",
    "/api/v4/groups/acme/-/packages/pypi/simple/",
    "/pypi/simple/",
    "/pypi/pypi-local/simple/",
    "/pypi/python/simple/",
]
# Where an uploader of each system sends files.
UPLOADS = [
    "/acme-ws",
    "/acme-ws/",
    "/v2/packages/organizations/old-org/registries/my-python-packages/packages",
    "/v2/packages/organizations/acme/registries/python/packages",
    "/api/v4/projects/123/packages/pypi",
    "/api/v4/projects/123/packages/pypi/",
    "/api/v4/projects/acme%2Fdeep%2Fpayments/packages/pypi",
    "/pypi",
    "/pypi/",
    "/pypi/pypi-local",
    "/pypi/pypi-local/",
]


def made(folder: Path) -> Site:
    site = new_site(folder / "data")
    site.policy(waybill=WAYBILL, people=PEOPLE, registries__python__registry=KNOWN)
    assert site.publish(WHEEL).status_code == 200
    return site


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return made(tmp_path_factory.mktemp("seeds"))


def lone(site: Site, archive: Archive, path: str, person: str | None = "alice") -> TestResponse:
    """Upload as curl does: one field, a Bearer token."""
    return site.send(
        [("file", archive)], path, None, {"Authorization": f"Bearer {site.token(person)}"} if person else {}
    )


@pytest.mark.parametrize("base", BASES)
def test_a_client_finds_page_file_and_metadata_at_the_address_it_knows(stocked: Site, base: str) -> None:
    page = stocked.ask(f"{base}Payments/", "bob", headers=JSON)
    assert page.status_code == 200, page.text
    [file] = page.get_json(force=True)["files"]
    url = urljoin(f"http://localhost{base}Payments/", file["url"]).removeprefix("http://localhost")
    assert stocked.ask(url, "bob").data == WHEEL[1]
    assert b"Name: payments" in stocked.ask(f"{url}.metadata", "bob").data


@pytest.mark.parametrize("base", BASES)
def test_no_address_shows_a_private_registry_to_strangers_or_takes_wrong_credentials(stocked: Site, base: str) -> None:
    for project in ("payments", "unknown"):
        assert stocked.ask(f"{base}{project}/", None).status_code == 401
        wrong = {"Authorization": basic("bob", "wb_nobody_has_this")}
        assert stocked.ask(f"{base}{project}/", None, headers=wrong).status_code == 401


@pytest.mark.parametrize("base", BASES)
def test_an_unknown_project_is_404_and_never_a_redirect_elsewhere(stocked: Site, base: str) -> None:
    assert stocked.ask(f"{base}unknown/", "bob").status_code == 404


@pytest.mark.parametrize("base", [base for base in BASES if base.endswith("simple/")])
def test_each_index_lists_its_projects_and_leads_on_from_an_address_without_a_slash(stocked: Site, base: str) -> None:
    listed = stocked.ask(base, "bob", headers=JSON)
    assert [project["name"] for project in listed.get_json(force=True)["projects"]] == ["payments"]
    for path in (base, f"{base}Payments/"):
        bare = stocked.ask(path.rstrip("/"), "bob")
        assert bare.status_code == 302
        assert bare.location in {"simple/", "payments/"}


@pytest.mark.parametrize("path", UPLOADS)
def test_an_upload_lands_whatever_address_it_is_sent_to(tmp_path: Path, path: str) -> None:
    site = made(tmp_path)
    assert lone(site, wheel("payments", "2.0"), path, None).status_code == 401
    assert lone(site, wheel("payments", "2.0"), path, "bob").status_code == 403
    assert lone(site, wheel("payments", "2.0"), path).status_code in {200, 201}
    versions = site.ask("/python/simple/payments/", headers=JSON).get_json(force=True)["versions"]
    assert versions == ["1.0", "2.0"]
    again = lone(site, wheel("payments", "2.0"), path)
    assert again.status_code == 200
    other = lone(site, wheel("payments", "2.0", files={"payments.py": b"evil = 1\n"}), path)
    assert other.status_code == 400
    assert "File already exists" in other.status


@pytest.mark.parametrize("base", BASES)
def test_an_answer_at_any_address_is_repeated_without_flask_and_the_same(stocked: Site, base: str) -> None:
    for person in (None, "bob"):
        headers = {"Authorization": basic("__token__", stocked.token(person))} if person else {}
        first, again, alone = asked_twice(stocked, f"{base}payments/", headers)
        assert first == again == alone
    front = stocked.app.extensions["front"]
    assert any(asked.path.endswith("/payments/") and reply.basis for asked, reply in front._replies.items())  # noqa: SLF001


def test_a_revocation_counts_at_the_next_request_at_every_address(tmp_path: Path) -> None:
    site = made(tmp_path)
    for base in BASES:
        assert site.ask(f"{base}payments/", "bob").status_code == 200
    site.policy(registries__python__registry=KNOWN.replace("to: [bob]", "to: [alice]"))
    for base in BASES:
        assert site.ask(f"{base}payments/", "bob").status_code == 403, base


def test_an_address_that_is_taken_away_means_nothing_at_the_next_request(tmp_path: Path) -> None:
    site = made(tmp_path)
    assert site.ask("/pypi/pypi-local/simple/payments/").status_code == 200
    site.policy(registries__python__registry=KNOWN.replace("pypi-local", "elsewhere"))
    assert site.ask("/pypi/pypi-local/simple/payments/").status_code == 404
    assert site.ask("/pypi/elsewhere/simple/payments/").status_code == 200


def test_without_a_default_registry_addresses_without_a_registry_mean_nothing(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.policy(waybill="organization: acme\nadmins: [alice]\n")
    assert site.ask("/payments/").status_code == 404
    refused = site.ask("/pypi/simple/payments/")
    assert refused.status_code == 404
    assert "default_registry" in refused.status
    assert site.ask("/python/").location == "simple/"  # for people who open the upload URL
    assert lone(site, wheel("payments", "2.0"), "/pypi").status_code == 404


def test_where_a_registry_cannot_be_read_no_address_is_said_to_be_free(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.policy(registries__broken__registry="nonsense: true\n")
    for path in ("/nobody/simple/x/", "/pypi/nobody/simple/x/", "/api/v4/groups/nobody/-/packages/pypi/simple/x/"):
        assert site.ask(path, None).status_code == 401
        assert "registry.yaml" not in site.ask(path, None).status
        refused = site.ask(path)
        assert refused.status_code == 403
        assert "registries/broken/registry.yaml:1" in refused.status
    assert site.ask("/pypi/pypi-local/simple/payments/").status_code == 403  # which the broken file may claim as well
    assert site.ask("/pypi/python/simple/payments/").status_code == 200


def test_gitlab_says_what_is_wrong_as_its_clients_read_it(tmp_path: Path) -> None:
    site = made(tmp_path)
    created = lone(site, wheel("payments", "2.0"), UPLOADS[4])
    assert (created.status_code, created.get_json()) == (201, {"message": "201 Created"})
    used = lone(site, wheel("payments", "2.0", files={"x.py": b""}), UPLOADS[4])
    assert used.get_json()["message"].startswith("File already exists")
    unknown = site.ask("/api/v4/projects/999/packages/pypi/simple/payments/")
    assert unknown.status_code == 404
    assert list(unknown.get_json()) == ["message"]
    assert site.ask(f"{BASES[6]}payments/", None).headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("spelling", ["my-package", "my_package", "My.Package", "my....package"])
def test_gitlab_finds_a_name_in_every_spelling(tmp_path: Path, spelling: str) -> None:
    site = made(tmp_path)
    lone(site, wheel("my-package"), UPLOADS[4])
    assert site.ask(f"{BASES[6]}{spelling}/").status_code == 200


def test_routes_of_the_server_are_nobodys_workspace_or_project(stocked: Site) -> None:
    assert stocked.ask("/-/ready").status_code == 200
    for path in ("/-/nothing/", "/_/nothing/", "/api/nothing/", "/v2/nothing/", "/pypi/nothing/", "/static/nothing/"):
        assert stocked.ask(path).status_code == 404, path


def test_a_project_may_have_the_name_of_any_part_of_an_address(tmp_path: Path) -> None:
    site = made(tmp_path)
    for name in ("simple", "files", "legacy", "pypi", "python", "api"):
        assert site.publish(wheel(name)).status_code == 200
        for base in BASES:
            if base in {"/acme-ws/", "/python/"} and name in {"simple", "legacy"}:
                continue  # the index of all projects is there, and another form of the upload URL
            page = site.ask(f"{base}{name}/", headers=JSON)
            assert page.status_code == 200, (base, name, page.text)
            assert page.get_json(force=True)["name"] == name


@pytest.mark.parametrize("name", ["files", "legacy", "integrity", "packages", "groups", "projects", "v3"])
def test_a_registry_may_have_the_name_of_any_part_of_an_address(tmp_path: Path, name: str) -> None:
    site = made(tmp_path)
    site.policy(**{f"registries__{name}__registry": KNOWN[: KNOWN.index("known_as")]})
    assert site.publish(WHEEL, f"/{name}/").status_code == 200
    for base in (
        f"/{name}/simple/",
        f"/{name}/",
        f"/acme/{name}/pypi/simple/",
        f"/api/v4/projects/{name}/packages/pypi/simple/",
        f"/api/v4/projects/acme%2F{name}/packages/pypi/simple/",
        f"/pypi/{name}/simple/",
    ):
        page = site.ask(f"{base}payments/", headers=JSON)
        assert page.status_code == 200, (base, page.text)
        [file] = page.get_json(force=True)["files"]
        url = urljoin(f"http://localhost{base}payments/", file["url"]).removeprefix("http://localhost")
        assert site.ask(url).data == WHEEL[1]


def packages(site: Site, path: str = "", **query: str) -> TestResponse:
    return site.ask(f"/v2/packages/organizations/acme/registries/python/packages{path}", "bob", query=query)


def test_buildkite_lists_what_is_there_newest_first_in_pages(tmp_path: Path) -> None:
    site = made(tmp_path)
    for name, version in (("tools", "1.0"), ("payments", "2.0")):
        site.publish(wheel(name, version))
    listed = packages(site).get_json()
    assert [(item["name"], item["version"]) for item in listed["items"]] == [
        ("payments", "2.0"),
        ("tools", "1.0"),
        ("payments", "1.0"),
    ]
    assert [item["version"] for item in packages(site, name="Payments").get_json()["items"]] == ["2.0", "1.0"]
    first = packages(site, per_page="2").get_json()
    assert len(first["items"]) == 2
    assert "page=2" in first["links"]["next"]
    last = packages(site, per_page="2", page="2").get_json()
    assert [item["version"] for item in last["items"]] == ["1.0"]
    assert "next" not in last["links"]


def test_buildkite_shows_a_package_as_publishing_did(tmp_path: Path) -> None:
    site = made(tmp_path)
    published = lone(site, wheel("tools"), UPLOADS[3]).get_json()
    assert published["name"] == "tools"
    assert set(published["digests"]) == {"sha256", "sha512"}
    shown = site.ask(published["url"].removeprefix("http://localhost"), "bob")
    assert shown.get_json() == published
    [listed] = packages(site, name="tools").get_json()["items"]
    assert {key: published[key] for key in ("id", "url", "name", "version", "created_at")} == {
        key: listed[key] for key in ("id", "url", "name", "version", "created_at")
    }


@pytest.mark.parametrize("id_", ["tools-1.0-py3-none-any.whl", "nonsense", "0191e23a-4bc8-7683-bfa4-5f73bc9b7c44"])
def test_buildkite_has_no_package_that_is_not_there(stocked: Site, id_: str) -> None:
    refused = packages(stocked, f"/{id_}")
    assert refused.status_code == 404
    assert list(refused.get_json()) == ["message"]


def test_buildkite_shows_nobody_a_package_that_they_may_not_read(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.policy(registries__python__registry=KNOWN.replace("to: [bob]", 'to: [bob], projects: ["tools"]'))
    site.publish(wheel("tools"))
    assert [item["name"] for item in packages(site).get_json()["items"]] == ["tools"]
    assert packages(site, f"/{WHEEL[0]}").status_code == 403


def test_buildkite_registry_tokens_read_one_registry_and_end_when_deleted(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.policy(registries__other__registry=KNOWN[: KNOWN.index("known_as")])
    base = "/v2/packages/organizations/acme/registries/python/tokens"
    sent = json.dumps({"description": "Usher"}).encode()
    created = site.ask(base, method="POST", data=sent).get_json()
    assert created["description"] == "Usher"
    reads = {"Authorization": basic("buildkite", created["token"])}
    assert site.ask("/acme/python/pypi/simple/payments/", None, headers=reads).status_code == 200
    assert site.ask("/acme/other/pypi/simple/payments/", None, headers=reads).status_code == 403
    assert site.publish(wheel("tools"), person=None, headers=reads).status_code == 403
    assert [token["id"] for token in site.ask(base).get_json()] == [created["id"]]
    assert "token" not in site.ask(f"{base}/{created['id']}").get_json()
    assert site.ask(f"{base}/{created['id']}", "bob").status_code == 404
    assert site.ask(f"{base}/{created['id']}", method="DELETE").status_code == 200
    assert site.ask("/acme/python/pypi/simple/payments/", None, headers=reads).status_code == 401
    assert site.ask(base).get_json() == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_buildkite_changes_what_is_said_of_a_registry_token_and_nothing_else(tmp_path: Path, method: str) -> None:
    site = made(tmp_path)
    base = "/v2/packages/organizations/acme/registries/python/tokens"
    created = site.ask(base, method="POST", data=b'{"description": "Usher"}').get_json()
    before, path = site.head(), f"{base}/{created['id']}"
    changed = site.ask(path, method=method, data=b'{"description": "laptops"}')
    assert changed.status_code == 200, changed.text
    assert changed.get_json() == {key: created[key] for key in created if key != "token"} | {"description": "laptops"}
    assert site.ask(path).get_json() == changed.get_json()
    reads = {"Authorization": basic("buildkite", created["token"])}
    assert site.ask("/acme/python/pypi/simple/payments/", None, headers=reads).status_code == 200
    [event, *_] = site.ask("/-/api/v1/events", query={"limit": "1"}).get_json()["events"]
    assert event["subject"] == f"token-describe: {created['id']} of alice"
    assert event["facts"]["Token-Id"] == created["id"]
    assert "laptops" not in json.dumps(event)  # who may see an event need not see what others wrote of their tokens
    after = site.head()
    assert after != before
    assert site.ask(path, method=method, data=b'{"description": "laptops"}').status_code == 200
    assert site.head() == after  # the same again writes nothing


def test_buildkite_changes_no_registry_token_of_others_and_none_that_was_ended(tmp_path: Path) -> None:
    site = made(tmp_path)
    base = "/v2/packages/organizations/acme/registries/python/tokens"
    created = site.ask(base, method="POST", data=b'{"description": "Usher"}').get_json()
    path, sent = f"{base}/{created['id']}", b'{"description": "other"}'
    assert site.ask(path, None, method="POST", data=sent).status_code == 401
    assert site.ask(path, "bob", method="POST", data=sent).status_code == 404
    reads = {"Authorization": basic("buildkite", created["token"])}
    assert site.ask(path, None, method="POST", data=sent, headers=reads).status_code == 403  # it only reads
    for wrong in (
        b"",
        b"{}",
        b'{"description": null}',
        b'{"description": 1}',
        b'{"note": "x"}',
        rb'{"description": "\u0007"}',
    ):
        assert site.ask(path, method="POST", data=wrong).status_code == 400, wrong
    assert site.ask(path, method="POST", data=json.dumps({"description": "x" * 201}).encode()).status_code == 400
    assert site.ask(path).get_json()["description"] == "Usher"
    assert site.ask(path, method="DELETE").status_code == 200
    assert site.ask(path, method="POST", data=sent).status_code == 404


def test_buildkite_copies_a_package_to_another_registry_for_who_may_publish_there(tmp_path: Path) -> None:
    site = made(tmp_path)
    site.policy(registries__stable__registry=KNOWN[: KNOWN.index("known_as")])
    path = f"/v2/packages/organizations/acme/registries/python/packages/{WHEEL[0]}/copy?to=stable"
    assert site.ask(path, None, method="POST").status_code == 401
    assert site.ask(path, "bob", method="POST").status_code == 403
    copied = site.ask(path, method="POST").get_json()
    assert copied["registry"]["slug"] == "stable"
    assert site.ask(copied["url"].removeprefix("http://localhost")).get_json() == copied
    assert site.ask("/stable/simple/payments/", headers=JSON).get_json(force=True)["versions"] == ["1.0"]
    assert site.ask(path.replace("stable", "nowhere"), method="POST").status_code == 404


def test_buildkite_deletes_a_package_for_who_may_write(tmp_path: Path) -> None:
    site = made(tmp_path)
    path = f"/v2/packages/organizations/acme/registries/python/packages/{WHEEL[0]}"
    assert site.ask(path, None, method="DELETE").status_code == 401
    assert site.ask(path, "bob", method="DELETE").status_code == 403
    assert site.ask(path, method="DELETE").status_code == 200
    assert site.ask(path).status_code == 404
    assert packages(site).get_json()["items"] == []


def test_buildkite_gives_a_hundred_packages_a_page_and_a_hundred_pages(tmp_path: Path) -> None:
    site = made(tmp_path)
    for number in range(101):
        assert site.publish(wheel("tools", f"1.{number}")).status_code == 200
    first = packages(site, name="tools", per_page="1000").get_json()
    assert len(first["items"]) == 100
    second = site.ask(first["links"]["next"].removeprefix("http://localhost"), "bob").get_json()
    assert [item["version"] for item in second["items"]] == ["1.0"]
    last = packages(site, name="tools", per_page="1", page="100").get_json()
    assert [item["version"] for item in last["items"]] == ["1.1"]
    assert "next" not in last["links"]
    assert packages(site, name="tools", per_page="1", page="101").get_json()["items"] == last["items"]


def test_buildkite_reads_the_bytes_of_a_package_once_to_tell_its_digests(tmp_path: Path) -> None:
    site = made(tmp_path)
    for version in ("1.0", "2.0"):
        assert site.publish(wheel("tools", version)).status_code == 200
    looked = packages(site, "/tools-1.0-py3-none-any.whl").get_json()
    assert looked["digests"]["sha512"] == hashlib.sha512(wheel("tools", "1.0")[1]).hexdigest()
    for artifact in (site.folder / "waybill.git" / "lfs" / "objects").rglob("*"):
        if artifact.is_file():
            artifact.chmod(0o600)
            artifact.write_bytes(b"damaged")
    assert packages(site, "/tools-1.0-py3-none-any.whl").get_json() == looked
    assert packages(site, "/tools-2.0-py3-none-any.whl").status_code == 503  # nobody looked while it was whole
