"""What a person reads who typed something that cannot work: one sentence, an exit code, never a traceback."""

import re
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.journeys.clients import Done, publish
from tests.running import Server, waybill

REFUSED, WRONG = 1, 2  # exit codes: the answer is no; the question makes no sense


def _said(acme: Server, *arguments: str, known: bool = True) -> Done:
    filled = [each.format(data=acme.data, url=acme.url) for each in arguments]
    said = waybill(*filled, token="not-a-token" if known else None, check=False)
    assert "Traceback" not in said.stderr
    assert said.stdout == ""
    return said


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("log",),
        ("log", "--data", "{data}", "--url", "{url}"),
        ("log", "--data", "{data}", "--limit", "many"),
        ("explain", "--data", "{data}", "bob", "fly", "tool"),
        ("token", "create", "--data", "{data}", "--person", "bob", "--role", "king"),
        ("yank", "--data", "{data}"),
    ],
)
def test_wrong_usage_shows_the_usage(acme: Server, arguments: tuple[str, ...]) -> None:
    said = _said(acme, *arguments)
    assert said.returncode == WRONG
    assert said.stderr.startswith("usage: waybill")


OF_BOB = ("token", "create", "--data", "{data}", "--person", "bob")
OF_TOOL = ("who-can", "publish", "tool", "--data", "{data}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((*OF_BOB, "--expires", "90"), "--expires: '90' is not a span; write a number and m, h, d or w, such as 90d"),
        ((*OF_BOB, "--expires", "0d"), "--expires: '0d' is not a span"),
        ((*OF_BOB, "--project", "Foo"), "'Foo' is not a project pattern: use lower-case letters"),
        ((*OF_BOB, "--registry", "simple"), "'simple' is reserved"),
        (("token", "create", "--data", "{data}"), "--person: say whose token it is"),
        (("serve", "{data}", "--bind", "8080"), "--bind: '8080' is not HOST:PORT, such as 127.0.0.1:8080"),
        (("serve", "{data}", "--bind", "127.0.0.1:99999"), "--bind: '127.0.0.1:99999' is not HOST:PORT"),
        (("serve", "{data}", "--workers", "0"), "--workers: '0' is not a number from 1 to 64"),
        (("log", "--url", "packages.acme.example"), "--url: 'packages.acme.example' is not an address like https://"),
        (("log", "--url", "https://__token__:secret@packages.acme.example"), "without token"),
        (("log", "--data", "{data}", "--since", "yesterday"), "'yesterday' is neither a date, nor a time"),
        (("log", "--data", "{data}", "--limit", "-1"), "--limit"),
        (("yank", "--data", "{data}", "tool"), "'tool' is not PROJECT==VERSION, such as payments-api==1.4.0"),
        (("init", "/nonexistent/acme", "--admin", "Alice!"), "--admin: 'Alice!' cannot be used; write 1-64 lower-case"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named_with_a_good_one(
    acme: Server, arguments: tuple[str, ...], sentence: str
) -> None:
    said = _said(acme, *arguments)
    assert said.returncode in {REFUSED, WRONG}
    assert sentence in said.stderr
    assert "secret" not in said.stderr


def test_a_value_that_cannot_be_meant_is_wrong_usage_for_scripts(acme: Server) -> None:
    for arguments in (
        (*OF_BOB, "--expires", "90"),
        ("serve", "{data}", "--bind", "8080"),
        ("log", "--url", "packages.acme.example"),
        ("log", "--data", "{data}", "--since", "yesterday"),
        ("yank", "--data", "{data}", "tool"),
    ):
        assert _said(acme, *arguments).returncode == WRONG, arguments


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("log", "--data", "/nonexistent"), "/nonexistent holds no installation; make one with 'waybill init"),
        (("log", "--url", "{url}"), "401 The password is not a Waybill token"),
        (("log", "--url", "http://127.0.0.1:9"), "does not answer: Connection refused"),
        ((*OF_BOB[:-1], "mallory"), "people.yaml has no entry 'mallory'; add one before making a token for it"),
        (("token", "revoke", "--data", "{data}", "aaaaaaaaaa"), "'waybill token list' shows the ids"),
        (OF_TOOL, "say which one; there are: community, python, vault"),
        ((*OF_TOOL, "--registry", "nowhere"), "There is no registry 'nowhere' here"),
        ((*OF_TOOL, "--registry", "python", "--at", "deadbeef"), "No commit begins with 'deadbeef'"),
        (("yank", "--data", "{data}", "nothing==1.0"), "python has no release nothing 1.0"),
        (("init", "/dev/null/acme"), "/dev/null/acme"),
    ],
)
def test_what_is_refused_or_missing_is_said_in_one_line(
    acme: Server, arguments: tuple[str, ...], sentence: str
) -> None:
    said = _said(acme, *arguments)
    assert said.returncode == REFUSED
    assert sentence in said.stderr
    assert re.fullmatch(r"waybill: [^\n<]+\n", said.stderr)


def test_a_command_for_a_server_without_a_token_says_where_to_put_it(acme: Server) -> None:
    said = _said(acme, "log", "--url", "{url}", known=False)
    assert said.returncode in {REFUSED, WRONG}
    assert "WAYBILL_TOKEN is not set; put your token in it" in said.stderr


def test_init_touches_no_folder_that_has_something_in_it(acme: Server, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    said = _said(acme, "init", str(tmp_path))
    assert said.returncode == 1
    assert f"{tmp_path} is not an empty folder" in said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert waybill("init", str(tmp_path / "new")).returncode == 0


def test_serve_makes_no_installation_among_other_files(acme: Server, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    said = _said(acme, "serve", str(tmp_path), "--bind", "127.0.0.1:8080")
    assert said.returncode == 1
    assert "holds no installation" in said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_who_asks_without_a_registry_is_told_the_same_here_and_elsewhere(acme: Server, bob: str) -> None:
    publish(acme, wheel("bob-here"), token=bob)
    here = waybill("explain", "--data", str(acme.data), "bob", "read", "bob-here", check=False)
    there = waybill("explain", "--url", acme.url, "bob", "read", "bob-here", token=bob, check=False)
    assert here.returncode == there.returncode
