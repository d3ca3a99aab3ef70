"""Downloads: whole, in part, conditional; and what is withheld."""

import hashlib
import json
from urllib.parse import urljoin

import pytest

from registry.model import Status
from tests.archives import core_metadata, sdist, wheel
from tests.registry.web.site import Site, json_of

WHEEL = wheel("demo", "1.0", requires_python=">=3.11", body="A readme. " * 50)
SDIST = sdist("demo", "1.0")
SIZE = len(WHEEL[1])
SHA256 = hashlib.sha256(WHEEL[1]).hexdigest()
URL = f"/python/files/{SHA256}/{WHEEL[0]}"
NEVER = "Thu, 01 Jan 99999999999 00:00:00 GMT"  # a date that no clock can hold


@pytest.fixture(autouse=True)
def _published(site: Site) -> None:
    for archive in (WHEEL, SDIST):
        assert site.publish(archive).status_code == 200


def test_a_file_downloads_byte_for_byte_and_may_be_kept_for_ever(site: Site) -> None:
    answer = site.ask(URL)
    assert (answer.status_code, answer.data) == (200, WHEEL[1])
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content_length == SIZE


def test_an_sdist_is_sent_as_it_is_and_not_as_an_encoding_of_a_tar(site: Site) -> None:
    url = f"/python/files/{hashlib.sha256(SDIST[1]).hexdigest()}/{SDIST[0]}"
    answer = site.ask(url, headers={"Accept-Encoding": "gzip, zstd"})
    assert answer.data == SDIST[1]
    assert "Content-Encoding" not in answer.headers
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_head_tells_size_and_ranges_as_uv_asks_before_it_reads_parts(site: Site) -> None:
    answer = site.ask(URL, method="HEAD", headers={"Accept-Encoding": "identity"})
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.content_length == SIZE
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=10-10", 10, 11),
        ("bytes=-100", SIZE - 100, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("bytes=0-999999999", 0, SIZE),
        ("bytes=-999999999", 0, SIZE),
        ("bytes=0-", 0, SIZE),
    ],
)
def test_a_range_is_answered_with_exactly_these_bytes(site: Site, asked: str, start: int, end: int) -> None:
    answer = site.ask(URL, headers={"Range": asked})
    assert (answer.status_code, answer.data) == (206, WHEEL[1][start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.content_length == end - start


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}"])
def test_a_range_beyond_the_end_is_refused_with_the_size(site: Site, asked: str) -> None:
    answer = site.ask(URL, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,4-5", "bytes=0-1, -5", "items=0-1", "bytes", "bytes=a-b", "bytes=5-2", "bytes=-0", ""]
)
def test_ranges_that_are_not_served_or_not_understood_are_ignored(site: Site, asked: str) -> None:
    answer = site.ask(URL, headers={"Range": asked})  # RFC 9110, 14.2: a server may ignore Range, and must if unknown
    assert (answer.status_code, answer.data) == (200, WHEEL[1])


def test_a_broken_download_goes_on_only_in_the_same_file(site: Site) -> None:
    same = site.ask(URL, headers={"Range": "bytes=100-", "If-Range": f'"{SHA256}"'})
    assert (same.status_code, same.data) == (206, WHEEL[1][100:])
    for changed in ('"other"', f'W/"{SHA256}"', SHA256, "", "Sat, 01 Jan 2000 00:00:00 GMT", NEVER):
        answer = site.ask(URL, headers={"Range": "bytes=100-", "If-Range": changed})
        assert (answer.status_code, answer.data) == (200, WHEEL[1])


@pytest.mark.parametrize("given", [f'"{SHA256}"', f'"x", "{SHA256}"', "*", f'W/"{SHA256}"'])
def test_a_file_the_client_has_is_not_sent_again(site: Site, given: str) -> None:
    answer = site.ask(URL, headers={"If-None-Match": given})
    assert (answer.status_code, answer.data) == (304, b"")
    assert site.ask(URL, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("given", ["*", f'"{SHA256}"', f'"x", "{SHA256}"'])
def test_a_file_is_sent_to_who_wants_just_this_one(site: Site, given: str) -> None:
    for more, status, data in ({}, 200, WHEEL[1]), ({"Range": "bytes=0-9"}, 206, WHEEL[1][:10]):
        answer = site.ask(URL, headers={"If-Match": given, **more})
        assert (answer.status_code, answer.data) == (status, data)


@pytest.mark.parametrize("given", ['"other"', f'W/"{SHA256}"'])
def test_a_file_is_not_sent_to_who_wants_another(site: Site, given: str) -> None:
    for more in ({}, {"Range": "bytes=0-9"}):
        assert site.ask(URL, headers={"If-Match": given, **more}).status_code == 412


@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
@pytest.mark.parametrize("date", [NEVER, "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT", "yesterday"])
def test_dates_mean_nothing_because_a_file_has_none(site: Site, header: str, date: str) -> None:
    answer = site.ask(URL, headers={header: date})
    assert (answer.status_code, answer.data) == (200, WHEEL[1])
    assert "Last-Modified" not in answer.headers
    assert site.ask("/python/simple/demo/", headers={header: date}).status_code == 200


def test_the_metadata_beside_a_file_is_that_of_the_archive_with_the_promised_digest(site: Site) -> None:
    listed = json_of(site.ask("/python/simple/demo/?format=application/vnd.pypi.simple.v1%2Bjson"))["files"]
    for file in listed:
        answer = site.ask(urljoin("/python/simple/demo/", file["url"]) + ".metadata")
        assert hashlib.sha256(answer.data).hexdigest() == file["core-metadata"]["sha256"]
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert "Content-Encoding" not in answer.headers
    assert site.ask(f"{URL}.metadata").data == core_metadata(
        "demo", "1.0", requires_python=">=3.11", body="A readme. " * 50
    )


def test_metadata_of_an_old_sdist_is_not_served_because_it_may_not_be_true(site: Site) -> None:
    for version, stated, status in (("1.1", "2.1", 404), ("1.2", "2.2", 200)):
        filename, data = sdist("demo", version, metadata_version=stated)
        site.publish((filename, data))
        url = f"/python/files/{hashlib.sha256(data).hexdigest()}/{filename}"
        assert site.ask(f"{url}.metadata").status_code == status
        assert site.ask(url).status_code == 200


@pytest.mark.parametrize("sha256", ["0" * 64, SHA256.upper(), SHA256[:63], hashlib.sha256(SDIST[1]).hexdigest(), "x"])
def test_a_file_is_found_only_under_its_own_digest(site: Site, sha256: str) -> None:
    for suffix in ("", ".metadata"):
        assert site.ask(f"/python/files/{sha256}/{WHEEL[0]}{suffix}").status_code == 404


def test_a_deleted_file_is_not_found_and_its_neighbour_is(site: Site) -> None:
    site.delete(WHEEL[0])
    assert site.ask(URL).status_code == 404
    assert site.ask(f"{URL}.metadata").status_code == 404
    assert site.ask(f"/python/files/{hashlib.sha256(SDIST[1]).hexdigest()}/{SDIST[0]}").status_code == 200


def test_a_quarantined_file_is_withheld_and_comes_back_with_the_status(site: Site) -> None:
    site.set_status("demo", Status.QUARANTINED, "malware report")
    for url in (URL, f"{URL}.metadata"):
        refused = site.ask(url)
        assert refused.status_code == 403
        assert "quarantined" in refused.text
    site.set_status("demo", Status.ACTIVE)
    assert site.ask(URL).status_code == 200


def test_an_artifact_that_got_lost_is_unavailable_and_not_taken_for_one_that_never_was(site: Site) -> None:
    _lose(site)
    answer = site.ask(URL)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert SHA256 in answer.text


def test_the_same_bytes_again_bring_a_lost_artifact_back_because_200_means_stored(site: Site) -> None:
    _lose(site)
    assert site.publish(WHEEL).status_code == 200
    assert site.ask(URL).data == WHEEL[1]


def _lose(site: Site) -> None:
    [artifact] = (site.folder / "waybill.git").rglob(SHA256)
    artifact.unlink()


def test_a_file_of_one_registry_is_not_found_in_another(site: Site) -> None:
    site.policy(registries__other__registry="kind: source\nvisibility: internal\n")
    assert site.ask(URL.replace("/python/", "/other/")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../../../waybill.git/config",
        "%2e%2e%2f%2e%2e%2fHEAD",
        f"{SHA256}/..%2f..%2fHEAD",
        f"{SHA256}/../{WHEEL[0]}/..",
        f"{SHA256}/%00{WHEEL[0]}",
        f"{SHA256}/{WHEEL[0]}%00",
        f"{SHA256}/{WHEEL[0]}%0a",
        f"{SHA256}/{WHEEL[0]}.metadata.metadata",
        f"{SHA256}/{WHEEL[0]}.json",
        f"{SHA256}/{WHEEL[0]}/",
        f"{SHA256}/.metadata",
        f"{SHA256}/DEMO-1.0-py3-none-any.whl",
        f"{SHA256}/demo%2D1.0.0-py3-none-any.whl",
        f"{SHA256}/{'a' * 5000}",
        f"{SHA256}/%ff%fe.whl",
        f"{SHA256}",
        "",
    ],
)
def test_a_path_that_names_no_file_is_not_found_and_never_a_defect(site: Site, path: str) -> None:
    answer = site.ask(f"/python/files/{path}")
    assert answer.status_code in {400, 404}
    assert "config" not in json.dumps(dict(answer.headers))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_files_are_only_read(site: Site, method: str) -> None:
    answer = site.ask(URL, method=method)
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert site.ask(URL).data == WHEEL[1]
