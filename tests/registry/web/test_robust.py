"""No request whatever is a defect of the server: it answers, in words, with a status that is not 500."""

import hashlib
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archives import wheel
from tests.registry.web.site import Site, new_site
from tests.registry.web.wire import exchange
from tests.running import Server

WHEEL = wheel("demo", "1.0")
SHA256 = hashlib.sha256(WHEEL[1]).hexdigest()
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
KNOWN = st.sampled_from(
    ["python", "simple", "legacy", "files", "demo", "-", "_", "health", "ready", "..", ".", "", SHA256, WHEEL[0],
     WHEEL[0] + ".metadata", "@2027-01-01", "@", "@" + "f" * 40, "api", "v1", "log", "tokens", "schemas", "favicon.ico"]
)  # fmt: skip
PARTS = st.one_of(KNOWN, st.text(max_size=12), st.binary(max_size=6))
HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, blacklist_characters="\x7f"), max_size=60)
HEADER_NAMES = st.sampled_from(
    ["Accept", "Accept-Encoding", "Authorization", "Content-Type", "If-None-Match", "If-Range", "If-Modified-Since",
     "Range", "User-Agent", "X-Forwarded-For", "Cookie", "Content-Encoding", "Expect", "Accept-Language", "Date"]
)  # fmt: skip
HEADER_VALUES = st.one_of(
    HEADER_TEXT,
    st.sampled_from(
        ["*", "*/*", "*/*;q=", ";q=1", "bytes=--1", "bytes=" + "9" * 400 + "-", "bytes=0-0,", '"', 'W/"', "q=0;q=1",
         "gzip;q=nan", "gzip;q=inf", "text/html;q=1e999", "Basic Og==", "Basic =", "Bearer ", "multipart/form-data",
         "multipart/form-data; boundary=" + "b" * 500, "a/b;" * 50, "Thu, 99 Foo 9999", "-1",
         "Thu, 01 Jan 99999999999 00:00:00 GMT"]
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One installation for all examples; what they write is their own affair."""
    folder: Path = tmp_path_factory.mktemp("robust")
    made = new_site(folder / "data")
    assert made.publish(WHEEL).status_code == 200
    return made


@settings(max_examples=300, deadline=None)
@given(
    method=METHODS,
    parts=st.lists(PARTS, max_size=6),
    headers=st.dictionaries(HEADER_NAMES, HEADER_VALUES, max_size=4),
    signed_in=st.booleans(),
    body=st.binary(max_size=40),
)
def test_any_method_path_and_headers_get_an_answer_that_is_no_defect(
    site: Site, method: str, parts: list[str | bytes], headers: dict[str, str], signed_in: bool, body: bytes
) -> None:
    site.lines.clear()  # Hypothesis would print them all
    quoted = (quote(part, safe="@.", errors="replace") if isinstance(part, str) else quote(part) for part in parts)
    path = "/" + "/".join(quoted).lstrip("/")  # a URL that begins with two slashes names a host
    answer = site.ask(path, "alice" if signed_in else None, method=method, headers=headers, data=body)
    assert answer.status_code != 500, answer.text
    assert answer.status_code < 500 or "Retry-After" in answer.headers
    assert answer.status_code not in {301, 308}
    if "Location" in answer.headers:
        assert not answer.headers["Location"].startswith(("//", "http", "\\"))


@settings(max_examples=150, deadline=None)
@given(
    page=st.sampled_from(["/python/simple/demo/", "/python/simple/", f"/python/files/{SHA256}/{WHEEL[0]}"]),
    headers=st.dictionaries(HEADER_NAMES.filter(lambda name: name != "Authorization"), HEADER_VALUES, max_size=5),
)
def test_a_page_or_file_that_exists_is_answered_whatever_else_the_headers_say(
    site: Site, page: str, headers: dict[str, str]
) -> None:
    site.lines.clear()
    assert site.ask(page, headers=headers).status_code in {200, 206, 304, 416}
    assert site.ask(page).status_code == 200


def test_a_body_of_the_api_is_small_or_refused_as_a_problem(site: Site) -> None:
    for size, status in ((60_000, 201), (66_000, 413), (5_000_000, 413)):
        answer = site.ask("/-/api/v1/tokens", method="POST", data=b'{"role": "read"}'.ljust(size))
        assert answer.status_code == status
        if status == 413:
            assert answer.content_type == "application/problem+json"
            assert "at most 64 KiB" in answer.text


def test_a_long_chunked_body_of_the_api_is_refused_as_well(shared_server: Server) -> None:
    signed = {"Authorization": f"Bearer {shared_server.token}"}
    for size, status in ((40, 201), (300, 413)):
        pieces = iter([b'{"role": "read"}', *[b" " * 1000] * size])
        assert exchange(shared_server, "POST", "/-/api/v1/tokens", pieces, signed).status == status


@pytest.mark.parametrize(
    "header",
    [
        {"SCRIPT_NAME": "/python"},
        {"SCRIPT_NAME": "/elsewhere"},
        {"Script-Name": "/python"},
        {"PATH_INFO": "/-/ready"},
        {"Path-Info": "/-/ready"},
        {"REMOTE_USER": "alice"},
        {"X-Forwarded-Prefix": "/python", "X-Forwarded-Path": "/-/ready", "X-Original-URL": "/-/ready"},
        {"X-Forwarded-Ssl": "on", "X-Forwarded-Protocol": "ssl", "X-Forwarded-Proto": "gopher"},
    ],
)
def test_no_header_of_a_client_changes_what_it_asks_for(shared_server: Server, header: dict[str, str]) -> None:
    for path, status in (
        ("/-/ready", 200),
        ("/python/simple/", 401),
        ("/python/simple", 302),
        ("/python/-/ready", 404),
    ):
        answer = exchange(shared_server, "GET", path, headers=header)
        assert (answer.status, answer.headers.get("Location", "simple/")) == (status, "simple/")


def test_a_proxy_on_the_same_host_may_say_that_its_client_came_by_https(shared_server: Server) -> None:
    for header, scheme in ({"X-Forwarded-Proto": "https"}, b"https"), ({"X-Forwarded-Ssl": "on"}, b"http"):
        page = exchange(shared_server, "GET", "/", headers=header).body
        assert b"--index-url " + scheme + b"://" in page


@pytest.mark.parametrize("path", ["/{token}/simple/", "/-/api/v1/search?registry={token}&q=x", "/pypi/{token}/simple/"])
def test_a_token_that_somebody_put_into_an_address_is_in_no_answer(tmp_path: Path, path: str) -> None:
    site = new_site(tmp_path / "data")
    token = site.token()
    answer = site.ask(path.format(token=token))
    assert 400 <= answer.status_code < 500
    assert token.rpartition("_")[2] not in f"{answer.status}{answer.headers}{answer.text}"


def test_a_version_of_any_length_is_no_release(tmp_path: Path) -> None:
    site = new_site(tmp_path / "data")
    site.publish(WHEEL)
    for version in ("1" * 5000, "1." * 2000 + "0", "x" * 5000):
        assert site.ask(f"/python/pypi/demo/{version}/json").status_code == 404
        assert site.ask(f"/-/api/v1/registries/python/projects/demo/releases/{version}").status_code in {400, 404}
