"""Tokens as people make and end them, on the host and from elsewhere."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.archives import wheel
from tests.journeys.clients import ask, publish
from tests.running import Server, run_git, waybill

SECRET = re.compile(r"wb_([a-z0-9]{10})_[0-9A-Za-z]{38}")


def _id(secret: str) -> str:
    found = SECRET.fullmatch(secret)
    assert found, "not a token"
    return found[1]


def _statuses(server: Server, token: str) -> set[int]:
    """Ask often enough that every worker answers; each request is a connection of its own."""
    return {ask(f"{server.url}/python/simple/", token)[0] for _ in range(25)}


def _tokens(server: Server) -> str:
    return run_git(server.git, "ls-tree", "--name-only", "ledger", "tokens/")


@pytest.mark.parametrize("place", ["--data", "--url"])
def test_a_new_secret_stands_alone_on_stdout_and_nowhere_else(acme: Server, bob: str, place: str) -> None:
    where = {"--data": str(acme.data), "--url": acme.url}[place]
    said = waybill(
        "token", "create", place, where, "--person", "bob", "--expires", "90d", "--note", "laptop", token=bob
    )
    assert said.stdout.endswith("\n")
    secret = said.stdout[:-1]
    sentence = "gives what bob may do, at most as admin; it expires"
    assert re.fullmatch(rf"Token {_id(secret)} {sentence} 20\S+Z\n", said.stderr)
    assert _statuses(acme, secret) == {200}
    everything = run_git(acme.git, "log", "-p", "ledger", "--", "tokens") + acme.log()
    assert secret not in everything
    assert secret.partition("_")[2].partition("_")[2] not in everything


def test_a_script_gets_secret_and_facts_as_one_json_object(acme: Server) -> None:
    options = ("--role", "publish", "--registry", "python", "--project", "bob-*", "--json")
    made = json.loads(waybill("token", "create", "--data", str(acme.data), "--person", "bob", *options).stdout)
    assert _id(made["secret"]) == made["id"]
    assert (made["owner"], made["role"], made["expires"]) == ("bob", "publish", None)
    assert (made["registries"], made["projects"]) == (["python"], ["bob-*"])


def test_the_operator_lists_every_token_and_a_person_their_own_without_secrets(acme: Server, bob: str) -> None:
    every = waybill("token", "list", "--data", str(acme.data)).stdout
    own = waybill("token", "list", "--url", acme.url, token=bob).stdout
    assert f"{_id(bob)}  bob  admin  expires never" in every
    assert f"{_id(bob)}  bob  admin  expires never" in own
    assert f"{_id(acme.token)}  alice" in every
    assert "alice" not in own
    assert not SECRET.search(every + own)
    only = json.loads(waybill("token", "list", "--data", str(acme.data), "--person", "alice", "--json").stdout)
    assert {token["owner"] for token in only} == {"alice"}


def test_a_list_says_what_limits_a_token(acme: Server) -> None:
    limited = acme.token_for("carol", "--role", "read", "--project", "shared-*", "--note", "read only mirror")
    listed = waybill("token", "list", "--data", str(acme.data), "--person", "carol").stdout
    assert f"{_id(limited)}  carol  read on shared-*  expires never  read only mirror" in listed


@pytest.mark.parametrize("place", ["--data", "--url"])
def test_a_revoked_token_fails_at_its_next_request_in_every_worker(acme: Server, bob: str, place: str) -> None:
    where = {"--data": str(acme.data), "--url": acme.url}[place]
    lost, kept = acme.token_for("bob"), acme.token_for("bob")
    assert _statuses(acme, lost) == {200}  # every worker knows it
    said = waybill("token", "revoke", place, where, _id(lost), token=bob)
    assert (said.stdout, said.stderr) == ("", f"Token {_id(lost)} of bob is revoked\n")
    assert _statuses(acme, lost) == {401}
    assert _statuses(acme, kept) == {200}
    text = ask(f"{acme.url}/python/simple/", lost, kind="text/plain")[1]
    assert text == f"Token {_id(lost)} was revoked; make a new one with 'waybill token create'\n"
    assert "revoked 20" in waybill("token", "list", "--data", str(acme.data), "--person", "bob").stdout


def test_revoking_twice_is_no_error_and_no_commit(acme: Server) -> None:
    gone = acme.token_for("carol")
    waybill("token", "revoke", "--data", str(acme.data), _id(gone))
    before = run_git(acme.git, "rev-parse", "ledger")
    assert waybill("token", "revoke", "--data", str(acme.data), _id(gone)).returncode == 0
    assert run_git(acme.git, "rev-parse", "ledger") == before


@pytest.mark.parametrize("limit", [("--role", "write"), ("--registry", "python"), ("--project", "bob-*")])
def test_a_limited_token_makes_no_other_token(acme: Server, bob: str, limit: tuple[str, ...]) -> None:
    limited, before = acme.token_for("bob", *limit), _tokens(acme)
    said = waybill("token", "create", "--url", acme.url, *limit, token=limited, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert f"token {_id(limited)} is limited, so it makes and ends no tokens but itself" in said.stderr
    assert _tokens(acme) == before
    twin = waybill("token", "create", "--url", acme.url, *limit, token=bob)
    assert "gives what bob may do" in twin.stderr


def test_a_limited_token_ends_no_other_token_but_itself(acme: Server, bob: str) -> None:
    limited = acme.token_for("bob", "--role", "read")
    said = waybill("token", "revoke", "--url", acme.url, _id(bob), token=limited, check=False)
    assert said.returncode == 1
    assert _statuses(acme, bob) == {200}
    waybill("token", "revoke", "--url", acme.url, _id(limited), token=limited)
    assert _statuses(acme, limited) == {401}


def test_a_limited_token_stays_below_its_role(acme: Server) -> None:
    reader = acme.token_for("alice", "--role", "read")
    with pytest.raises(AssertionError, match="is limited to role read, this needs publish; use another token"):
        publish(acme, wheel("too-much"), token=reader)
    assert _statuses(acme, reader) == {200}


def test_an_admin_lists_and_ends_the_tokens_of_others_from_elsewhere(acme: Server, bob: str) -> None:
    listed = json.loads(
        waybill("token", "list", "--url", acme.url, "--person", "bob", "--json", token=acme.token).stdout
    )
    assert _id(bob) in {one["id"] for one in listed}
    said = waybill("token", "list", "--url", acme.url, "--person", "alice", token=bob, check=False)
    assert (said.returncode, "admins" in said.stderr) == (1, True)
    leaked = acme.token_for("bob")
    waybill("token", "revoke", "--url", acme.url, _id(leaked), token=acme.token)
    assert _statuses(acme, leaked) == {401}


def test_nobody_makes_or_ends_tokens_of_others(acme: Server, bob: str) -> None:
    said = waybill("token", "create", "--url", acme.url, "--person", "alice", token=bob, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == ("waybill: 403 bob may not manage tokens of alice; alice or the operator on the host can\n")
    said = waybill("token", "revoke", "--url", acme.url, _id(acme.token), token=bob, check=False)
    assert said.returncode == 1
    assert _statuses(acme, acme.token) == {200}


def test_making_and_ending_a_token_are_events_with_a_name(acme: Server, bob: str) -> None:
    made = waybill("token", "create", "--url", acme.url, token=bob).stdout.strip()
    waybill("token", "revoke", "--data", str(acme.data), _id(made))
    [ended, begun] = json.loads(waybill("log", "--data", str(acme.data), "--limit", "2", "--json").stdout)
    assert begun["subject"] == f"token-create: {_id(made)} of bob"
    assert begun["author"] == "bob"
    assert begun["facts"]["Token"] == _id(bob)
    assert ended["subject"] == f"token-revoke: {_id(made)} of bob"
    assert ended["author"] == "operator"


@contextmanager
def _listening(location: str | None) -> Iterator[tuple[str, list[str | None]]]:
    """Answer on a second loopback address, perhaps with a redirect, and note which credentials came."""
    seen: list[str | None] = []

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(302 if location else 200)
            self.send_header("Location", location or "")
            self.end_headers()
            self.wfile.write(b'{"events": []}')

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    host = "127.0.0.1" if location else "127.0.0.2"
    with HTTPServer((host, 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{host}:{server.server_port}", seen
        server.shutdown()


def test_a_command_takes_no_token_along_to_another_host(bob: str) -> None:
    with _listening(None) as (elsewhere, seen), _listening(f"{elsewhere}/") as (asked, first):
        waybill("log", "--url", asked, token=bob, check=False)
    assert first == [f"Bearer {bob}"]
    assert bob not in str(seen)
