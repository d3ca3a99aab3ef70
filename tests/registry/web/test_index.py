"""The simple index over HTTP: which representation, which validators, which redirects."""

import gzip
import sys
from urllib.parse import urljoin

import pytest

from tests.archives import sdist, wheel
from tests.registry.web.site import Site

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
TEXT = "text/html; charset=utf-8"
PIP = f"{JSON}, {HTML}; q=0.1, text/html; q=0.01"
UV = f"{JSON}, {HTML};q=0.2, text/html;q=0.01"
POETRY = f"{JSON}, */*;q=0.1"
PAGE, LIST = "/python/simple/demo/", "/python/simple/"


@pytest.fixture(autouse=True)
def _published(site: Site) -> None:
    site.publish(wheel("demo", "1.0", requires_python=">=3.11"))
    site.publish(sdist("demo", "1.0"))


def etag(site: Site, path: str = PAGE, **headers: str) -> str:
    return site.ask(path, headers=headers).headers["ETag"]


@pytest.mark.parametrize("path", [PAGE, LIST])
@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PIP, JSON),
        (UV, JSON),
        (POETRY, JSON),
        ("*/*", TEXT),
        (None, TEXT),
        ("", TEXT),
        ("text/html", TEXT),
        ("text/*", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
        (JSON, JSON),
        (HTML, HTML),
        (JSON.upper(), JSON),
        (f"{HTML};q=0.9, {JSON};q=0.8", HTML),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.latest+html", HTML),
        (f"text/html;q=0, {JSON};q=0.1", JSON),
        ("text/html;q=0, */*", JSON),
        ("application/json", TEXT),
        ("image/png", TEXT),
        ("garbage;;;q=x", TEXT),
    ],
)
def test_the_accept_header_chooses_the_representation(site: Site, path: str, accept: str | None, expected: str) -> None:
    answer = site.ask(path, headers={} if accept is None else {"Accept": accept})
    assert (answer.status_code, answer.content_type) == (200, expected)
    assert answer.data.startswith(b"{" if expected == JSON else b"<!DOCTYPE html>")


@pytest.mark.parametrize("path", [PAGE, LIST])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"format={JSON}", JSON),  # as PEP 691 writes it; the plus is a plus
        (f"format={JSON.replace('+', '%2B')}", JSON),
        (f"format={HTML}", HTML),
        ("format=application/vnd.pypi.simple.latest%2Bjson", JSON),
        ("format=text/html", TEXT),
        ("format=nonsense", JSON),
        ("", JSON),
    ],
)
def test_the_format_in_the_query_overrides_the_accept_header(site: Site, path: str, query: str, expected: str) -> None:
    assert site.ask(f"{path}?{query}", headers={"Accept": PIP}).content_type == expected


@pytest.mark.parametrize("path", [PAGE, LIST])
def test_every_page_is_revalidated_each_time_and_varies_by_what_it_depends_on(site: Site, path: str) -> None:
    answer = site.ask(path)
    assert answer.headers["Cache-Control"] == "private, max-age=0"
    assert {v.strip() for v in answer.headers["Vary"].split(",")} >= {"Accept", "Accept-Encoding", "Authorization"}
    assert answer.headers["ETag"].startswith('"')
    assert "Last-Modified" not in answer.headers  # uv would take it for ten minutes of freshness


def test_the_etag_differs_by_representation_and_by_encoding(site: Site) -> None:
    tags = [
        etag(site, Accept=accept, **{"Accept-Encoding": encoding})
        for accept in (JSON, "text/html")
        for encoding in ("identity", "gzip", "zstd")
    ]
    assert len(set(tags)) == 6


@pytest.mark.parametrize("path", [PAGE, LIST])
@pytest.mark.parametrize("given", ["{tag}", '"other", {tag}', "*", "W/{tag}", '"x",W/{tag} , "y"'])
def test_a_page_the_client_has_is_not_sent_again(site: Site, path: str, given: str) -> None:
    first = site.ask(path)
    again = site.ask(path, headers={"If-None-Match": given.format(tag=first.headers["ETag"])})
    assert (again.status_code, again.data) == (304, b"")
    for name in ("ETag", "Vary", "Cache-Control"):
        assert again.headers[name] == first.headers[name]


@pytest.mark.parametrize("given", ['"other"', "", "other", '"'])
def test_a_page_the_client_does_not_have_is_sent(site: Site, given: str) -> None:
    assert site.ask(PAGE, headers={"If-None-Match": given}).status_code == 200


def test_the_etag_of_one_representation_does_not_save_another(site: Site) -> None:
    tag = etag(site, Accept=JSON)
    assert site.ask(PAGE, headers={"Accept": "text/html", "If-None-Match": tag}).status_code == 200


def test_a_not_modified_is_only_for_who_may_read(site: Site) -> None:
    assert site.ask(PAGE, None, headers={"If-None-Match": etag(site)}).status_code == 401


def test_the_etag_changes_exactly_when_the_page_does(site: Site) -> None:
    project, every = etag(site), etag(site, LIST)
    site.publish(wheel("other", "1.0"))
    assert etag(site) == project
    assert etag(site, LIST) != every
    site.token("alice")
    every = etag(site, LIST)
    site.publish(wheel("demo", "1.1"))
    assert etag(site) != project
    assert etag(site, LIST) == every


def test_the_page_in_memory_is_not_served_after_an_upload(site: Site) -> None:
    assert "demo-1.1" not in site.ask(PAGE).text
    site.publish(wheel("demo", "1.1"))
    assert "demo-1.1" in site.ask(PAGE).text


@pytest.mark.parametrize("path", [PAGE, LIST])
def test_head_answers_as_get_without_a_body(site: Site, path: str) -> None:
    head, get = site.ask(path, method="HEAD"), site.ask(path)
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag", "Vary", "Cache-Control"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("accept", [JSON, "text/html"])
def test_gzip_and_zstd_decode_to_the_same_bytes(site: Site, accept: str) -> None:
    plain = site.ask(PAGE, headers={"Accept": accept})
    assert "Content-Encoding" not in plain.headers
    for encoding, decode in (("gzip", gzip.decompress), ("zstd", zstd.decompress)):
        packed = site.ask(PAGE, headers={"Accept": accept, "Accept-Encoding": encoding})
        assert packed.headers["Content-Encoding"] == encoding
        assert packed.content_length == len(packed.data) < len(plain.data)
        assert decode(packed.data) == plain.data


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0, zstd;q=0, *", None),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("br", None),
        ("deflate", None),
        ("", None),
    ],
)
def test_the_encoding_is_one_the_client_accepts(site: Site, accepted: str, expected: str | None) -> None:
    assert site.ask(PAGE, headers={"Accept-Encoding": accepted}).headers.get("Content-Encoding") == expected


@pytest.mark.parametrize("path", [PAGE, LIST, "/python/", "/python/legacy/"])
def test_a_url_without_its_slash_leads_there_by_a_temporary_relative_redirect(site: Site, path: str) -> None:
    answer = site.ask(path.rstrip("/"))
    assert answer.status_code == 302
    assert "://" not in answer.location
    assert urljoin(f"http://proxy/prefix{path.rstrip('/')}", answer.location).startswith("http://proxy/prefix/python/")
    if "/simple/" in path:
        assert urljoin(path.rstrip("/"), answer.location) == path


@pytest.mark.parametrize("name", ["https:evil.example", "javascript:alert(1)", "%5cevil.example", "..", "%0d%0aX: y"])
def test_a_url_without_its_slash_never_leads_to_another_host(site: Site, name: str) -> None:
    answer = site.ask(f"/python/simple/{name}")
    assert answer.status_code == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/python//simple/demo/", "/python/simple//demo/", "/python/simple/demo//", "/python/simple///"]
)
def test_doubled_slashes_are_read_as_one_without_a_redirect(site: Site, path: str) -> None:
    assert site.ask(path).status_code == 200


@pytest.mark.parametrize("spelling", ["my-Demo", "MY_demo", "my.demo", "my--demo", "My-._demo"])
def test_a_name_in_any_spelling_answers_the_normalised_page(site: Site, spelling: str) -> None:
    site.publish(wheel("my-demo", "1.0"))
    answer = site.ask(f"/python/simple/{spelling}/", headers={"Accept": JSON})
    assert answer.json is not None
    assert answer.json["name"] == "my-demo"
    assert answer.headers["ETag"] == etag(site, "/python/simple/my-demo/", Accept=JSON)


@pytest.mark.parametrize("name", ["unknown", "-", "demo-", "de mo", "demo%00", "..%2fdemo", "dem%C3%B6", "d" * 3000])
def test_an_unknown_project_is_not_found_and_never_a_redirect(site: Site, name: str) -> None:
    answer = site.ask(f"/python/simple/{name}/")
    assert answer.status_code == 404
    assert "Location" not in answer.headers
