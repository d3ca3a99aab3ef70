"""The request log: one JSON line per request, and no secret in any of them."""

import json
import re
from typing import Any

import pytest

from tests.archives import wheel
from tests.registry.web.site import Site, basic
from tests.registry.web.wire import exchange, raw
from tests.running import Server

CANARY = "wb_c4n4rycan4_0123456789abcdefghijABCDEFGHIJ0123456789"


def last(site: Site) -> dict[str, Any]:
    line = json.loads(site.lines[-1])
    assert isinstance(line, dict)
    return line


def test_each_request_is_one_line_that_says_who_did_what(site: Site) -> None:
    site.ask("/python/simple/", headers={"User-Agent": "pip/26.3"})
    assert len(site.lines) == 1
    line = last(site)
    assert line["method"] == "GET"
    assert line["path"] == "/python/simple/"
    assert line["status"] == 200
    assert line["principal"] == "alice"
    assert line["token"] == site.token().split("_")[1]
    assert line["client"] == "pip/26.3"
    assert line["remote"] == "127.0.0.1"
    assert line["bytes"] > 0
    assert line["ms"] >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])
    assert "reason" not in line


def test_nobody_is_logged_as_nobody_and_a_refusal_with_its_reason(site: Site) -> None:
    answer = site.ask("/python/simple/", None)
    line = last(site)
    assert (line["principal"], line["token"], line["status"]) == (None, None, 401)
    assert answer.status == f"401 {line['reason']}"


def test_every_answer_carries_the_id_of_its_line(site: Site) -> None:
    archive = wheel("demo", "1.0")
    answers = [
        site.publish(archive),
        site.publish((archive[0], b"other")),
        site.ask("/python/simple/demo/"),
        site.ask("/python/simple/demo/", None),
        site.ask("/nowhere/"),
        site.ask("/-/api/v1/nothing"),
        site.ask("/python/simple/", method="DELETE"),
        site.ask("/python/simple"),
    ]
    assert [json.loads(line)["request"] for line in site.lines] == [a.headers["X-Request-Id"] for a in answers]
    assert len({a.headers["X-Request-Id"] for a in answers}) == len(answers)


@pytest.mark.parametrize(
    "path",
    [
        f"/{CANARY}/simple/",
        f"/python/simple/{CANARY}/",
        f"/python/simple/{CANARY}",
        f"/python/files/{CANARY}/{CANARY}",
        f"/python/@{CANARY}/simple/demo/",
        f"/python/simple/?token={CANARY}",
        f"/{CANARY}",
        f"/-/{CANARY}",
        f"/{'x' * 460}{CANARY}/simple/",
        f"/python/simple/{'x' * 60}{CANARY}/",
        "/python/simple/" + "".join(f"%{ord(c):02x}" for c in CANARY) + "/",
        f"/{CANARY.replace('_', '%5F')}/simple/",
        f"/python/simple/{CANARY.replace('_', '%255F')}/",
        f"/python/simple/{CANARY.replace('_', '%25255f')}/",
    ],
)
def test_a_token_in_a_url_is_not_in_the_log(site: Site, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        site.ask(path, method=method)
    assert len(site.lines) == 3
    for line in site.lines:
        assert CANARY.split("_")[2][:6] not in line


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": f"pip/26.3 {CANARY}"},
        {"User-Agent": "x" * 180 + CANARY},
        {"Authorization": f"Bearer {CANARY}"},
        {"Authorization": basic("__token__", CANARY)},
        {"Authorization": basic(CANARY, "")},
        {"Authorization": f"Nonsense {CANARY}"},
        {"Referer": f"http://__token__:{CANARY}@host/", "Cookie": CANARY, "X-Token": CANARY, "Accept": CANARY},
    ],
)
def test_a_token_in_a_header_is_not_in_the_log(site: Site, headers: dict[str, str]) -> None:
    site.ask("/python/simple/", None, headers=headers)
    assert len(site.lines) == 1
    assert CANARY.split("_")[2][:6] not in site.lines[0]
    assert basic("__token__", CANARY)[6:] not in site.lines[0]


def test_a_token_in_a_form_is_not_in_the_log(site: Site) -> None:
    for field in ("name", "version", "filetype", ":action", "protocol_version", "sha256_digest"):
        assert site.publish(wheel("demo", "1.0"), said={field: CANARY}).status_code == 400
    site.publish((f"{CANARY}.whl", b"x"))
    site.publish((f"{CANARY}-1.0.tar.gz", b"x"))
    assert len(site.lines) == 8
    for line in site.lines:
        assert CANARY.split("_")[2][:6] not in line


@pytest.mark.parametrize("text", ["%0a%7b%22forged%22%3atrue%7d", "%0d", "%1b%5b31m", "%e2%80%a8", "%c2%85", "%ff%fe"])
def test_control_characters_cannot_make_a_second_line_or_colour_a_terminal(site: Site, text: str) -> None:
    site.ask(f"/python/simple/{text}/", headers={"User-Agent": "agent \u0085 \x1b[31m"})
    [line] = site.lines
    assert line.isascii()
    assert line.isprintable()
    assert "forged" not in json.loads(line)


def test_a_very_long_path_is_a_short_line(site: Site) -> None:
    site.ask("/python/simple/" + "x" * 50_000 + "/", headers={"User-Agent": "y" * 5000})
    assert len(site.lines[0]) < 2500


def test_the_running_server_writes_the_same_lines_and_no_secret(shared_server: Server) -> None:
    for sent in (f"Bearer {CANARY}", basic("x", CANARY)):
        answer = exchange(shared_server, "GET", f"/python/simple/{CANARY}/?t={CANARY}", headers={"Authorization": sent})
        assert answer.status == 401
        assert f'"request": "{answer.headers["X-Request-Id"]}"' in shared_server.log()
    assert CANARY.split("_")[2][:6] not in shared_server.log()


@pytest.mark.parametrize(
    "head",
    [
        f"GET /python/simple/{CANARY}/ HTTP/9.9\r\n\r\n",
        f"GET /python/simple/{CANARY}/\r\n\r\n",
        f"GE(T /python/simple/{CANARY}/ HTTP/1.1\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer {CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n {CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CANARY}\x00\r\n\r\n",
        f"{CANARY}\r\n\r\n",
    ],
)
def test_a_request_too_broken_to_be_answered_by_us_leaves_no_secret_either(shared_server: Server, head: str) -> None:
    before = len(shared_server.log())
    answer = raw(shared_server, head.encode())
    assert answer is None or answer.status in {400, 401, 404, 405, 505}
    assert exchange(shared_server, "GET", "/-/ready").status == 200
    assert CANARY.split("_")[2][:6] not in shared_server.log()[before:]
