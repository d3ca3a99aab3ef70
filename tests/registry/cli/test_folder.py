"""The folder of an installation: whole or not there, closed to others, and made by one command only."""

import os
import resource
import shutil
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.blobs.local import FREE_RESERVE
from registry.cli import data
from registry.errors import Conflict
from registry.model import UploadToken
from registry.state import State
from tests.running import CLEAN, WAYBILL, run_git, serving, waybill
from tests.tracing import lacking


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--admin", "no"),
        ("--admin", "everyone"),
        ("--admin", "anyone"),
        ("--admin", "1.0"),
        ("--admin", "Alice"),
        ("--organization", "1.0"),
        ("--organization", "null"),
        ("--organization", "2026-01-31"),
        ("--organization", "Acme Ltd"),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_a_name_the_policy_cannot_hold_is_refused_before_anything_is_made(
    tmp_path: Path, option: str, name: str, there: bool
) -> None:
    folder = tmp_path / "data"
    if there:
        folder.mkdir()
    said = waybill("init", str(folder), option, name, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith(f"waybill: {option}: '{name}' cannot be used")
    assert said.stderr.count("\n") == 1
    assert list(tmp_path.rglob("*")) == ([folder] if there else [])
    assert waybill("init", str(folder)).returncode == 0


@pytest.mark.parametrize(("organization", "admin"), [("acme", "admin"), ("a", "z"), ("1-2", "0.x_y-"), ("a.b", "team")])
def test_the_policy_of_a_new_installation_has_no_problem(tmp_path: Path, organization: str, admin: str) -> None:
    installation = data.create(tmp_path / "data", organization, admin)
    assert installation.policy().problems() == []
    assert list(installation.policy().accounts()) == [admin]
    assert installation.policy().organization().organization == organization


@pytest.mark.parametrize("there", [True, False])
def test_nobody_else_enters_the_folder(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "deeper" / "data"
    if there:
        folder.mkdir(parents=True, mode=0o755)
    waybill("init", str(folder))
    assert (_mode(folder), _mode(folder / "waybill.git")) == (0o700, 0o700)
    assert sorted(path.name for path in folder.iterdir()) == ["state.sqlite", "waybill.git"]
    run_git(folder / "waybill.git", "fsck", "--full", "--strict")


def test_serve_makes_the_same_folder_on_first_use(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.kill()
        (server.data / "waybill.git").rename(tmp_path / "away")
        server.start()
        assert (_mode(server.data), _mode(server.git)) == (0o700, 0o700)
        assert "Made" in server.log()


def test_a_new_installation_knows_nothing_of_one_that_is_gone(tmp_path: Path) -> None:
    folder, now = tmp_path / "data", datetime.now(UTC)
    data.create(folder, "acme", "alice")
    state = State(folder / data.STATE)
    token = UploadToken("token00000", "0" * 64, now + timedelta(hours=1), "github/acme/x", {}, (), {}, {})
    assert state.exchange("of a job", token.expires, token, now)
    state.close()
    shutil.rmtree(folder / "waybill.git")
    state = data.create(folder, "acme", "alice").state
    assert state.upload_token("token00000") is None
    assert state.begin() == 0
    state.close()


def test_the_folder_may_be_a_link_to_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    waybill("init", str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "waybill.git" / "HEAD").exists()


def test_an_installation_is_never_made_over_another(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    waybill("init", str(folder))
    before = run_git(folder / "waybill.git", "rev-parse", "main", "ledger")
    said = waybill("init", str(folder), check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert f"{folder} holds an installation already; 'waybill token create' makes a token for it" in said.stderr
    assert run_git(folder / "waybill.git", "rev-parse", "main", "ledger") == before


@pytest.mark.parametrize("there", [True, False])
def test_of_commands_making_one_folder_at_once_one_wins_and_the_others_say_so(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "data"
    if there:
        folder.mkdir()
    command = [*WAYBILL, "init", str(folder)]
    pipe = subprocess.PIPE
    racing = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=CLEAN) for _ in range(6)]
    said = [(*process.communicate(timeout=60), process.returncode) for process in racing]
    [secret] = [out.strip() for out, _, code in said if code == 0]
    lost = [err for _, err, code in said if code]
    assert len(lost) == 5
    for err in lost:
        assert "is making an installation in" in err or "holds an installation already" in err
    assert sorted(path.name for path in folder.iterdir()) == ["state.sqlite", "waybill.git"]
    assert secret.split("_")[1] in waybill("token", "list", "--data", str(folder)).stdout


def test_of_threads_making_one_folder_at_once_one_wins(tmp_path: Path) -> None:
    start, outcome = threading.Barrier(4), []

    def make() -> None:
        start.wait()
        try:
            data.create(tmp_path / "data", "acme", "alice")
        except Conflict as lost:
            outcome.append(str(lost))
        else:
            outcome.append("made")

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(outcome), outcome.count("made")) == (4, 1)
    assert data.open_installation(tmp_path / "data").policy().problems() == []


@pytest.mark.parametrize("command", ["init", "serve"])
def test_who_comes_while_a_folder_is_being_made_is_told_so(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "data"
    with data.making(folder, "acme", "alice"):
        said = waybill(command, str(folder), check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == f"waybill: Another command is making an installation in {folder} now; use that one\n"
    assert data.open_installation(folder).policy().problems() == []


def test_what_a_killed_init_left_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    waybill("init", str(folder))
    (folder / "waybill.git").rename(folder / "waybill.git.unfinished")
    (folder / "waybill.git.unfinished" / "HEAD").write_text("half")
    said = waybill("log", "--data", str(folder), check=False)
    assert f"holds no installation; make one with 'waybill init {folder}'" in said.stderr
    waybill("init", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["state.sqlite", "waybill.git"]


@pytest.mark.parametrize("largest", [0, 100, 240, 260])
def test_a_failure_half_way_leaves_nothing(tmp_path: Path, largest: int) -> None:
    made = tmp_path / "data"
    (tmp_path / "empty").mkdir()
    for folder in (made, tmp_path / "empty"):
        said = subprocess.run(
            [*WAYBILL, "init", str(folder)],
            capture_output=True, text=True, check=False, timeout=60, env={**CLEAN, "PYTHONDONTWRITEBYTECODE": "1"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
        )  # fmt: skip
        assert (said.returncode, said.stdout) == (1, "")
        assert "File too large" in said.stderr
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]
    waybill("init", str(made))


@pytest.fixture(params=["4k", "16k", "64k", "1m"])
def full_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system with next to no room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "none", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        lacking("mounting a small disk takes root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("command", ["init", "serve"])
def test_a_full_disk_is_told_in_one_sentence_and_leaves_nothing(full_disk: Path, command: str) -> None:
    for folder in (full_disk, full_disk / "data"):
        said = waybill(command, str(folder), check=False)
        assert (said.returncode, said.stdout) == (1, "")
        assert said.stderr == (
            f"waybill: The disk of {folder} has less than 64 MiB left; "
            "free some space, or name a folder on another disk\n"
        )
        assert list(full_disk.iterdir()) == []
    subprocess.run(["mount", "-o", f"remount,size={2 * FREE_RESERVE}", str(full_disk)], check=True)
    assert waybill("init", str(full_disk)).returncode == 0  # also where a disk is mounted, which nothing can replace


def test_a_folder_lent_by_somebody_else_is_used_and_the_git_repository_closed() -> None:
    if os.geteuid() != 0:
        lacking("becoming somebody else takes root")
    with tempfile.TemporaryDirectory() as above:  # where others may pass, unlike tmp_path
        Path(above).chmod(0o755)
        lent = Path(above) / "lent"
        lent.mkdir()
        lent.chmod(0o777)
        os.seteuid(65534)
        try:
            assert data.create(lent, "acme", "alice").policy().problems() == []
        finally:
            os.seteuid(0)
        assert (_mode(lent), _mode(lent / "waybill.git")) == (0o777, 0o700)
