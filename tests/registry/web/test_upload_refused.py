"""Uploads that are refused for what they are: a form that contradicts its file, or is no form at all."""

import hashlib
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.archives import sdist, wheel
from tests.registry.web.site import BOUNDARY, Field, Site, multipart

MB = 2**20
WHEEL = wheel("demo", "1.0")
UV_ACCEPT = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7"


@contextmanager
def few_more_open_files(more: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_by_other_tests = max(int(file.name) for file in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_by_other_tests + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "other"),
        ("name", "de mo"),
        ("name", "../demo"),
        ("version", "1.1"),
        ("version", "one"),
        ("version", "9" * 5000),
        ("filetype", "sdist"),
        ("filetype", "bdist_egg"),
        ("md5_digest", "0" * 32),
        ("sha256_digest", "0" * 64),
        ("sha256_digest", "é"),
        ("blake2_256_digest", "0" * 64),
        ("protocol_version", "2"),
    ],
)
def test_a_form_that_contradicts_its_file_is_refused_naming_the_field(site: Site, field: str, value: str) -> None:
    head = site.head()
    answer = site.publish(WHEEL, said={field: value})
    assert answer.status_code == 400
    assert field in answer.text or value[:10] in answer.text
    assert site.head() == head
    assert site.drafts() == []


@pytest.mark.parametrize(
    ("filename", "inside"),
    [
        ("other-1.0-py3-none-any.whl", "other"),
        ("demo-1.1-py3-none-any.whl", "1.1"),
        ("demo-1.0-py2-none-any.whl", "py2"),
        ("demo-1.0.tar.gz", "not gzip"),
    ],
)
def test_a_filename_that_contradicts_the_archive_is_refused(site: Site, filename: str, inside: str) -> None:
    answer = site.publish((filename, WHEEL[1]))
    assert answer.status_code == 400
    assert inside in answer.text


@pytest.mark.parametrize("action", ["submit", "doc_upload", "remove_pkg", "FILE_UPLOAD"])
def test_other_actions_are_refused_by_name(site: Site, action: str) -> None:
    answer = site.send([(":action", action), ("content", WHEEL)])
    assert answer.status_code == 400
    assert action in answer.text


def test_a_field_given_twice_with_two_values_is_refused(site: Site) -> None:
    answer = site.send([("name", "demo"), ("name", "other"), ("content", WHEEL)])
    assert answer.status_code == 400
    assert answer.text.startswith("name: given 2 times")


def test_a_form_with_two_files_or_none_is_refused(site: Site) -> None:
    both: list[Field] = [("content", WHEEL), ("file", sdist("demo", "1.0"))]
    for fields in (both, [("content", WHEEL), ("content", WHEEL)]):
        assert "more than one file" in site.send(fields).text
    for nothing in ([("name", "demo")], [("content", "only text")], [("attachment", WHEEL)]):
        answer = site.send(nothing)
        assert answer.status_code == 400
        assert "no file" in answer.text
    assert site.drafts() == []


@pytest.mark.parametrize(
    "head",
    [
        'Content-Disposition: form-data; name="x"; name="content"; filename="{}"',
        'Content-Disposition: form-data; name="content"; filename="other"; FileName="{}"',
        'Content-Disposition: form-data; name="content"; filename="{}"; filename*=UTF-8\'\'other',
        'Content-Disposition: form-data; name="x"\r\nContent-Disposition: form-data; name="content"; filename="{}"',
    ],
)
def test_a_part_with_two_names_is_refused_because_whoever_looks_in_on_the_way_may_see_the_other(
    site: Site, head: str
) -> None:
    body, content_type = multipart([("content", WHEEL)])
    good = f'Content-Disposition: form-data; name="content"; filename="{WHEEL[0]}"'
    assert good.encode() in body
    sent = {"Content-Type": content_type}
    spoiled = body.replace(good.encode(), head.format(WHEEL[0]).encode())
    answer = site.ask("/python/", method="POST", data=spoiled, headers=sent)
    assert (answer.status_code, "two names" in answer.text) == (400, True)
    assert site.ask("/python/", method="POST", data=body, headers=sent).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"name": "demo"}'),
        ("application/octet-stream", WHEEL[1]),
        ("application/x-www-form-urlencoded", b"name=demo&version=1.0"),
        ("multipart/form-data", multipart([("content", WHEEL)])[0]),
        ("multipart/form-data; boundary=other", multipart([("content", WHEEL)])[0]),
        ("multipart/form-data; boundary=\xe9", multipart([("content", WHEEL)])[0]),
        (f"multipart/form-data; boundary={BOUNDARY}", b""),
        (f"multipart/form-data; boundary={BOUNDARY}", b"\x00" * 1000),
        (f"multipart/form-data; boundary={BOUNDARY}", f"--{BOUNDARY}\r\nno header\r\n\r\nx".encode()),
        (f"multipart/form-data; boundary={BOUNDARY}", multipart([("content", WHEEL)])[0][:-20]),
    ],
)
def test_what_is_not_a_whole_multipart_form_is_refused_and_leaves_nothing(
    site: Site, content_type: str, body: bytes
) -> None:
    head = site.head()
    answer = site.ask("/python/", method="POST", data=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert "multipart/form-data" in answer.text
    assert (site.head(), site.drafts()) == (head, [])


def test_twenty_thousand_form_parts_are_refused_before_anything_is_stored(site: Site) -> None:
    answer = site.send([*[("classifiers", str(n)) for n in range(20_000)], ("content", WHEEL)])
    assert answer.status_code == 413
    assert site.drafts() == []


@pytest.mark.parametrize("fields", [["x" * MB] * 17, ["x" * (17 * MB)], ["x" * 8000] * 2500])
def test_all_fields_together_are_bounded_and_not_only_each(site: Site, fields: list[str]) -> None:
    answer = site.send([*[(f"field{n}", text) for n, text in enumerate(fields)], ("content", WHEEL)])
    assert answer.status_code == 413
    assert "16 MB" in answer.text
    assert site.drafts() == []


def test_a_readme_of_five_megabytes_and_two_thousand_classifiers_beside_a_large_file_are_accepted(site: Site) -> None:
    large = wheel("demo", "1.0", files={"noise.py": hashlib.shake_128().digest(20 * MB)})
    said: list[Field] = [("description", "x" * 5 * MB), *[("classifiers", f"A :: {n}") for n in range(2000)]]
    assert site.send([*said, ("content", large)]).status_code == 200


def test_a_form_of_another_type_is_refused_unread(site: Site) -> None:
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = site.ask("/python/", method="POST", data=b"name=" + b"x" * (17 * MB), headers=sent)
    assert answer.status_code == 400
    assert "multipart/form-data" in answer.text


def test_thousands_of_files_in_one_form_are_refused_before_each_is_a_draft(site: Site) -> None:
    with few_more_open_files(100):
        answer = site.send([("content", (f"demo-1.{n}-py3-none-any.whl", b"x")) for n in range(5000)])
    assert answer.status_code in {400, 413}
    assert site.drafts() == []


@pytest.mark.parametrize(
    "filename",
    [
        "",
        "demo",
        "demo-1.0.zip",
        "demo-1.0.egg",
        "Demo-1.0-py3-none-any.whl",
        "demo-1.0.0-py3-none-any.exe",
        "demo-01.0-py3-none-any.whl",
        "my-demo-1.0.tar.gz",
        "../demo-1.0-py3-none-any.whl",
        "/etc/demo-1.0.tar.gz",
        "demo-1.0-py3-none-any.whl/../x.whl",
        "demo-1.0-py3-none-any.whl\\x00",
        ".demo-1.0.tar.gz",
        "demo-1.0-py3-none-any.whl.metadata",
        "d\u0435\u043c\u043e-1.0.tar.gz",
        "demo-" + "1" * 300 + ".tar.gz",
        "demo-1.0\r\nSet-Cookie: x.tar.gz",
    ],
)
def test_a_filename_that_is_no_normalised_distribution_is_refused(site: Site, filename: str) -> None:
    answer = site.publish((filename, WHEEL[1]))
    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers
    assert site.drafts() == []


def test_a_name_that_is_not_normalised_is_told_its_right_spelling(site: Site) -> None:
    answer = site.publish(("Demo-1.0-py3-none-any.whl", WHEEL[1]))
    assert "demo-1.0-py3-none-any.whl" in answer.text


def test_a_refusal_is_said_in_the_reason_phrase_in_text_and_as_json_code_to_who_asks(site: Site) -> None:
    plain = site.publish(WHEEL, said={"version": "1.1"})
    assert plain.status == f"400 {plain.text.strip()}"
    coded = site.publish(WHEEL, said={"version": "1.1"}, headers={"Accept": UV_ACCEPT})
    assert coded.content_type == "application/json"
    assert json.loads(coded.data)["code"] == coded.status == plain.status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_an_upload_to_the_simple_url_is_told_the_right_one(site: Site, method: str) -> None:
    for path in ("/python/simple/", "/python/simple", "/python/simple/demo/"):
        answer = site.ask(path, method=method)
        assert answer.status_code == 405
        assert "without /simple/" in answer.text
        assert "GET" in answer.headers["Allow"]


NAMES = st.sampled_from(["name", "version", "filetype", ":action", "protocol_version", "sha256_digest", "md5_digest"])
VALUES = st.one_of(st.text(max_size=40), st.sampled_from(["demo", "1.0", "UNKNOWN", "sdist", "file_upload", "", "1"]))
FILENAMES = st.one_of(
    st.text(max_size=60), st.from_regex(r"[a-zA-Z_.-]{1,9}-[0-9.!+a-z]{1,9}(-py3-none-any\.whl|\.tar\.gz)")
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.lists(st.tuples(NAMES, VALUES), max_size=6),
    filename=FILENAMES,
    data=st.one_of(
        st.binary(max_size=200), st.just(WHEEL[1]), st.binary(max_size=60).map(lambda b: WHEEL[1][:-60] + b)
    ),
)
def test_no_form_whatever_is_a_defect_of_the_server(
    site: Site, fields: list[Field], filename: str, data: bytes
) -> None:
    answer = site.send([*fields, ("content", (filename, data))])
    assert answer.status_code in {200, 400}, answer.text
    assert site.drafts() == []
