"""`waybill scrub`: damage is named with its file and its repair, and a sound folder is never accused."""

import json
import os
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.cli import main
from registry.cli.data import cache_folder, sessions_file
from registry.durable import DRAFT
from registry.sessions import Sessions
from tests.archives import wheel
from tests.faults.uploads import Uploads
from tests.legacy_client import upload
from tests.running import CLEAN, WAYBILL, Server, new_server, run_git, waybill


@pytest.fixture
def stored(tmp_path: Path) -> Server:
    """An installation with one wheel, not served any more."""
    server = new_server(tmp_path)
    server.start()
    try:
        filename, content = wheel("demo", "1.0")
        assert upload(server.upload_url, server.token, filename, content).status == 200
    finally:
        server.stop()
    return server


def commit(server: Server, path: str, content: bytes | None) -> None:
    """Write to the ledger what no server would, as whoever owns the disk can."""
    change = b"D %s\n" % path.encode() if content is None else b"M 100644 inline %s\n" % path.encode() + data(content)
    head = b"commit refs/heads/ledger\ncommitter eve <eve@acme.example> 1800000000 +0000\n" + data(b"damage\n")
    pour(server.git, "fast-import --quiet", head + b"from refs/heads/ledger^0\n" + change)


def data(content: bytes) -> bytes:
    """Write content as git-fast-import(1) reads it."""
    return b"data %d\n%s\n" % (len(content), content)


def pour(git: Path, command: str, stream: bytes) -> None:
    subprocess.run(["git", "-C", str(git), *command.split()], input=stream, check=True, timeout=60, env=CLEAN)


def scrubbed(server: Server, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What is damaged, and how."""
    code = main(["scrub", "--data", str(server.data), "--json"])
    damaged = json.loads(capsys.readouterr().out)["damaged"]
    assert code == (1 if damaged else 0)
    assert all(d["repair"] for d in damaged)
    return {d["file"]: d["problem"] for d in damaged}


def test_a_sound_folder_is_not_accused(stored: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert scrubbed(stored, capsys) == {}
    assert main(["scrub", "--data", str(stored.data)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "none damaged" in said.err


def test_a_page_that_was_never_finished_and_sessions_of_browsers_are_no_damage(
    stored: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    Sessions(sessions_file(stored.data)).begin("abcdefghij", datetime.now(UTC))
    (cache_folder(stored.data) / "00").mkdir(parents=True, exist_ok=True)
    (cache_folder(stored.data) / "00" / f"{DRAFT}page_1_2").write_bytes(b"half a pa")
    assert scrubbed(stored, capsys) == {}
    for beside in ("-wal", "-shm"):  # from which SQLite would repair it, where a connection is still open
        sessions_file(stored.data).with_name(sessions_file(stored.data).name + beside).unlink(missing_ok=True)
    sessions_file(stored.data).write_bytes(b"no database, whatever its name says")
    assert scrubbed(stored, capsys).keys() == {"sessions.sqlite"}


def test_a_folder_without_an_installation_is_refused_in_words(tmp_path: Path) -> None:
    refused = waybill("scrub", "--data", str(tmp_path), check=False)
    assert refused.returncode == 1
    assert "holds no installation" in refused.stderr


def path_of(server: Server) -> str:
    """Where the ledger keeps the one wheel's pointer."""
    names = run_git(server.git, "ls-tree", "-r", "--name-only", "ledger").splitlines()
    return next(name for name in names if name.endswith(".whl"))


@pytest.mark.parametrize(
    ("suffix", "content", "problem"),
    [
        ("", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "pointer beside it"),
        ("", None, "pointer beside it"),
        (".metadata", b"Metadata-Version: 2.4\nName: other\nVersion: 1.0\n", "metadata beside it"),
        (".metadata", None, "metadata beside it"),
        (".attestations.json", b"[]", "attestations beside it"),
        (".json", b"{}", "cannot be read"),
        (".json", b"[", "cannot be read"),
    ],
)
def test_a_record_that_contradicts_what_lies_beside_it_is_found(
    stored: Server, capsys: pytest.CaptureFixture[str], suffix: str, content: bytes | None, problem: str
) -> None:
    path = path_of(stored)
    commit(stored, path + suffix, content)
    found = scrubbed(stored, capsys)
    assert list(found) == [f"waybill.git: ledger:{path}.json"]
    assert problem in found[f"waybill.git: ledger:{path}.json"]


@pytest.mark.parametrize(
    "name", ["tokens/x.json", "changes/x.json", "python/2a/x/project.json", "python/2a/x/1.0/release.json"]
)
def test_any_record_that_cannot_be_read_is_found(stored: Server, capsys: pytest.CaptureFixture[str], name: str) -> None:
    commit(stored, name, b'{"yanked": 1}')
    assert list(scrubbed(stored, capsys)) == [f"waybill.git: ledger:{name}"]


def lose_branch(git: Path) -> str:
    (git / "refs" / "heads" / "ledger").unlink()
    return "waybill.git/refs/heads/ledger"


def tear_branch(git: Path) -> str:
    (git / "refs" / "heads" / "main").write_bytes(b"")
    return "waybill.git/refs/heads/main"


def misplace_packed_branch(git: Path) -> str:
    run_git(git, "pack-refs", "--all")
    packed = git / "packed-refs"
    packed.write_text(packed.read_text().replace("refs/heads/main", "refs/heads/mbin"))
    return "waybill.git/refs/heads/main"


def tear_packed_branch(git: Path) -> str:
    run_git(git, "pack-refs", "--all")
    packed = git / "packed-refs"
    tip = run_git(git, "rev-parse", "ledger").strip()
    packed.write_text(packed.read_text().replace(tip, tip[:-1] + ("0" if tip[-1] != "0" else "1")))
    return "waybill.git/packed-refs"


def lose_history(git: Path) -> str:
    run_git(git, "repack", "-q", "-a", "-d")
    for pack in list((git / "objects" / "pack").glob("*.pack")):
        content = pack.read_bytes()
        for file in pack.parent.glob(f"{pack.stem}.*"):
            file.unlink()
        pour(git, "unpack-objects -q", content)
    oldest = run_git(git, "rev-list", "--max-parents=0", "ledger").strip()
    for pack in (git / "objects" / "pack").glob("*.pack"):
        aside = pack.rename(git.parent / pack.name)
        pack.with_suffix(".idx").unlink()
        with aside.open("rb") as stream:
            subprocess.run(["git", "-C", str(git), "unpack-objects", "-q"], stdin=stream, check=True, env=CLEAN)
    (git / "objects" / oldest[:2] / oldest[2:]).unlink()
    return f"waybill.git: object {oldest}"


def spoil_head(git: Path) -> str:
    (git / "HEAD").write_text("rdf: refs/heads/main\n")
    return "waybill.git/HEAD"


@pytest.mark.parametrize(
    "spoil", [lose_branch, tear_branch, misplace_packed_branch, tear_packed_branch, lose_history, spoil_head]
)
def test_what_git_needs_is_missed(
    stored: Server, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], str]
) -> None:
    wanted = spoil(stored.git)
    assert wanted in scrubbed(stored, capsys)


def test_a_live_server_is_not_accused_while_it_writes_and_git_repacks(server: Server) -> None:
    uploads, over = Uploads(server), threading.Event()

    def repack() -> None:
        while not over.wait(0.3):
            run_git(server.git, "repack", "-q", "-d")

    repacking = threading.Thread(target=repack)
    with uploads.running(4):
        repacking.start()
        try:
            for _ in range(4):
                said = waybill("scrub", "--data", str(server.data), check=False)
                assert (said.returncode, said.stdout) == (0, ""), said
        finally:
            over.set()
            repacking.join()
    assert uploads.acknowledged


def test_how_far_it_is_is_shown_on_a_terminal_only(stored: Server) -> None:
    quiet = waybill("scrub", "--data", str(stored.data))
    assert "\r" not in quiet.stderr
    ours, its = os.openpty()
    try:
        subprocess.run([*WAYBILL, "scrub", "--data", str(stored.data)], stderr=its, check=True, timeout=60, env=CLEAN)
        assert b"files" in os.read(ours, 10_000)
    finally:
        os.close(ours)
        os.close(its)
