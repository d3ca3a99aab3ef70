"""`waybill change`, against a server that real git pushes to."""

import json
import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clones import Clone
from tests.registry.web.proposals import ADDS_BOB, POLICY, TEAM
from tests.running import CLEAN, WAYBILL, Server, run_git, serving, waybill

Done = subprocess.CompletedProcess[str]


class Desk:
    """A served installation, alice's clone, and everybody's tokens."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        server.set_policy({path: text for path, text in POLICY.items() if path != "waybill.yaml"})
        server.set_policy({"waybill.yaml": POLICY["waybill.yaml"]})
        self.clone = Clone.of(server, folder / "clone")
        self.tokens = {"alice": server.token, **{name: server.token_for(name) for name in ("carol", "bob", "erin")}}

    def ask(self, person: str, *arguments: str) -> Done:
        verb, *rest = arguments
        return waybill("change", verb, "--url", self.server.url, *rest, token=self.tokens[person], check=False)

    def operate(self, *arguments: str) -> Done:
        verb, *rest = arguments
        return waybill("change", verb, "--data", str(self.server.data), *rest, check=False)

    def team(self) -> str:
        return run_git(self.server.git, "show", f"main:{TEAM}")

    def propose(self, name: str) -> None:
        """Alice proposes to add bob to the team, which needs carol or erin."""
        text = f"# {name}\n{ADDS_BOB[TEAM]}"
        assert self.clone.propose(name, {TEAM: text}).returncode == 0


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("change")
    with serving(folder, workers=1) as server:
        yield Desk(server, folder)
        assert "Traceback" not in server.log()
        assert not any(token in server.log() for token in (server.token,))


def test_a_change_is_listed_shown_and_approved_by_who_owns_what_it_touches(desk: Desk) -> None:
    desk.propose("add-bob")
    listed = desk.ask("carol", "list")
    assert listed.stdout.startswith("add-bob  waiting  by alice: Change the policy\n")
    assert "1 more approval, by carol" in listed.stdout
    assert desk.ask("bob", "list").stdout == ""
    shown = desk.ask("carol", "show", "add-bob")
    parts = ["bob: publish on", "Approvals", "-members: [carol]", "+members: [carol, bob]", "tree "]
    assert [shown.stdout.index(part) for part in parts] == sorted(shown.stdout.index(part) for part in parts)
    tree = shown.stdout.split()[-1]
    done = desk.ask("carol", "approve", "add-bob", "--tree", tree)
    assert (done.returncode, done.stdout.strip()) == (0, run_git(desk.server.git, "rev-parse", "main").strip())
    assert "bob" in desk.team()
    assert "Approved-By: carol" in run_git(desk.server.git, "log", "-1", "main")
    assert desk.ask("carol", "show", "add-bob").returncode == 1


def test_what_may_not_be_is_exit_code_1_with_the_servers_words(desk: Desk) -> None:
    desk.propose("refusals")
    for person, verb, why in (
        ("bob", ("show", "refusals"), "may not see"),
        ("bob", ("approve", "refusals", "--yes"), "may not see"),
        ("alice", ("approve", "refusals", "--yes"), "cannot approve"),
        ("alice", ("merge", "refusals"), "1 more approval"),
        ("carol", ("withdraw", "refusals"), "is not yours"),
        ("carol", ("show", "nothing"), "is open: it was merged"),
        ("carol", ("approve", "refusals", "--tree", "0" * 40), "look at it again"),
    ):
        refused = desk.ask(person, *verb)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert why in refused.stderr
        assert "Traceback" not in refused.stderr
    assert desk.ask("alice", "withdraw", "refusals").returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["approve", "x", "--yes"],  # neither --url nor --data
        ["approve", "x", "--yes", "--data", "."],
        ["approve", "x", "--url", "http://127.0.0.1:1", "--tree", "abc"],
        ["approve", "x", "--url", "http://127.0.0.1:1", "--tree", "0" * 40, "--yes"],
        ["merge", "x", "--url", "http://127.0.0.1:1", "--break-glass", "now"],
        ["show"],
        [],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert waybill("change", *arguments, token="x", check=False).returncode == 2


def test_without_a_terminal_nobody_is_taken_to_have_agreed(desk: Desk) -> None:
    desk.propose("silent")
    refused = desk.ask("carol", "approve", "silent")
    assert refused.returncode == 2
    assert "--tree ID" in refused.stderr
    assert "Approved" not in desk.ask("alice", "show", "silent").stdout
    desk.ask("alice", "withdraw", "silent")


@pytest.mark.parametrize(("typed", "code"), [("no\n", 1), ("\n", 1), ("yes\n", 0)])
def test_on_a_terminal_the_review_is_shown_and_then_a_word_is_asked_for(desk: Desk, typed: str, code: int) -> None:
    desk.propose("asked")
    before = desk.team()
    said, status = _on_terminal(desk, typed, "approve", "asked")
    assert "bob" in said or "no change in rights" in said
    assert status == code
    assert (desk.team() != before) == (code == 0)
    if code:
        assert "Nothing was approved" in said
        desk.ask("alice", "withdraw", "asked")


def test_machines_get_json_alone_on_stdout(desk: Desk) -> None:
    desk.propose("json")
    [listed] = json.loads(desk.ask("carol", "list", "--json").stdout)
    shown = json.loads(desk.ask("carol", "show", "json", "--json").stdout)
    assert listed == {key: shown[key] for key in listed}
    assert shown == json.loads(desk.operate("show", "json", "--json").stdout)
    done = json.loads(desk.ask("erin", "approve", "json", "--yes", "--json").stdout)
    assert (done["state"], done["waits-for"]) == ("merged", "")
    assert done["merged"] == run_git(desk.server.git, "rev-parse", "main").strip()


def test_the_operator_sees_withdraws_and_breaks_the_glass_but_cannot_approve(desk: Desk) -> None:
    desk.propose("operated")
    assert "operated  waiting  by alice" in desk.operate("list").stdout
    refused = desk.operate("merge", "operated")
    assert refused.returncode == 1
    assert "1 more approval" in refused.stderr
    broken = desk.operate("merge", "operated", "--break-glass", "the pager rang")
    assert (broken.returncode, broken.stdout.strip()) == (0, run_git(desk.server.git, "rev-parse", "main").strip())
    assert "awaits approval" in broken.stderr
    assert "operated  awaits approval" in desk.ask("carol", "list").stdout
    accepted = desk.ask("carol", "approve", "operated", "--yes")
    assert accepted.returncode == 0
    assert desk.ask("carol", "list").stdout == ""
    desk.propose("dropped")
    assert desk.operate("withdraw", "dropped").returncode == 0
    assert desk.operate("list").stdout == ""


def _on_terminal(desk: Desk, typed: str, *arguments: str) -> tuple[str, int]:
    """Run a command whose stdin and stderr are a terminal.

    Returns:
        What it showed there, and its exit code.
    """
    ours, theirs = pty.openpty()
    verb, *rest = arguments
    command = [*WAYBILL, "change", verb, "--url", desk.server.url, *rest]
    env = {**CLEAN, "WAYBILL_TOKEN": desk.tokens["carol"]}
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env=env)
    os.close(theirs)
    said, deadline, sent = b"", time.monotonic() + 60, False
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                said += os.read(ours, 65536)
            except OSError:  # it has ended
                break
        if not sent and b"Type yes: " in said:
            os.write(ours, typed.encode())
            sent = True
    os.close(ours)
    return said.decode(), process.wait(timeout=30)
