"""After a crash: what was left behind is put right, and what is really lost stops the start."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry.cli import data
from registry.errors import Unavailable
from registry.installation import Installation, Writing
from registry.model import Decision, File, Origin, Sha256
from registry.names import distribution
from registry.records import file_record, pointer
from registry.recovery import recover
from registry.store import LEDGER, POLICY, NewCommit, Signature, Snapshot
from tests.archives import wheel
from tests.packing import loose, loosen, packs
from tests.running import run_git, waybill

WHO = Signature("alice", "alice@acme.example")
FOLDER = "python/2a/demo"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return data.create(tmp_path / "data", "acme", "alice")


@pytest.fixture
def git(installation: Installation, tmp_path: Path) -> Path:
    """A bare git repository whose ledger has three files."""
    for minor in range(3):
        publish(installation, f"1.{minor}")
    return tmp_path / "data" / "waybill.git"


def publish(installation: Installation, version: str) -> File:
    name, content = wheel("demo", version)
    with installation.blobs.incoming(1 << 20) as draft:
        draft.write(content)
        sha256 = installation.blobs.publish(draft)

    def record(writing: Writing) -> File:
        file = File(
            dist=distribution(name),
            sha256=sha256,
            size=len(content),
            uploaded=writing.now,
            requires_python=None,
            metadata_sha256=None,
            origin=Origin("operator", "operator"),
            decision=Decision("0" * 40, "operator"),
        )
        path = f"{FOLDER}/{version}/{name}"
        changes: dict[str, bytes | None] = {
            path: pointer(sha256, file.size),
            f"{path}.json": file_record(file, "python"),
        }
        writing.record(f"publish: demo {version}", (), changes, file.origin, file.decision)
        return file

    return installation.write(None, record)[0]


def artifact_path(git: Path, sha256: str) -> Path:
    return git / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256


def entry_id(snapshot: Snapshot, path: str) -> str:
    entry = snapshot.entry(path)
    assert entry
    return entry.id


def age(path: Path) -> None:
    os.utime(path, (time.time() - 60, time.time() - 60))


def test_a_sound_installation_starts_without_a_word(git: Path) -> None:
    assert recover(git) == []


def test_a_folder_without_an_installation_is_left_alone(tmp_path: Path) -> None:
    assert recover(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "lock", ["HEAD.lock", "config.lock", "packed-refs.lock", "refs/heads/ledger.lock", "refs/heads/change/x.lock"]
)
def test_a_stale_lock_file_is_removed_and_said(git: Path, lock: str) -> None:
    (git / lock).parent.mkdir(exist_ok=True)
    (git / lock).touch()
    age(git / lock)
    assert recover(git) == [f"Removed {lock}, which a killed process left behind"]
    assert not (git / lock).exists()
    assert recover(git) == []


def test_a_lock_file_of_a_living_process_is_not_taken_away(git: Path) -> None:
    lock = git / "refs" / "heads" / "main.lock"
    program = "import os,sys,time\nfor _ in range(100): os.utime(sys.argv[1]); time.sleep(0.1)"
    lock.touch()
    owner = subprocess.Popen([sys.executable, "-c", program, str(lock)])
    try:
        assert recover(git) == []
        assert lock.exists()
    finally:
        owner.kill()
        owner.wait()


def test_unfinished_packs_are_removed_and_those_of_git_left_to_git(git: Path) -> None:
    folder = git / "objects" / "pack"
    before = {path.name for path in folder.iterdir()}
    name = f"waybill-100-{'0' * 40}"
    for left in ("tmp_obj_waybill_77_1_pack", "tmp_obj_waybill_77_1_idx"):  # killed while writing
        (folder / left).write_bytes(b"half")
    for left in (f"{name}.pack", f"{name}.keep"):  # killed between the two names
        (folder / left).write_bytes(b"half")
    (folder / f"{name.replace('100', '200')}.idx").write_bytes(b"x")  # killed while removing a merged pack
    (folder / "tmp_pack_Ab3dEf").write_bytes(b"half")
    kept = next(folder.glob("waybill-*.idx")).with_suffix(".keep")  # killed just before or after the branch moved
    kept.touch()
    assert recover(git) == ["Removed 3 unfinished packs of killed processes"]
    assert {path.name for path in folder.iterdir()} == before | {"tmp_pack_Ab3dEf"}
    assert recover(git) == []


@pytest.mark.parametrize("suffix", [".pack", ".idx"])
@pytest.mark.parametrize("size", [0, 100, -1])
def test_a_pack_that_was_cut_stops_the_start(git: Path, suffix: str, size: int) -> None:
    pack = packs(git)[0]
    cut = pack.with_suffix(suffix)
    good = cut.read_bytes()
    cut.write_bytes(good[:size])
    for _ in range(2):
        with pytest.raises(Unavailable, match=rf"{pack.name} or its index was cut.*Restore"):
            recover(git)
    cut.write_bytes(good)
    assert recover(git) == []


def test_an_empty_object_that_nothing_needs_is_removed_and_said(git: Path) -> None:
    empty = git / "objects" / "ab" / ("0" * 38)
    empty.parent.mkdir(exist_ok=True)
    empty.touch()
    assert recover(git) == [f"Removed objects/ab/{'0' * 38}, which is empty"]
    assert recover(git) == []
    assert run_git(git, "fsck", "--full", "--strict") == ""


def test_drafts_of_killed_uploads_are_removed_and_those_of_living_ones_kept(
    git: Path, installation: Installation
) -> None:
    dead = git / "lfs" / "tmp" / "upload-dead"
    dead.write_bytes(b"half")
    other = git / "lfs" / "tmp" / "belongs-to-git-lfs"
    other.touch()
    with installation.blobs.incoming(100) as draft:
        draft.write(b"living")
        assert recover(git) == ["Removed 1 unfinished uploads of killed processes"]
        assert draft.path.read_bytes() == b"living"
        installation.blobs.publish(draft)
    assert not dead.exists()
    assert other.exists()


def test_recovery_waits_until_another_server_has_finished_its_commit(git: Path) -> None:
    program = (
        "import sys,time\nfrom pathlib import Path\nfrom registry.store.git import GitStore\n"
        "with GitStore(Path(sys.argv[1])).lock():\n"
        "  print('held', flush=True); time.sleep(0.5); print('done', flush=True)"
    )
    other = subprocess.Popen([sys.executable, "-c", program, str(git)], stdout=subprocess.PIPE, text=True)
    assert other.stdout
    assert other.stdout.readline() == "held\n"
    assert recover(git) == []
    assert other.stdout.readline() == "done\n"
    other.communicate()


def flipped(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "changed": lambda path: path.write_bytes(flipped(path.read_bytes())),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("what", ["commit", "older commit", "root", "folder", "record", "policy file"])
def test_damage_to_what_is_needed_stops_the_start_until_it_is_restored(
    git: Path, installation: Installation, what: str, damage: str
) -> None:
    ledger, policy = installation.store.head(LEDGER), installation.store.head(POLICY)
    object_id = {
        "commit": ledger.id,
        "older commit": [c.id for c in installation.store.history(ledger)][2],
        "root": entry_id(ledger, ""),
        "folder": entry_id(ledger, f"{FOLDER}/1.2"),
        "record": entry_id(ledger, f"{FOLDER}/1.0/demo-1.0-py3-none-any.whl.json"),
        "policy file": entry_id(policy, "waybill.yaml"),
    }[what]
    loosen(git)
    path = loose(git, object_id)
    good = path.read_bytes()
    DAMAGE[damage](path)
    for _ in range(2):  # refusing once and then serving would hide it
        with pytest.raises(Unavailable, match=rf"{object_id}.*Nothing is served\. Restore"):
            recover(git)
    path.write_bytes(good)
    assert recover(git) == []


def test_an_old_empty_object_that_is_needed_stops_the_start(git: Path, installation: Installation) -> None:
    old = entry_id(installation.store.head(LEDGER), f"{FOLDER}/1.0/demo-1.0-py3-none-any.whl.json")
    with installation.store.lock():
        for n in range(25):
            change = NewCommit({"tokens/x.json": b"%d" % n}, f"x: {n}\n", WHO, WHO, 1_900_000_000)
            installation.store.append(LEDGER, installation.store.head(LEDGER), [change])
    loosen(git)
    path = loose(git, old)
    good = path.read_bytes()
    path.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(Unavailable, match=rf"{old} is empty.*needs it"):
            recover(git)
    path.write_bytes(good)
    assert recover(git) == []


@pytest.mark.parametrize("branch", ["main", "ledger"])
@pytest.mark.parametrize("content", [b"", b"\0" * 41, b"f" * 40 + b"\n"], ids=["empty", "zeros", "dangling"])
def test_a_damaged_branch_stops_the_start(git: Path, branch: str, content: bytes) -> None:
    (git / "refs" / "heads" / branch).write_bytes(content)
    with pytest.raises(Unavailable, match=r"Nothing is served\. Restore"):
        recover(git)


def test_a_missing_branch_stops_the_start(git: Path) -> None:
    (git / "refs" / "heads" / "ledger").unlink()
    with pytest.raises(Unavailable, match="no branch 'ledger'"):
        recover(git)


def test_a_lost_or_cut_artifact_stops_the_start_and_a_deleted_one_does_not(
    git: Path, installation: Installation
) -> None:
    file = publish(installation, "2.0")
    path = artifact_path(git, file.sha256)
    good = path.read_bytes()
    path.unlink()
    with pytest.raises(Unavailable, match=r"demo-2.0-py3-none-any.whl, sha256 \w+, is not there"):
        recover(git)
    path.write_bytes(good[:-1])
    with pytest.raises(Unavailable, match=f"has {len(good) - 1} instead of {len(good)} bytes"):
        recover(git)
    path.write_bytes(good)
    assert recover(git) == []
    assert installation.blobs.size(Sha256("0" * 64)) is None


def test_serve_says_damage_in_one_sentence_and_exits_1(git: Path, installation: Installation) -> None:
    loosen(git)
    loose(git, installation.store.head(LEDGER).id).write_bytes(b"")
    done = waybill("serve", str(git.parent), "--bind", "127.0.0.1:65535", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("waybill: ")
    assert "Nothing is served" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_packed_git_repository_is_checked_the_same(git: Path) -> None:
    run_git(git, "repack", "-adq")
    run_git(git, "pack-refs", "--all")
    assert recover(git) == []
    (pack,) = (git / "objects" / "pack").glob("*.pack")
    pack.chmod(0o644)
    content = bytearray(pack.read_bytes())
    content[len(content) // 3 : len(content) // 2] = b"\0" * (len(content) // 2 - len(content) // 3)
    pack.write_bytes(content)
    with pytest.raises(Unavailable, match=r"damaged|missing"):
        recover(git)


def test_recovery_of_a_waiting_lock_leaves_the_lock_itself(git: Path) -> None:
    with (git / "waybill.lock").open("rb") as lock:
        age(git / "waybill.lock")
        recover(git)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert (git / "waybill.lock").stat().st_ino == os.fstat(lock.fileno()).st_ino


def test_what_a_killed_push_had_brought_is_removed_and_one_under_way_is_not(git: Path) -> None:
    for name, age in (("tmp_objdir-incoming-old", 2 * 24 * 3600), ("tmp_objdir-incoming-new", 60)):
        draft = git / "objects" / name
        (draft / "pack").mkdir(parents=True)
        os.utime(draft, (time.time() - age,) * 2)
    assert "Removed what 1 pushes brought that were never let in" in recover(git)
    assert [found.name for found in (git / "objects").glob("tmp_objdir*")] == ["tmp_objdir-incoming-new"]
