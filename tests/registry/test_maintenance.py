"""Maintenance: once by hand or now and then by a server, beside uploads, and never in anybody's way."""

import fcntl
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry import maintenance
from registry.cli import data
from registry.cli.maintain import PAGES
from registry.errors import Conflict
from registry.maintenance import Place, due, last, maintain
from registry.model import UploadToken
from registry.store import LEDGER, NewCommit, Signature
from tests.archives import wheel
from tests.legacy_client import ask, authorization, check_download, listed, upload
from tests.registry.web.site import Site, new_site
from tests.running import CLEAN, WAYBILL, Server, new_server, run_git, waybill
from tests.tracing import need

NOW = datetime.now(UTC)
WHO = Signature("alice", "alice@acme.example")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation with one file in it."""
    made = new_site(tmp_path / "data")
    assert made.publish(wheel("demo", "1.0")).status_code == 200
    return made


def place(site: Site) -> Place:
    return Place(site.folder, data.git_folder(site.folder), site.folder / PAGES)


def packs(git: Path) -> int:
    return len(list((git / "objects" / "pack").glob("*.pack")))


def test_the_command_says_what_it_did_in_one_line(site: Site) -> None:
    need("git")
    done = waybill("maintain", "--data", str(site.folder))
    [line] = done.stdout.splitlines()
    said = json.loads(line)
    assert (said["event"], said["problems"], said["commits"]) == ("maintenance", [], 3)  # begin, a token, a file
    assert said["git"].split(".")[0] == "2"
    assert packs(data.git_folder(site.folder)) == 1
    assert last(site.folder).facts == said
    assert site.ask("/python/simple/demo/").status_code == 200
    assert run_git(data.git_folder(site.folder), "fsck", "--strict", "--full", "--no-dangling") == ""


def test_health_shows_the_operator_s_people_what_the_last_run_did(server: Server) -> None:
    url, who = f"{server.url}/-/health", authorization(server.token)
    assert json.loads(ask(url, Authorization=who).body)["maintenance"] == {}
    said = json.loads(waybill("maintain", "--data", str(server.data)).stdout)
    assert json.loads(ask(url, Authorization=who).body)["maintenance"] == said
    assert "maintenance" not in json.loads(ask(url).body)


def test_without_c_git_it_does_the_rest_and_says_what_is_missing(site: Site) -> None:
    env = {**CLEAN, "PATH": "/nonexistent"}
    command = [*WAYBILL, "maintain", "--data", str(site.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env, timeout=60)
    assert json.loads(done.stdout)["git"] is None
    assert "Install C git" in done.stderr


def test_a_folder_without_an_installation_is_refused(tmp_path: Path) -> None:
    done = waybill("maintain", "--data", str(tmp_path), check=False)
    assert done.returncode == 1
    assert "holds no installation" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_only_one_maintains_at_a_time(site: Site) -> None:
    with (site.folder / "maintenance.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="maintained by another process"):
            maintain(site.installation, place(site), None, NOW)
    assert maintain(site.installation, place(site), None, NOW)["problems"] == []


def test_what_fails_is_said_and_holds_up_nothing_else(site: Site, tmp_path: Path) -> None:
    broken = tmp_path / "git"
    broken.write_text('#!/bin/sh\necho "git version 2.40.1"\ncase "$*" in *version*) exit 0;; esac\nexit 1\n')
    broken.chmod(0o755)
    done = maintain(site.installation, place(site), str(broken), NOW)
    [problem] = done["problems"]
    assert problem.startswith("packs: git pack-objects failed")
    assert done["commits"] == 3
    assert last(site.folder).looked == NOW.timestamp()


def test_a_c_git_too_old_is_not_used(site: Site, tmp_path: Path) -> None:
    old = tmp_path / "git"
    old.write_text('#!/bin/sh\ncase "$*" in *version*) echo "git version 2.30.2"; exit 0;; esac\nexit 1\n')
    old.chmod(0o755)
    done = maintain(site.installation, place(site), str(old), NOW)
    assert (done["git"], done["problems"]) == (None, [])


def test_artifacts_without_a_file_are_looked_for_once_a_day_and_when_told_to(site: Site) -> None:
    with site.installation.blobs.incoming(100) as draft:
        draft.write(b"abandoned")
        site.installation.blobs.publish(draft)

    def unnamed(days: float, grace: timedelta | None = None) -> tuple[int, int]:
        done = maintain(site.installation, place(site), None, NOW + timedelta(days=days), grace)
        return done["artifacts_unnamed"], done["artifacts_removed"]

    assert unnamed(0) == (1, 0)
    assert unnamed(0.5, timedelta(days=1)) == (1, 0)
    assert unnamed(7.1) == (0, 1)
    with site.installation.blobs.incoming(100) as draft:
        draft.write(b"abandoned")
        site.installation.blobs.publish(draft)
    assert unnamed(7.2) == (0, 0)  # not looked at
    assert unnamed(7.3, timedelta(days=1)) == (1, 0)


def test_used_identity_tokens_and_ended_upload_tokens_are_forgotten(site: Site) -> None:
    state, ended = site.installation.state, NOW + timedelta(minutes=15)
    token = UploadToken("token00000", "0" * 64, ended, "github/acme/payments", {}, (), {}, {})
    assert state.exchange("of a job", ended, token, NOW)
    assert maintain(site.installation, place(site), None, NOW)["tokens_forgotten"] == 0
    assert maintain(site.installation, place(site), None, ended + timedelta(seconds=1))["tokens_forgotten"] == 2
    assert state.upload_token("token00000") is None


def test_it_is_due_after_an_hour_after_many_commits_and_when_nothing_is_known(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "EVERY_COMMITS", 20)
    assert due(site.installation, site.folder, NOW)
    maintain(site.installation, place(site), None, NOW)
    assert not due(site.installation, site.folder, NOW + timedelta(minutes=59))
    assert due(site.installation, site.folder, NOW + timedelta(minutes=61))
    assert due(site.installation, site.folder, NOW - timedelta(days=1))  # a clock that went back
    head = site.installation.store.head(LEDGER)
    commits = [NewCommit({"f": b"%d" % n}, f"change: {n}\n", WHO, WHO, head.time) for n in range(20)]
    site.installation.store.append(LEDGER, head, commits)
    assert due(site.installation, site.folder, NOW)
    for damaged in ("", "[]", "{}", '{"last": {"time": 7}, "looked": 0, "unnamed": {}}'):
        (site.folder / "maintenance.json").write_text(damaged)
        assert due(site.installation, site.folder, NOW)


def test_uploads_go_on_while_it_works_and_none_is_lost(server: Server) -> None:
    need("git")
    sent = dict(wheel("busy", f"1.{n}") for n in range(80))

    def send(filename: str) -> int:
        return upload(server.upload_url, server.token, filename, sent[filename]).status

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(send, filename) for filename in sent]
        runs = 0
        while runs < 2 or not all(answer.done() for answer in answers):
            said = waybill("maintain", "--data", str(server.data), "--grace", "1m", check=False).stdout
            assert json.loads(said)["problems"] == []
            runs += 1
    assert [answer.result() for answer in answers] == [200] * len(sent)
    on_page = listed(f"{server.url}/python/simple/", server.token, "busy")
    assert on_page.keys() == sent.keys()
    for file in list(on_page.values())[::10]:
        check_download(file, server.token)
    assert run_git(server.git, "fsck", "--strict", "--full", "--no-dangling") == ""
    assert run_git(server.git, "rev-list", "--count", "ledger").strip() == str(len(sent) + 2)


def test_a_server_maintains_by_itself_and_logs_it(tmp_path: Path) -> None:
    need("git")
    server = new_server(tmp_path)
    program = "import registry.cli, registry.cli.maintain as m; m.PAUSE = 0.2; registry.cli.main()"
    command = [sys.executable, "-c", program, "serve", str(server.data), "--bind", f"127.0.0.1:{server.port}"]
    with (tmp_path / "serve.log").open("ab") as log:
        server.process = subprocess.Popen(command, stdout=log, stderr=log, env=CLEAN, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not last(server.data).facts and time.monotonic() < deadline:
            time.sleep(0.1)
        said = last(server.data).facts
        assert said.get("problems") == [], server.log()
        while json.dumps(said["time"]) not in server.log() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert upload(server.upload_url, server.token, *wheel("after", "1.0")).status == 200
        assert server.stop() == 0
    finally:
        server.kill()
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith('{"event": "maintenance"')]
    assert said in lines  # workers that looked at once may each have run
