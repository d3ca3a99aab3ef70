"""`waybill serve --policy-remote`, as an operator runs it and as a forge calls it."""

import hashlib
import hmac
import json
import os
import signal
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time

from registry import durable
from registry.cli import data, follow
from registry.cli.follow import Watch
from registry.cli.forge import Chosen, begin
from registry.errors import Unavailable
from registry.store.address import Login
from tests.archives import wheel
from tests.forges import GIT, Forge, Web, new_forge, on_the_web
from tests.registry.web.site import multipart, new_site
from tests.registry.web.wire import upload
from tests.running import CLEAN, Server, new_server, run_git, try_git, waybill

TOKEN, SECRET = "read-only-token-of-the-forge", "secret-of-the-webhook-0123"
PEOPLE = "alice: {}\nbob: {}\n"
SOON = 20.0  # seconds


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that other processes do."""
    deadline = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


@contextmanager
def following(
    tmp_path: Path, *options: str, workers: int = 2, **behaviour: object
) -> Iterator[tuple[Server, Forge, Web]]:
    """Serve an installation that follows a forge on the web."""
    server = new_server(tmp_path, workers)
    forge = new_forge(tmp_path, server.git)
    with on_the_web(forge, secret=TOKEN, **behaviour) as web:
        server.options = ["--policy-remote", web.url, *options]
        server.environment = {"WAYBILL_POLICY_TOKEN": TOKEN, "WAYBILL_POLICY_HOOK_SECRET": SECRET}
        server.start()
        try:
            yield server, forge, web
        finally:
            server.kill()
    assert "Traceback" not in server.log()
    assert '"status": 500' not in server.log()


def health(server: Server) -> dict[str, Any]:
    ask = urllib.request.Request(f"{server.url}/-/health")
    ask.add_header("Authorization", "Basic " + b64encode(f"__token__:{server.token}".encode()).decode())
    try:
        with urllib.request.urlopen(ask, timeout=10) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        return dict(json.load(error))


def deliver(server: Server, body: bytes = b'{"ref": "refs/heads/main"}') -> int:
    """Post a webhook as GitHub does."""
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    ask = urllib.request.Request(f"{server.url}/-/hooks/policy", body, {"X-Hub-Signature-256": f"sha256={signature}"})
    with urllib.request.urlopen(ask, timeout=10) as answer:
        return int(answer.status)


def events(server: Server) -> list[dict[str, Any]]:
    """What was logged about following."""
    return [json.loads(line) for line in server.log().splitlines() if '"event": "policy"' in line]


def in_force(server: Server) -> str:
    return run_git(server.git, "rev-parse", "main").strip()


def send(server: Server, version: str) -> int:
    return upload(server, multipart([("content", wheel("demo", version))]), server.token).status


def test_a_webhook_brings_what_was_merged_on_the_forge_into_force_at_once(tmp_path: Path) -> None:
    with following(tmp_path, "--policy-interval", "20m") as (server, forge, _):
        until(lambda: health(server).get("policy_remote_state", {}).get("good") is not None)
        for number in range(3):  # each worker of the server may get it
            commit = forge.change({"people.yaml": f"{PEOPLE}carol-{number}: {{}}\n"})
            assert deliver(server) == 202
            until(lambda wanted=commit: in_force(server) == wanted)  # type: ignore[misc]  # bound now
            assert health(server)["policy"] == commit
        assert [event["outcome"] for event in events(server)] == ["adopted"] * 3


def test_secrets_are_in_no_log_no_file_no_process_list_and_no_answer(tmp_path: Path) -> None:
    with following(tmp_path, "--policy-interval", "1s", "--policy-grace", "1h") as (server, forge, web):
        commit = forge.change({"people.yaml": PEOPLE})
        until(lambda: in_force(server) == commit)
        web.insults = f"access denied to {TOKEN}"
        until(lambda: health(server).get("policy_remote") == "unreachable")
        deliver(server)
        told = json.dumps(health(server))
        assert "denied to [redacted]" in told
        listed = b"".join(
            file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if os.access(file, os.R_OK)
        )
        files = b"".join(p.read_bytes() for p in server.data.rglob("*") if p.is_file() and "objects" not in p.parts)
        for secret in (TOKEN, SECRET):
            assert secret not in server.log() + told
            assert secret.encode() not in listed + files


def test_of_several_workers_one_looks_at_a_time(tmp_path: Path) -> None:
    options = ("--policy-interval", "1s", "--policy-grace", "1h")
    with following(tmp_path, *options, workers=4, delay=0.2) as (server, forge, web):
        until(lambda: len(web.asked) >= 2)
        for number in range(4):
            forge.change({"README.md": f"{number}\n"})
            for _ in range(3):
                deliver(server)
        until(lambda: in_force(server) == forge.clone.git("rev-parse", "HEAD"))
        assert web.most == 1


def test_a_refused_policy_stops_writing_after_the_grace_until_it_is_mended(tmp_path: Path) -> None:
    with following(tmp_path, "--policy-interval", "1s", "--policy-grace", "3s") as (server, forge, _):
        until(lambda: health(server).get("policy_remote") == "ok")
        good = in_force(server)
        assert send(server, "1.0") == 200
        forge.change({"people.yaml": "alice: {}\nalice: {}\n"})
        until(lambda: health(server)["status"] == "read-only")
        assert in_force(server) == good, "the last good one stays in force"
        assert send(server, "1.1") == 503
        with urllib.request.urlopen(f"{server.url}/-/ready", timeout=10) as ready:
            assert ready.status == 200
        until(lambda: "refused" in [event.get("writing") for event in events(server)])
        assert any("people.yaml:2: " in problem for problem in events(server)[-1]["problems"])
        mended = forge.change({"people.yaml": PEOPLE})
        until(lambda: health(server).get("policy_remote") == "ok")
        assert in_force(server) == mended
        assert send(server, "1.1") == 200


def test_a_forge_that_cannot_be_reached_stops_writing_too_also_over_a_restart(tmp_path: Path) -> None:
    with following(tmp_path, "--policy-interval", "1s", "--policy-grace", "3s") as (server, _, web):
        until(lambda: health(server).get("policy_remote") == "ok")
        web.insults = "maintenance"
        until(lambda: health(server)["status"] == "read-only")
        assert send(server, "1.0") == 503
        assert server.stop() == 0
        server.start()
        assert send(server, "1.0") == 503
        web.insults = None
        until(lambda: send(server, "1.0") == 200)


def test_a_server_that_is_killed_while_it_fetches_goes_on_after_its_restart(tmp_path: Path) -> None:
    with following(tmp_path, "--policy-interval", "1s", "--policy-grace", "1h") as (server, forge, web):
        until(lambda: health(server).get("policy_remote") == "ok")
        web.delay = 1.0
        commit = forge.change({"people.yaml": PEOPLE})
        asked = len(web.asked)
        until(lambda: any("git-upload-pack" in path and "refs" not in path for path, _ in web.asked[asked:]))
        server.kill()
        web.delay = 0.0
        server.start()
        until(lambda: in_force(server) == commit)
        run_git(server.git, "fsck", "--full", "--strict")


def test_a_killed_workers_successor_looks_on(tmp_path: Path) -> None:
    with following(tmp_path, "--policy-interval", "1s", "--policy-grace", "1h", workers=1) as (server, forge, _):
        until(lambda: health(server).get("policy_remote") == "ok")
        os.kill(int(server.worker_pids()[0]), signal.SIGKILL)
        commit = forge.change({"people.yaml": PEOPLE})
        until(lambda: in_force(server) == commit)


def test_changes_are_refused_here_with_the_name_of_the_forge_until_nothing_is_followed(tmp_path: Path) -> None:
    with following(tmp_path, "--policy-interval", "20m") as (server, forge, web):
        run_git(forge.clone.folder, "checkout", "-q", "-b", "work")
        forge.clone.commit({"README.md": "x\n"})
        refused = try_git(forge.clone.folder, "push", server.clone_url, "HEAD:change/readme")
        assert refused.returncode != 0
        assert f"main follows branch main of {web.url}" in " ".join(refused.stderr.replace("remote:", "").split())
        assert server.stop() == 0
        server.options = []
        server.start()
        assert "main follows nothing any more" in server.log()
        assert try_git(forge.clone.folder, "push", server.clone_url, "HEAD:change/readme").returncode == 0


@pytest.mark.parametrize(
    ("options", "environment", "code", "said"),
    [
        (["--policy-remote", "http://forge.example/p.git"], {}, 2, "use https"),
        (["--policy-remote", "https://a:hunter2@forge.example/p.git"], {}, 2, "WAYBILL_POLICY_TOKEN"),
        (["--policy-remote", "https://f.example/p", "--policy-branch", "a..b"], {}, 2, "no name of a branch"),
        (["--policy-remote", "https://f.example/p", "--policy-interval", "soon"], {}, 2, "such as 30s"),
        (["--policy-remote", "https://f.example/p", "--policy-grace", "90s"], {}, 1, "twice --policy-interval"),
        (["--policy-remote", "https://f.example/p"], {"WAYBILL_POLICY_TOKEN": "hunter2\nx"}, 1, "one line"),
        (["--policy-remote", "https://f.example/p"], {"WAYBILL_POLICY_TOKEN": ""}, 1, "one line"),
        (["--policy-remote", "https://f.example/p"], {"WAYBILL_POLICY_TOKEN_FILE": "/nowhere"}, 1, "'/nowhere' cannot"),
        (
            ["--policy-remote", "https://f.example/p"],
            {"WAYBILL_POLICY_TOKEN_FILE": "/nowhere", "WAYBILL_POLICY_TOKEN": "hunter2"},
            1,
            "set one",
        ),
        (["--policy-remote", "https://f.example/p"], {"WAYBILL_POLICY_HOOK_SECRET": "hunter2"}, 1, "16 random"),
        (["--policy-remote", "ssh://f.example/p"], {"WAYBILL_POLICY_SSH_KEY": "/nowhere"}, 1, "no file '/nowhere'"),
    ],
)
def test_what_an_operator_cannot_mean_is_said_before_anything_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    environment: dict[str, str],
    code: int,
    said: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setitem(CLEAN, name, value)
    done = waybill("serve", str(tmp_path / "data"), *options, check=False)
    assert done.returncode == code
    assert said in done.stderr
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "data").exists()


class Looking:
    """A watch in this process, and what it logged."""

    def __init__(self, folder: Path) -> None:
        self.site = new_site(folder / "data")
        self.forge = new_forge(folder, self.site.folder / "waybill.git")
        self.lines: list[dict[str, Any]] = []
        hour, minute = timedelta(hours=1), timedelta(minutes=1)
        found = Chosen(self.forge.url, "main", minute, 3 * hour, Login(), None, GIT)
        begin(self.site.folder, found)
        self.watch = Watch(self.site.folder, found, lambda line: self.lines.append(json.loads(line)))

    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.lines]


@pytest.fixture
def looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looking:
    monkeypatch.setattr(follow, "LEAST", 0.0)
    return Looking(tmp_path)


def test_a_look_soon_after_another_ones_asks_nobody_unless_the_forge_said_so(looking: Looking) -> None:
    looking.watch.look()
    commit = looking.forge.change({"people.yaml": PEOPLE})
    looking.watch.look()
    assert looking.site.installation.policy().commit != commit
    looking.watch.look(poked=True)
    assert looking.site.installation.policy().commit == commit
    assert looking.outcomes() == ["adopted"]


def test_the_same_trouble_is_logged_when_it_begins_once_an_hour_and_when_writing_ends(looking: Looking) -> None:
    looking.forge.change({"people.yaml": "alice: {}\nalice: {}\n"})
    (looking.site.folder / "policy-remote.json").unlink()  # it begins with the frozen time
    with freeze_time("2036-01-01T00:00:00") as clock:
        spoken = []
        for number in range(20):
            before = len(looking.lines)
            looking.watch.look()
            spoken += [number] * (len(looking.lines) - before)
            clock.tick(timedelta(minutes=10))
        assert spoken == [0, 6, 12, 18, 19]
        assert [line["writing"] for line in looking.lines][-1] == "refused"
        assert looking.lines[0]["problems"][0].startswith("people.yaml:2: ")
        looking.forge.change({"people.yaml": PEOPLE})
        looking.watch.look()
        assert looking.outcomes()[-1] == "adopted"


def test_trouble_that_goes_away_without_a_new_policy_is_logged_as_mended(looking: Looking) -> None:
    aside = looking.forge.bare.with_name("aside.git")
    looking.forge.bare.rename(aside)
    looking.watch.look()
    aside.rename(looking.forge.bare)
    looking.watch.look(poked=True)
    assert looking.outcomes() == ["unreachable", "mended"]


def test_a_clock_that_was_put_back_does_not_put_off_the_end_of_writing(looking: Looking) -> None:
    with freeze_time("2036-01-02T00:00:00"):
        looking.watch.look(poked=True)
    looking.forge.bare.rename(looking.forge.bare.with_name("aside.git"))
    with freeze_time("2036-01-01T00:00:00"):
        looking.watch.look(poked=True)
        state = data.following(looking.site.folder).state()
        assert state is not None
        assert state.good is not None
        assert state.good.isoformat() == "2036-01-01T00:00:00+00:00"


def test_a_server_whose_disk_failed_does_not_look(looking: Looking, failing_flush: Callable[[], None]) -> None:
    commit = looking.forge.change({"people.yaml": PEOPLE})
    failing_flush()
    with pytest.raises(Unavailable, match="The disk failed"):
        looking.watch.look()
    assert durable.failure()
    before = (looking.site.folder / "policy-remote.json").read_bytes()
    looking.watch.look(poked=True)
    assert (looking.site.folder / "policy-remote.json").read_bytes() == before
    assert looking.site.installation.policy().commit != commit
