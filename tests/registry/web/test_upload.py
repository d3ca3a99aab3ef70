"""Uploads that are accepted: the form as each client sends it, and what is stored of it."""

import hashlib
from collections.abc import Callable

import pytest

from registry.model import Sha256
from tests.archives import sdist, wheel
from tests.registry.web.site import Archive, Field, Site, json_of

WHEEL = wheel("demo", "1.0", requires_python=">=3.11")
SDIST = sdist("demo", "1.0")


def digests(data: bytes) -> dict[str, str]:
    return {
        "md5_digest": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha256_digest": hashlib.sha256(data).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(data, digest_size=32).hexdigest(),
    }


def stored(site: Site, archive: Archive) -> bool:
    """Whether the file is offered, and downloads as what was sent."""
    files = json_of(site.ask("/python/simple/demo/?format=application/vnd.pypi.simple.v1%2Bjson"))["files"]
    [offered] = [file for file in files if file["filename"] == archive[0]]
    sha256 = offered["hashes"]["sha256"]
    return bool(site.ask(f"/python/files/{sha256}/{archive[0]}").data == archive[1])


def twine(archive: Archive, filetype: str) -> list[Field]:
    filename, data = archive
    said = digests(data)
    return [
        ("name", "demo"),
        ("version", "1.0"),
        ("filetype", filetype),
        ("pyversion", "py3" if filetype == "bdist_wheel" else "source"),
        ("metadata_version", "2.4"),
        ("classifiers", "Topic :: Software Development"),
        ("classifiers", "Typing :: Typed"),
        ("sha256_digest", said["sha256_digest"]),
        ("blake2_256_digest", said["blake2_256_digest"]),
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("content", (filename, data)),
    ]


def uv(archive: Archive, filetype: str) -> list[Field]:
    filename, data = archive
    return [
        (":action", "file_upload"),
        ("sha256_digest", digests(data)["sha256_digest"]),
        ("blake2_256_digest", digests(data)["blake2_256_digest"]),
        ("protocol_version", "1"),
        ("metadata_version", "2.4"),
        ("name", "demo"),
        ("version", "1.0"),
        ("filetype", filetype),
        ("requires_python", ""),
        ("import_names", "demo"),
        ("content", (filename, data)),
        ("attestations", "[]"),
    ]


def poetry(archive: Archive, filetype: str) -> list[Field]:
    filename, data = archive
    return [
        ("content", (filename, data)),
        (":action", "file_upload"),
        ("metadata_version", "2.4"),
        ("name", "Demo"),
        ("version", "1.0"),
        ("summary", "UNKNOWN"),
        ("provides_extras", "all"),
        *digests(data).items(),
        ("filetype", filetype),
        ("pyversion", "py3"),
        ("protocol_version", "1"),
    ]


def flit(archive: Archive, filetype: str) -> list[Field]:
    """Sends no pyversion for sdists, and one metadata version whatever the file says."""
    filename, data = archive
    return [
        (":action", "file_upload"),
        ("name", "demo"),
        ("version", "1.0"),
        ("metadata_version", "2.3"),
        ("md5_digest", digests(data)["md5_digest"]),
        ("sha256_digest", digests(data)["sha256_digest"]),
        ("filetype", filetype),
        ("content", (filename, data)),
    ]


def hatch(archive: Archive, filetype: str) -> list[Field]:
    filename, data = archive
    return [
        ("keywords", "one,two"),
        ("description", "Ünïcode\r\n--not-a-boundary\r\n"),
        ("name", "demo"),
        ("version", "1.0"),
        ("filetype", filetype),
        ("pyversion", "py3"),
        (":action", "file_upload"),
        ("protocol_version", "1"),
        *((name, value.upper()) for name, value in digests(data).items()),
        ("content", (filename, data)),
    ]


@pytest.mark.parametrize("client", [twine, uv, poetry, flit, hatch])
def test_every_uploader_s_form_is_accepted_for_a_wheel_and_an_sdist(
    site: Site, client: Callable[[Archive, str], list[Field]]
) -> None:
    for archive, filetype in ((WHEEL, "bdist_wheel"), (SDIST, "sdist")):
        answer = site.send(client(archive, filetype))
        assert answer.status_code == 200, answer.text
        assert stored(site, archive)


def test_a_lone_file_field_is_enough_because_the_archive_says_the_rest(site: Site) -> None:
    answer = site.send([("file", WHEEL)])
    assert answer.status_code == 200
    assert stored(site, WHEEL)


@pytest.mark.parametrize("path", ["/python/", "/python", "/python/legacy/", "/python/legacy", "/python//legacy/"])
def test_every_form_of_the_upload_url_takes_the_file_without_a_redirect(site: Site, path: str) -> None:
    assert site.publish(WHEEL, path).status_code == 200
    assert stored(site, WHEEL)


def test_an_acceptance_names_the_file_its_digest_and_the_commit(site: Site) -> None:
    answer = site.publish(WHEEL)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert WHEEL[0] in answer.text
    assert hashlib.sha256(WHEEL[1]).hexdigest() in answer.text
    assert site.head() in answer.text


def test_the_same_bytes_again_are_accepted_and_write_no_commit(site: Site) -> None:
    site.publish(WHEEL)
    head = site.head()
    again = site.publish(WHEEL)
    assert again.status_code == 200
    assert "nothing was written" in again.text
    assert site.head() == head


def test_other_files_of_the_same_release_are_a_commit_each(site: Site) -> None:
    site.publish(WHEEL)
    head = site.head()
    assert site.publish(SDIST).status_code == 200
    assert site.head() != head
    assert stored(site, WHEEL)
    assert stored(site, SDIST)


@pytest.mark.parametrize("field", ["md5_digest", "sha256_digest", "blake2_256_digest"])
def test_each_digest_alone_is_accepted_when_it_matches(site: Site, field: str) -> None:
    assert site.publish(WHEEL, said={field: digests(WHEEL[1])[field]}).status_code == 200


def test_fields_nobody_knows_and_a_metadata_version_from_the_future_are_ignored(site: Site) -> None:
    said = {"metadata_version": "9.9", "favourite_colour": "blue", "_": "x", "name": "demo", "version": "1.0"}
    assert site.publish(WHEEL, said=said).status_code == 200


def test_a_field_given_twice_with_one_value_is_that_value(site: Site) -> None:
    assert site.send([("name", "demo"), ("name", "demo"), ("content", WHEEL)]).status_code == 200


def test_a_readme_of_five_megabytes_and_two_thousand_classifiers_pass(site: Site) -> None:
    fields: list[Field] = [("classifiers", f"Topic :: Number {n}") for n in range(2000)]
    fields += [("description", "ß" * (5 * 2**19)), ("content", WHEEL)]
    assert site.send(fields).status_code == 200


@pytest.mark.parametrize("version", ["1.0+local.1", "1!2.0", "1.0rc1", "1.0.post1.dev2", "2026.11.20"])
def test_every_kind_of_version_is_stored_and_downloads_again(site: Site, version: str) -> None:
    archive = wheel("demo", version)
    assert site.publish(archive, said={"version": version}).status_code == 200
    assert stored(site, archive)


def test_a_form_that_spells_name_and_version_another_way_agrees_all_the_same(site: Site) -> None:
    archive = wheel("acme-demo", "1.0rc1")
    assert site.publish(archive, said={"name": "Acme.Demo", "version": "1.0-RC1"}).status_code == 200


def test_the_second_platform_of_a_release_is_accepted(site: Site) -> None:
    for tag in ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-win_amd64"):
        assert site.publish(wheel("demo", "1.0", tag=tag)).status_code == 200


def test_no_draft_outlives_its_upload(site: Site) -> None:
    site.publish(WHEEL)
    site.publish(WHEEL)
    site.publish(("demo-1.1-py3-none-any.whl", b"not an archive"))
    assert site.drafts() == []


def test_the_stored_artifact_lies_where_git_lfs_looks_for_it(site: Site) -> None:
    site.publish(WHEEL)
    sha256 = Sha256(hashlib.sha256(WHEEL[1]).hexdigest())
    assert site.installation.blobs.size(sha256) == len(WHEEL[1])
