"""Registries, projects, releases and files over the API: what they hold, for whoever may read it."""

import hashlib
import json
from typing import Any

import pytest

from tests.archives import core_metadata, sdist, wheel
from tests.registry.web.site import Site, json_of, reader

API = "/-/api/v1"
REGISTRY = f"{API}/registries/python"
WHEEL = wheel("demo", "1.0")
FILE = f"{REGISTRY}/projects/demo/releases/1.0/files/{WHEEL[0]}"
PUBLIC = "kind: source\nvisibility: public\nprojects: open\n"


def test_registries_and_projects_are_listed_for_who_may_read_them(site: Site) -> None:
    site.policy(registries__open__registry=PUBLIC)
    for name in ("demo", "payments-api", "payments-ui"):
        site.publish(wheel(name, "1.0"))
    assert [one["name"] for one in json_of(site.ask(f"{API}/registries"))["registries"]] == ["open", "python"]
    assert [one["name"] for one in json_of(site.ask(f"{API}/registries", None))["registries"]] == ["open"]
    bearing = {"Authorization": f"Bearer {site.limited('alice', reader('payments-*'))}"}
    seen = json_of(site.ask(f"{REGISTRY}/projects", None, headers=bearing))["projects"]
    assert seen == [{"name": name, "status": "active", "latest": "1.0"} for name in ("payments-api", "payments-ui")]
    assert site.ask(f"{REGISTRY}/projects", None).status_code == 401
    assert site.ask(f"{REGISTRY}/projects/demo", None, headers=bearing).status_code == 403


def test_where_nothing_is_public_nobody_in_particular_is_asked_who_they_are(site: Site) -> None:
    assert site.ask(f"{API}/registries", None).status_code == 401


def test_a_list_is_read_page_by_page_and_nothing_is_missed_or_shown_twice(site: Site) -> None:
    for number in range(5):
        site.publish(wheel(f"demo-{number}", "1.0"))
    path, seen = f"{REGISTRY}/projects?limit=2&q=demo", []
    while path:
        answer = site.ask(path)
        seen.append([one["name"] for one in json_of(answer)["projects"]])
        link = answer.headers.get("Link", "")
        path = f"{REGISTRY}/projects{link.partition('<')[2].partition('>')[0]}" if 'rel="next"' in link else ""
    assert seen == [["demo-0", "demo-1"], ["demo-2", "demo-3"], ["demo-4"]]
    for bad in ("nonsense", "W10", "WzFd", "e30"):
        answer = site.ask(f"{REGISTRY}/projects", query={"cursor": bad})
        assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, "cursor")


def test_a_project_says_what_an_installer_would_take_and_its_releases_come_newest_first(site: Site) -> None:
    for version in ("1.0", "1.10", "1.9", "2.0rc1", "1.11"):
        site.publish(wheel("demo", version))
    site.ask(f"{REGISTRY}/projects/demo/releases/1.11/yank", method="PUT", data=b'{"reason": "broken"}')
    shown = json_of(site.ask(f"{REGISTRY}/projects/Demo"))
    assert (shown["latest"], shown["releases"], shown["created"]["by"]) == ("1.10", 5, "alice")
    first = json_of(site.ask(f"{REGISTRY}/projects/demo/releases", query={"limit": "2"}))
    assert [(one["version"], one["yanked"], one["reason"]) for one in first["releases"]] == [
        ("2.0rc1", False, None),
        ("1.11", True, "broken"),
    ]
    rest = json_of(site.ask(f"{REGISTRY}/projects/demo/releases", query={"cursor": first["next"]}))
    assert [one["version"] for one in rest["releases"]] == ["1.10", "1.9", "1.0"]
    assert site.ask(f"{REGISTRY}/projects/absent/releases").status_code == 404


def test_the_digests_of_a_file_are_those_of_its_bytes(site: Site) -> None:
    site.publish(WHEEL)
    data = WHEEL[1]
    expected = {name: hashlib.new(name, data).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
    expected["blake2b_256"] = hashlib.blake2b(data, digest_size=32).hexdigest()
    for _ in range(2):  # looked for, and kept
        assert json_of(site.ask(f"{FILE}/checksums")) == {"filename": WHEEL[0], **expected}


def test_kept_digests_that_were_changed_on_disk_are_looked_for_again(site: Site) -> None:
    site.publish(WHEEL)
    before = json_of(site.ask(f"{FILE}/checksums"))
    with site.installation.looks._database.writing() as connection:  # noqa: SLF001 - what a disk may do
        connection.execute("UPDATE look SET said = replace(said, ?, ?)", (before["md5"], "0" * 32))
    assert json_of(site.ask(f"{FILE}/checksums")) == before
    for file in site.folder.glob("looks.sqlite*"):
        file.write_bytes(b"not a database" * 400)
    assert json_of(site.ask(f"{FILE}/checksums")) == before


def test_damaged_bytes_have_no_digests(site: Site) -> None:
    site.publish(WHEEL)
    sha256 = hashlib.sha256(WHEEL[1]).hexdigest()
    [stored] = [path for path in site.folder.rglob(sha256) if path.is_file()]
    stored.chmod(0o600)
    stored.write_bytes(WHEEL[1][:-1] + b"x")
    answer = site.ask(f"{FILE}/checksums")
    assert (answer.status_code, "damaged" in answer.text) == (503, True)


def test_contents_are_every_member_with_its_size(site: Site) -> None:
    tarball = sdist("demo", "1.0")
    for archive in (WHEEL, tarball):
        site.publish(archive)
    names = {one["name"]: one["size"] for one in json_of(site.ask(f"{FILE}/contents"))["members"]}
    assert names["demo-1.0.dist-info/METADATA"] > 0
    inside = json_of(site.ask(FILE.replace(WHEEL[0], tarball[0]) + "/contents"))["members"]
    assert "demo-1.0/PKG-INFO" in {one["name"] for one in inside}


def test_metadata_and_needs_are_read_from_what_the_archive_says(site: Site) -> None:
    lines = [
        "Metadata-Version: 2.4",
        "Name: demo",
        "Version: 2.0",
        "Summary: shows things",
        "Keywords: one,two",
        "Requires-Python: >=3.9",
        "Requires-Dist: Requests[socks]>=2.1; python_version < '4'",
        "Requires-Dist: other @ https://example.invalid/other.whl",
    ]
    site.policy(registries__python__registry="projects: open\naccepts: [direct-urls]\n")
    archive = wheel("demo", "2.0", metadata=("\n".join(lines) + "\n\nA long story\n").encode())
    assert site.publish(archive).status_code == 200, site.publish(archive).text
    path = f"{REGISTRY}/projects/demo/releases/2.0/files/{archive[0]}"
    known: dict[str, Any] = json_of(site.ask(f"{path}/metadata"))["metadata"]
    assert (known["summary"], known["keywords"], known["description"].strip()) == (
        "shows things",
        ["one", "two"],
        "A long story",
    )
    needs = json_of(site.ask(f"{path}/dependencies"))
    assert needs["requires_python"] == ">=3.9"
    first, second = needs["dependencies"]
    assert (first["name"], first["extras"], first["specifier"]) == ("requests", ["socks"], ">=2.1")
    assert first["marker"] == 'python_version < "4"'
    assert second["url"] == "https://example.invalid/other.whl"


def test_a_file_says_where_it_comes_from_and_a_deleted_one_only_that(site: Site) -> None:
    site.publish(WHEEL)
    shown = json_of(site.ask(FILE))
    assert site.ask(shown["url"]).data == WHEEL[1]
    statement = json_of(site.ask(f"{FILE}/provenance"))["statement"]
    assert statement["subject"] == [{"name": WHEEL[0], "digest": {"sha256": shown["sha256"]}}]
    site.delete(WHEEL[0])
    gone = json_of(site.ask(FILE))
    assert (gone["url"], gone["deleted"]["reason"]) == (None, "a secret was in it")
    for what in ("checksums", "contents", "metadata", "dependencies"):
        answer = site.ask(f"{FILE}/{what}")
        assert (answer.status_code, "was deleted" in answer.text) == (404, True)
    assert json.dumps(json_of(site.ask(f"{FILE}/provenance"))["statement"]) == json.dumps(statement)


@pytest.mark.parametrize(
    "path",
    [
        FILE.replace(WHEEL[0], "demo-1.0.zip"),
        FILE.replace("releases/1.0", "releases/2.0"),
        FILE.replace("projects/demo", "projects/other"),
        FILE.replace("/python/", "/absent/"),
        f"{REGISTRY}/projects/absent",
    ],
)
def test_what_is_not_there_is_404(site: Site, path: str) -> None:
    site.publish(WHEEL)
    answer = site.ask(path)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_the_default_metadata_of_tests_has_no_needs(site: Site) -> None:
    assert b"Requires-Dist" not in core_metadata()
    site.publish(WHEEL)
    assert json_of(site.ask(f"{FILE}/dependencies"))["dependencies"] == []
