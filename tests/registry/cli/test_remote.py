"""Commands against `--url`: whatever answers there, one sentence, no secret, and no control over the terminal."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.running import waybill

SECRET = "wb_0123456789_NeverShownAnywhere0000000000000000000"


@contextmanager
def _answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Send fixed bytes to whoever connects, the last to all who still come, and note what came."""
    came: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def answer_all() -> None:
            while True:
                try:
                    guest, _ = door.accept()
                except OSError:
                    return
                with guest:
                    came.append(guest.recv(65536))
                    guest.sendall(answers[min(len(came), len(answers)) - 1])

        thread = threading.Thread(target=answer_all, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}", came
        door.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=10)


def _http(body: object, status: str = "200 OK") -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text


def _refused(*arguments: str, answer: bytes) -> str:
    """Run a command that must fail, and give its one sentence."""
    with _answering(answer) as (url, _):
        said = waybill(*arguments, "--url", url, token=SECRET, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert re.fullmatch(r"waybill: [^\n]+\n", said.stderr), said.stderr
    assert said.stderr.rstrip("\n").isprintable()
    assert SECRET not in said.stderr
    return said.stderr


EVENT = {
    "commit": "0" * 40,
    "time": "2026-01-31T12:00:00Z",
    "author": "bob",
    "subject": "publish: tool 1.0",
    "facts": {"Principal": "bob", "Digest": "sha256:00"},
}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n", "what it sends is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", "what it sends is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "breaks its answer off; try again"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"events": [', "its answer is not JSON"),
        (_http(b"<html>"), "its answer is not JSON"),
        (_http(b"[" * 60_000), "its answer is not JSON"),
        (_http(b"\xff\xfe"), "its answer is not JSON"),
        (_http([]), "its answer lacks 'events'"),
        (_http({}), "its answer lacks 'events'"),
        (_http({"events": None}), "its answer lacks 'events'"),
        (_http({"events": ["publish"]}), "its answer lacks 'events'"),
        (_http({"events": [{**EVENT, "facts": None}]}), "its answer lacks 'events'"),
        (_http({"events": [{key: EVENT[key] for key in EVENT if key != "facts"}]}), "its answer lacks 'events'"),
        (_http([], "500 Oops"), "waybill: 500 Oops"),
        (_http(b"[" * 60_000, "500 Oops"), "waybill: 500 Oops"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 900\r\n\r\n{", "waybill: 403 No"),
        (b"", "stops answering: Remote end closed connection"),
    ],
)
def test_what_is_no_registry_is_told_in_one_sentence(answer: bytes, sentence: str) -> None:
    assert sentence in _refused("log", answer=answer)


@pytest.mark.parametrize("body", [{}, [], {"id": 7, "owner": []}, {"principals": [{}]}, {"allowed": "yes"}])
@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "create"),
        ("token", "list"),
        ("token", "revoke", "0123456789"),
        ("who-can", "read", "tool"),
        ("explain", "bob", "read", "tool"),
    ],
)
def test_every_command_looks_at_the_shape_of_an_answer(arguments: tuple[str, ...], body: object) -> None:
    assert "its answer lacks '" in _refused(*arguments, answer=_http(body))


def test_a_yank_believes_only_an_object() -> None:
    assert "its answer is no object" in _refused("yank", "tool==1.0", answer=_http([]))
    with _answering(_http({})) as (url, _):
        assert waybill("yank", "tool==1.0", "--url", url, token=SECRET).returncode == 0


def test_an_answer_of_the_right_shape_is_shown() -> None:
    with _answering(_http({"events": [EVENT], "more": 1})) as (url, _):
        said = waybill("log", "--url", url, token=SECRET)
    assert said.stdout.splitlines()[:2] == ["2026-01-31T12:00:00Z  publish: tool 1.0", "    by bob"]


def _page(subject: str, following: object) -> bytes:
    return _http({"events": [{**EVENT, "subject": subject}], "next": following})


@pytest.mark.parametrize(("limit", "shown"), [("1", ["a"]), ("2", ["a", "b"]), ("9", ["a", "b", "c"])])
def test_pages_of_the_log_are_followed_as_far_as_more_is_wanted(limit: str, shown: list[str]) -> None:
    empty = _http({"events": [], "next": "third"})
    with _answering(_page("a", "first"), _page("b", "second"), empty, _page("c", None)) as (url, came):
        said = waybill("log", "tool", "--limit", limit, "--json", "--url", url, token=SECRET)
    assert [event["subject"] for event in json.loads(said.stdout)] == shown
    assert (f"More than these {limit} fit" in said.stderr) == (limit != "9")
    asked = [request.split(b" ")[1].partition(b"?")[2].split(b"&") for request in came]
    assert all(b"project=tool" in each for each in asked)
    assert [each[-1] for each in asked[1:]] == [b"cursor=first", b"cursor=second", b"cursor=third"][: len(asked) - 1]


@pytest.mark.parametrize("following", [["x"], 7, {}, "again"])
def test_a_server_whose_pages_lead_nowhere_is_followed_no_further(following: object) -> None:
    with _answering(_page("a", following)) as (url, came):
        said = waybill("log", "--url", url, token=SECRET, check=False)
    assert (said.returncode, len(came)) == (1, 2 if following == "again" else 1)
    assert "one page of its list leads nowhere" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_server_that_has_ever_more_empty_pages_is_not_asked_for_ever() -> None:
    with _answering(*(_http({"events": [], "next": str(n)}) for n in range(1_200))) as (url, came):
        said = waybill("log", "--url", url, token=SECRET, check=False)
    assert (said.returncode, said.stdout, len(came)) == (1, "", 1_000)
    assert "one page of its list leads nowhere" in said.stderr


EVIL = "\x1b[2J\x1b]0;owned\x07\r\nyes\u202e\x9b"


def _only_text(text: str) -> None:
    assert all(line.isprintable() for line in text.split("\n"))
    assert r"\x1b[2J\x1b]0;owned\x07\r\nyes\u202e\x9b" in text


@pytest.mark.parametrize(
    ("arguments", "body", "lines"),
    [
        (("log",), {"events": [dict.fromkeys(EVENT, EVIL) | {"facts": {"Digest": EVIL, "Token": EVIL}}]}, 4),
        (("log",), {"events": [EVENT | {"facts": {"Allowed-By": EVIL, "Policy": 7, "Commit": [EVIL]}}]}, 5),
        (("who-can", "read", "tool"), {"principals": [{"principal": EVIL, "statement": EVIL, "place": EVIL}]}, 1),
        (("explain", "bob", "read", "tool"), {"allowed": True, "statement": EVIL, "place": EVIL}, 1),
        (
            ("token", "list"),
            {
                "tokens": [
                    {"id": EVIL, "owner": EVIL, "role": EVIL, "registries": [EVIL], "projects": [EVIL]}
                    | {"expires": EVIL, "revoked": EVIL, "note": EVIL}
                ]
            },
            1,
        ),
    ],
)
def test_what_a_server_says_cannot_control_the_terminal(arguments: tuple[str, ...], body: object, lines: int) -> None:
    with _answering(_http(body)) as (url, _):
        said = waybill(*arguments, "--url", url, token=SECRET)
    _only_text(said.stdout)
    assert len(said.stdout.splitlines()) == lines


def test_what_a_server_refuses_with_cannot_control_the_terminal() -> None:
    _only_text(_refused("log", answer=_http({"detail": EVIL}, "403 No")))
    assert r"401 \x1b[31mX" in _refused("log", answer=_http(b"", "401 \x1b[31mX"))
    _only_text(
        _refused("explain", "bob", "read", "tool", answer=_http({"detail": [EVIL]}, "404 \x9b")).replace("\\\\", "\\")
    )


def test_json_output_is_the_servers_words_in_ascii() -> None:
    with _answering(_http({"events": [{**EVENT, "subject": EVIL}]})) as (url, _):
        said = waybill("log", "--json", "--url", url, token=SECRET)
    assert said.stdout.rstrip("\n").isprintable()
    assert json.loads(said.stdout)[0]["subject"] == EVIL


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", " "])
def test_a_token_from_a_file_with_any_line_end_works(end: str) -> None:
    with _answering(_http({"events": []})) as (url, came):
        said = waybill("log", "--url", url, token=SECRET + end)
    assert f"Authorization: Bearer {SECRET}\r\n".encode() in came[0]
    assert SECRET not in said.stderr


@pytest.mark.parametrize("inside", ["\r\n", "\n", " ", "\t", "\x1b", "ü", "\udcff"])
def test_a_token_with_something_else_in_it_is_refused_without_showing_it(inside: str) -> None:
    with _answering(_http({"events": []})) as (url, came):
        said = waybill("log", "--url", url, token=f"{SECRET[:20]}{inside}{SECRET[20:]}", check=False)
    assert said.returncode == 1
    assert said.stderr.startswith("waybill: WAYBILL_TOKEN has a space, a line break or another character")
    assert SECRET[:20] not in said.stderr
    assert SECRET[20:] not in said.stderr
    assert came == []


@pytest.mark.parametrize(
    "url",
    [
        "http://a b",
        "http://127.0.0.1:notaport",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1/\tx",
        "http://127.0.0.1/\r\nX: y",
        "http://[::1",
        "http://u:hidden@[::1",
        "http://u:hidden@127.0.0.1:x",
        "http://u:hidden@127.0.0.1/a b",
        "http://127.0.0.1/?token=hidden",
        "http://u:hidden@127.0.0.1/?to@=hidden",
        "http://u:hid?hidden@127.0.0.1",
        "u:hidden@127.0.0.1",
        "ftp://127.0.0.1",
    ],
)
def test_a_url_that_is_none_is_wrong_usage_and_no_secret_in_it_is_shown(url: str) -> None:
    said = waybill("log", "--url", url, token=SECRET, check=False)
    assert (said.returncode, said.stdout) == (2, "")
    assert "is not an address like https://packages.acme.example, without token" in said.stderr
    assert "hidden" not in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("url", ["http://a..b", "http://.", f"http://{'a' * 70}.example"])
def test_a_host_that_cannot_be_looked_up_is_told_in_one_sentence(url: str) -> None:
    said = waybill("log", "--url", url, token=SECRET, check=False)
    assert said.returncode == 1
    assert re.fullmatch(r"waybill: \S+/-/api/v1/ (cannot be asked|does not answer)[^\n]+\n", said.stderr)


def test_arguments_that_are_no_text_are_sent_as_none() -> None:
    with _answering(_http({"detail": "no"}, "404 Not Found")) as (url, _):
        for arguments in (("token", "revoke", "\udcff"), ("log", "--pipeline", "\udcff")):
            assert "Traceback" not in waybill(*arguments, "--url", url, token=SECRET, check=False).stderr
