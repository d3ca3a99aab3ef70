"""PyPI's JSON API, as bots ask for it."""

import hashlib
from typing import BinaryIO

import pytest

from registry import looks
from registry.cli.data import git_folder
from registry.model import Sha256, Status
from tests.archives import sdist, wheel
from tests.registry.web.site import Site, basic, json_of

HEADERS = ["Summary: shows things", "Project-URL: Source, https://example.invalid/x", "Requires-Dist: six"]


def test_a_project_is_described_by_its_latest_release_with_all_its_files(site: Site) -> None:
    old, new = wheel("demo", "1.0"), wheel("demo", "1.1", headers=HEADERS, requires_python=">=3.9")
    for archive in (old, sdist("demo", "1.0"), new, wheel("demo", "2.0rc1")):
        site.publish(archive)
    found = json_of(site.ask("/python/pypi/Demo/json"))
    info = found["info"]
    assert (info["name"], info["version"], info["summary"]) == ("demo", "1.1", "shows things")
    assert (info["requires_dist"], info["requires_python"], info["yanked"]) == (["six"], ">=3.9", False)
    assert info["project_urls"] == {"Source": "https://example.invalid/x"}
    assert list(found["releases"]) == ["1.0", "1.1", "2.0rc1"]
    assert [one["packagetype"] for one in found["releases"]["1.0"]] == ["bdist_wheel", "sdist"]
    [file] = found["urls"]
    assert file["digests"]["sha256"] == hashlib.sha256(new[1]).hexdigest()
    assert (file["filename"], file["size"], file["python_version"]) == (new[0], len(new[1]), "py3")
    assert site.ask(file["url"].removeprefix("http://localhost")).data == new[1]


def digests(archive: tuple[str, bytes]) -> dict[str, str]:
    return {
        "blake2b_256": hashlib.blake2b(archive[1], digest_size=32).hexdigest(),
        "md5": hashlib.md5(archive[1], usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(archive[1]).hexdigest(),
    }


def test_digests_are_those_of_pypi_where_they_are_known_and_only_the_described_release_is_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given(path: str) -> dict[str, dict[str, str]]:
        found = json_of(site.ask(path))
        return {
            one["filename"]: one["digests"]
            for files in [found["urls"], *found.get("releases", {}).values()]
            for one in files
        }

    read: list[str] = []
    blobs = site.installation.blobs
    opened = blobs.open

    def noted(sha256: Sha256) -> BinaryIO:
        read.append(sha256)
        return opened(sha256)

    monkeypatch.setattr(blobs, "open", noted)
    old, new = wheel("demo", "1.0"), wheel("demo", "2.0")
    for archive in (old, new):
        site.publish(archive)
    read.clear()
    only = {"sha256": digests(old)["sha256"]}
    for _ in range(2):
        assert given("/python/pypi/demo/json") == {old[0]: only, new[0]: digests(new)}
    assert read == [digests(new)["sha256"]]
    assert given("/python/pypi/demo/1.0/json") == {old[0]: digests(old)}
    assert given("/python/pypi/demo/json") == {old[0]: digests(old), new[0]: digests(new)}
    assert len(read) == 2


def test_digests_of_long_files_are_given_once_somebody_asked_for_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given() -> dict[str, str]:
        [file] = json_of(site.ask("/python/pypi/demo/json"))["urls"]
        found: dict[str, str] = file["digests"]
        return found

    archive = wheel("demo", "1.0")
    site.publish(archive)
    monkeypatch.setattr(looks, "QUICK", len(archive[1]) - 1)
    assert list(given()) == ["sha256"]
    site.ask(f"/-/api/v1/registries/python/projects/demo/releases/1.0/files/{archive[0]}/checksums")
    assert given() == digests(archive)


@pytest.mark.parametrize("damage", [b"", b"other bytes", None])
def test_a_damaged_artifact_or_file_of_digests_is_no_reason_to_answer_nothing(site: Site, damage: bytes | None) -> None:
    archive = wheel("demo", "1.0")
    site.publish(archive)
    digest = digests(archive)["sha256"]
    stored = git_folder(site.folder) / "lfs" / "objects" / digest[:2] / digest[2:4] / digest
    stored.chmod(0o600)
    stored.unlink() if damage is None else stored.write_bytes(damage)
    (site.folder / "looks.sqlite").write_bytes(b"nonsense" * 999)
    [file] = json_of(site.ask("/python/pypi/demo/json"))["urls"]
    assert file["digests"] == {"sha256": digest}


def test_a_release_is_described_without_the_others_and_says_that_it_is_yanked(site: Site) -> None:
    site.publish(wheel("demo", "1.0"))
    site.publish(wheel("demo", "2.0"))
    path = "/-/api/v1/registries/python/projects/demo/releases/2.0/yank"
    site.ask(path, method="PUT", data=b'{"reason": "broken"}')
    found = json_of(site.ask("/python/pypi/demo/2.0.0/json"))
    assert "releases" not in found
    assert (found["info"]["yanked"], found["info"]["yanked_reason"]) == (True, "broken")
    assert [one["yanked_reason"] for one in found["urls"]] == ["broken"]
    assert json_of(site.ask("/python/pypi/demo/json"))["info"]["version"] == "1.0"


def test_at_the_root_it_is_the_only_registry_and_with_several_nobody_guesses(site: Site) -> None:
    site.publish(wheel("demo", "1.0"))
    assert json_of(site.ask("/pypi/demo/json")) == json_of(site.ask("/python/pypi/demo/json"))
    assert json_of(site.ask("/pypi/demo/1.0/json")) == json_of(site.ask("/python/pypi/demo/1.0/json"))
    site.policy(registries__other__registry="kind: source\nprojects: open\n")
    answer = site.ask("/pypi/demo/json")
    assert (answer.status_code, "several registries" in answer.text) == (404, True)
    site.policy(waybill="organization: acme\nadmins: [alice]\ndefault_registry: python\n")
    assert json_of(site.ask("/pypi/demo/json")) == json_of(site.ask("/python/pypi/demo/json"))


def test_rights_are_those_of_the_index_and_what_is_not_offered_is_not_found(site: Site) -> None:
    site.publish(wheel("demo", "1.0"))
    assert site.ask("/python/pypi/demo/json", None).status_code == 401
    wrong = {"Authorization": basic("x", "wb_wrong")}
    assert site.ask("/python/pypi/demo/json", None, headers=wrong).status_code == 401
    for path in ("/python/pypi/absent/json", "/python/pypi/demo/9/json", "/absent/pypi/demo/json"):
        assert site.ask(path).status_code == 404
    private = "kind: source\nprojects: open\n"
    site.policy(people="alice: {}\nbob: {}\n", registries__python__registry=private)
    assert site.ask("/python/pypi/demo/json", "bob").status_code == 403
    site.set_status("demo", Status.QUARANTINED)
    assert site.ask("/python/pypi/demo/json").status_code == 404
    assert site.ask("/python/pypi/demo/1.0/json").status_code == 404


def test_a_project_whose_files_were_all_deleted_is_not_offered(site: Site) -> None:
    archive = wheel("demo", "1.0")
    site.publish(archive)
    site.delete(archive[0])
    assert site.ask("/python/pypi/demo/json").status_code == 404
