"""`waybill push`: as easy as the command-line tools of other registries."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.exchanges import Exchanges, exchanging
from tests.journeys.clients import Desk, Done, listed, pair
from tests.running import CLEAN, WAYBILL, Server


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchanges]:
    with exchanging(tmp_path_factory.mktemp("push")) as made:
        yield made


def push(desk: Desk, *arguments: object, stdin: str = "", **environment: str) -> Done:
    command = [*WAYBILL, "push", *map(str, arguments)]
    return subprocess.run(
        command, cwd=desk.folder, env={**CLEAN, "PYTHONPATH": str(Path.cwd()), **environment},
        input=stdin, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_files_are_published_and_the_same_again_is_no_error(shared_server: Server, desk: Desk) -> None:
    files = [desk.save(archive) for archive in pair("pushed")]
    for said in ("accepted", "is there already"):
        done = push(desk, "python", *files, "--url", shared_server.url, WAYBILL_TOKEN=shared_server.token)
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        assert done.stderr.splitlines() == [f"{file.name}: {said}" for file in files]
    assert set(listed(shared_server, "pushed")) == {file.name for file in files}


def test_what_was_accepted_is_said_to_machines_and_the_environment_may_say_where(
    shared_server: Server, desk: Desk
) -> None:
    file = desk.save(wheel("pushed-json"))
    done = push(
        desk, "python", file, "--json", WAYBILL_URL=f"{shared_server.url}/", WAYBILL_TOKEN=f"{shared_server.token}\r\n"
    )
    [accepted] = json.loads(done.stdout)
    assert accepted["filename"] == file.name
    assert len(accepted["commit"]) == 40
    assert listed(shared_server, "pushed-json")[file.name]["hashes"]["sha256"] == accepted["sha256"]


@pytest.mark.parametrize("where", ["-", "token.txt"])
def test_a_token_comes_from_stdin_or_a_file_and_never_from_the_command_line(
    shared_server: Server, desk: Desk, where: str
) -> None:
    file = desk.save(wheel(f"pushed-{where.strip('-.').replace('.', '-') or 'stdin'}"))
    desk.write("token.txt", f"{shared_server.token}\n")
    stdin = f"{shared_server.token}\n" if where == "-" else ""
    done = push(desk, "python", file, "--url", shared_server.url, "--token-file", where, stdin=stdin)
    assert done.returncode == 0, done.stderr


def test_the_first_file_that_is_refused_ends_it_with_the_servers_words(shared_server: Server, desk: Desk) -> None:
    good, bad = desk.save(wheel("pushed-good")), desk.save(("pushed_bad-1.0-py3-none-any.whl", b"no zip"))
    done = push(
        desk, "python", good, bad, good, "--url", shared_server.url, "--json", WAYBILL_TOKEN=shared_server.token
    )
    assert done.returncode == 1
    assert [one["filename"] for one in json.loads(done.stdout)] == [good.name]
    assert "400 " in done.stderr
    assert "pushed_bad" in done.stderr


@pytest.mark.parametrize(
    ("token", "said"),
    [("hunter2", "401 The password is not a Waybill token"), ("", "WAYBILL_TOKEN is not set, and there is no --token")],
)
def test_without_a_good_token_nothing_is_published(shared_server: Server, desk: Desk, token: str, said: str) -> None:
    file = desk.save(wheel("pushed-never"))
    done = push(desk, "python", file, "--url", shared_server.url, WAYBILL_TOKEN=token)
    assert done.returncode == 1
    assert said in done.stderr


def test_wrong_usage_says_what_to_do(shared_server: Server, desk: Desk) -> None:
    file = desk.save(wheel("pushed-wrong"))
    for arguments, code, said in (
        (("python", file), 2, "--url"),
        (("python", "--url", shared_server.url), 2, "FILE"),
        (("python", "dist/nothing.whl", "--url", shared_server.url), 1, "dist/nothing.whl: there is no such file"),
        (("nowhere", file, "--url", shared_server.url), 1, "There is no registry 'nowhere' here"),
    ):
        done = push(desk, *arguments, WAYBILL_TOKEN=shared_server.token)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_ci_job_needs_no_token_of_its_own(exchanges: Exchanges, desk: Desk) -> None:
    file = desk.save(wheel("payments-api", "7.0"))
    job = {"GITLAB_CI": "true", "WAYBILL_ID_TOKEN": exchanges.token(700)}
    done = push(desk, "python", file, "--url", exchanges.server.url, **job)
    assert done.returncode == 0, done.stderr
    assert file.name in listed(exchanges.server, "payments-api")
