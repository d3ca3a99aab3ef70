"""What the pages of the simple index say: JSON (PEP 691, 700, 714, 792), HTML (PEP 503, 592, 629)."""

import hashlib
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import pytest

from registry import curate
from registry.model import Status
from registry.names import ProjectName, RegistryName
from tests.archives import sdist, wheel
from tests.registry.web.site import Site, json_of, reader

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
WHEEL = wheel("demo", "1.10", requires_python=">=3.11,<4")
HOSTILE = "\"><script>alert(1)</script>&amp;'<!-- ü"


class Reader(HTMLParser):
    """Reads a page as clients do: anchors with their text, and metas."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: list[tuple[dict[str, str | None], str]] = []
        self.metas: dict[str, str | None] = {}
        self.tags: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "a":
            self.anchors.append((dict(attrs), ""))
        if tag == "meta":
            said = dict(attrs)
            self.metas[said["name"] or ""] = said["content"]

    def handle_data(self, data: str) -> None:
        if self.anchors and not self.anchors[-1][1]:
            self.anchors[-1] = (self.anchors[-1][0], data)


def page(site: Site, project: str = "demo") -> dict[str, Any]:
    return json_of(site.ask(f"/python/simple/{project}/", headers=JSON))


def html(site: Site, project: str = "demo") -> Reader:
    answer = site.ask(f"/python/simple/{project}/")
    assert answer.status_code == 200
    return Reader(answer.text)


def yank(site: Site, version: str, reason: str) -> None:
    curate.yank(site.installation, None, RegistryName("python"), ProjectName("demo"), version, reason)


def test_the_json_page_has_the_keys_and_types_of_the_standard(site: Site) -> None:
    site.publish(wheel("demo", "1.9"))
    site.publish(WHEEL)
    said = page(site)
    assert set(said) == {"meta", "name", "project-status", "versions", "files"}
    assert said["meta"] == {"api-version": "1.4"}
    assert said["name"] == "demo"
    assert said["project-status"] == {"status": "active"}
    assert said["versions"] == ["1.9", "1.10"]
    [first, second] = said["files"]
    assert "requires-python" not in first
    assert second["requires-python"] == ">=3.11,<4"
    assert second["filename"] == WHEEL[0]
    assert second["hashes"] == {"sha256": hashlib.sha256(WHEEL[1]).hexdigest()}
    assert second["size"] == len(WHEEL[1])
    assert second["yanked"] is False
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", second["upload-time"])


def test_the_metadata_is_promised_with_its_digest_only_where_it_is_served(site: Site) -> None:
    site.publish(WHEEL)
    site.publish(sdist("demo", "1.10", metadata_version="2.1"))
    site.publish(sdist("demo", "1.11", metadata_version="2.2"))
    for file in page(site)["files"]:
        url = urljoin("/python/simple/demo/", file["url"])
        served = site.ask(f"{url}.metadata")
        if file["filename"] == "demo-1.10.tar.gz":
            assert file["core-metadata"] is False
            assert served.status_code == 404
        else:
            assert file["core-metadata"] == {"sha256": hashlib.sha256(served.data).hexdigest()}


def test_the_html_page_carries_digest_requirements_and_metadata_of_each_file(site: Site) -> None:
    site.publish(WHEEL)
    said = html(site)
    assert said.metas["pypi:repository-version"] == "1.4"
    assert said.metas["pypi:project-status"] == "active"
    [(attributes, text)] = said.anchors
    assert text == WHEEL[0]
    url, _, fragment = (attributes["href"] or "").partition("#")
    assert fragment == "sha256=" + hashlib.sha256(WHEEL[1]).hexdigest()
    assert url.endswith(f"/{WHEEL[0]}")
    assert attributes["data-requires-python"] == ">=3.11,<4"
    assert ">=3.11" not in site.ask("/python/simple/demo/").text  # escaped in the source
    assert (attributes["data-core-metadata"] or "").startswith("sha256=")
    assert "data-yanked" not in attributes


def test_file_urls_are_relative_have_no_query_and_download_the_file(site: Site) -> None:
    site.publish(WHEEL)
    [in_json] = page(site)["files"]
    [(in_html, _)] = html(site).anchors
    for url in (in_json["url"], (in_html["href"] or "").partition("#")[0]):
        assert not url.startswith(("/", "http"))
        assert "?" not in url
        assert site.ask(urljoin("/python/simple/demo/", url)).data == WHEEL[1]


@pytest.mark.parametrize(("reason", "in_json"), [("breaks on 3.14", "breaks on 3.14"), ("", True)])
def test_a_yanked_release_says_so_with_and_without_a_reason(site: Site, reason: str, in_json: str | bool) -> None:
    site.publish(WHEEL)
    site.publish(wheel("demo", "2.0"))
    yank(site, "1.10", reason)
    [old, new] = page(site)["files"]
    assert (old["yanked"], new["yanked"]) == (in_json, False)
    [(old_anchor, _), (new_anchor, _)] = html(site).anchors
    assert old_anchor["data-yanked"] == reason
    assert "data-yanked" not in new_anchor


def test_a_hostile_reason_is_only_ever_text(site: Site) -> None:
    site.publish(WHEEL)
    yank(site, "1.10", HOSTILE)
    site.set_status("demo", Status.DEPRECATED, HOSTILE)
    said = html(site)
    assert said.anchors[0][0]["data-yanked"] == HOSTILE
    assert said.metas["pypi:project-status-reason"] == HOSTILE
    assert "script" not in said.tags
    assert page(site)["files"][0]["yanked"] == HOSTILE
    assert page(site)["project-status"] == {"status": "deprecated", "reason": HOSTILE}


def test_a_quarantined_project_says_so_and_offers_no_files(site: Site) -> None:
    site.publish(WHEEL)
    site.set_status("demo", Status.QUARANTINED, "malware report")
    said = page(site)
    assert said["project-status"] == {"status": "quarantined", "reason": "malware report"}
    assert (said["files"], said["versions"]) == ([], [])
    assert html(site).anchors == []
    assert html(site).metas["pypi:project-status"] == "quarantined"


def test_an_archived_project_still_offers_its_files(site: Site) -> None:
    site.publish(WHEEL)
    site.set_status("demo", Status.ARCHIVED)
    assert page(site)["project-status"] == {"status": "archived"}
    assert len(page(site)["files"]) == len(html(site).anchors) == 1


def test_a_deleted_file_is_not_offered_and_its_release_ends_with_the_last_one(site: Site) -> None:
    site.publish(WHEEL)
    site.publish(sdist("demo", "1.10"))
    site.delete(WHEEL[0])
    assert [file["filename"] for file in page(site)["files"]] == ["demo-1.10.tar.gz"]
    site.delete("demo-1.10.tar.gz")
    assert (page(site)["files"], page(site)["versions"]) == ([], [])


def test_a_declared_project_without_files_is_an_empty_page_and_not_404(site: Site) -> None:
    site.policy(registries__python__projects__planned="{}\n")
    said = page(site, "planned")
    assert (said["name"], said["files"], said["versions"]) == ("planned", [], [])
    assert html(site, "planned").anchors == []
    assert site.ask("/python/simple/unplanned/").status_code == 404


def test_the_list_names_every_project_once_in_order(site: Site) -> None:
    site.policy(registries__python__projects__planned="{}\n", registries__python__projects__demo="{}\n")
    site.publish(WHEEL)
    site.publish(wheel("Another.One", "1.0"))
    said = json_of(site.ask("/python/simple/", headers=JSON))
    assert said == {
        "meta": {"api-version": "1.4"},
        "projects": [{"name": "another-one"}, {"name": "demo"}, {"name": "planned"}],
    }
    listed = Reader(site.ask("/python/simple/").text)
    assert [(anchor["href"], text) for anchor, text in listed.anchors] == [
        ("another-one/", "another-one"),
        ("demo/", "demo"),
        ("planned/", "planned"),
    ]


def test_the_list_shows_only_what_the_caller_may_read(site: Site) -> None:
    site.publish(WHEEL)
    site.publish(wheel("secret", "1.0"))
    site.policy(
        people="alice: {}\nbob: {}\nmallory: {}\n",
        registries__python__registry="kind: source\n",
        registries__python__projects__demo="grants: [{role: read, to: [bob]}]\n",
    )

    def listed(person: str) -> list[str]:
        return [p["name"] for p in json_of(site.ask("/python/simple/", person, headers=JSON))["projects"]]

    assert listed("alice") == ["demo", "secret"]
    assert listed("bob") == ["demo"]
    assert site.ask("/python/simple/", "mallory").status_code == 403
    site.secrets["alice"] = site.limited("alice", reader("sec*"))
    assert listed("alice") == ["secret"]
