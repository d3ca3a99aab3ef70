"""Packs stay few, and nobody who reads or writes meanwhile notices; C git is the independent reader."""

import os
import random
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from registry.errors import Unavailable
from registry.store import LEDGER, NewCommit, Signature
from registry.store.git import GitStore
from registry.store.merging import FAN, LARGEST_MERGED, QUICK, due, merge
from registry.store.recovery import repair
from tests.packing import packs
from tests.running import run_git
from tests.tracing import trace

WHO = Signature("alice", "alice@acme.example")
MERGE = """
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from registry.store.merging import merge
folder = Path(sys.argv[1], "objects", "pack")
merge(folder, sorted(folder.glob("waybill-*.pack")), nullcontext())
"""


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    made = GitStore.create(tmp_path / "waybill.git")
    made.append(LEDGER, None, [NewCommit({"n/first": b"1"}, "begin\n", WHO, WHO, 1)])
    return made


def write(store: GitStore, name: str, content: bytes = b"x") -> None:
    with store.lock():
        head = store.head(LEDGER)
        store.append(LEDGER, head, [NewCommit({f"n/{name}": content}, "publish: x\n", WHO, WHO, 1)])


def until_set(stop: threading.Event, work: Callable[[], None]) -> int:
    """Do something again and again, and count."""
    done = 0
    while not stop.is_set():
        work()
        done += 1
    return done


def check(store: GitStore, files: int) -> None:
    """Everything is there, for a reader that has kept nothing, and for C git."""
    head = GitStore(store.path).head(LEDGER)
    assert {head.read(f"n/{name}") for name in head.entries("n")} - {b"1", b"x"} == set()
    assert len(head.entries("n")) == files
    assert run_git(store.path, "fsck", "--full", "--strict", "--no-dangling") == ""
    assert run_git(store.path, "rev-list", "--count", "ledger").strip() == str(files)


def test_many_uploads_leave_few_packs_and_nothing_that_git_calls_garbage(store: GitStore) -> None:
    for n in range(300):
        write(store, str(n))
        assert len(packs(store.path)) <= 3 * FAN
    check(store, 301)
    counted = dict(line.split(": ") for line in run_git(store.path, "count-objects", "-v").splitlines())
    assert int(counted["packs"]) == len(packs(store.path))
    assert (counted["garbage"], counted["count"], counted["prune-packable"]) == ("0", "0", "0")
    assert {p.suffix for p in (store.path / "objects" / "pack").iterdir()} == {".pack", ".idx"}


def test_an_object_that_several_packs_hold_is_in_the_merged_one_once(store: GitStore) -> None:
    for n in range(FAN):
        write(store, f"{n}", b"x" * 2000)  # the same content under each name
        write(store, f"{n}", b"1" * 2000)
    listed = [line.split()[0] for pack in packs(store.path) for line in _verified(pack)]
    assert len([i for i in listed if i == _blob(b"x" * 2000)]) < FAN
    for pack in packs(store.path):
        inside = [line.split()[0] for line in _verified(pack)]
        assert len(set(inside)) == len(inside)


def test_large_packs_are_left_to_maintenance_which_holds_up_no_upload(store: GitStore) -> None:
    noise = random.Random(1)  # noqa: S311 - content that does not shrink
    for n in range(FAN):
        write(store, f"large-{n}", noise.randbytes(QUICK))
    before = len(packs(store.path))
    assert before >= FAN
    with store.lock():  # copying needs no lock, only putting the result in place
        maintenance = threading.Thread(target=store.consolidate)
        maintenance.start()
        maintenance.join(0.3)
        assert maintenance.is_alive()
        store.append(LEDGER, store.head(LEDGER), [NewCommit({"n/meanwhile": b"x"}, "publish: x\n", WHO, WHO, 1)])
    maintenance.join()
    assert len(packs(store.path)) <= before - FAN + 2
    assert due(store.path / "objects" / "pack", LARGEST_MERGED) == []
    assert store.head(LEDGER).read("n/meanwhile") == b"x"
    assert run_git(store.path, "fsck", "--full", "--strict", "--no-dangling") == ""


def test_packs_of_git_are_never_merged(store: GitStore) -> None:
    theirs = []
    for n in range(FAN):
        write(store, f"{n}")
        run_git(store.path, "repack", "-q")
        objects = run_git(store.path, "rev-list", "--objects", "ledger").replace(" ", "\n").splitlines()[:2]
        name = subprocess.run(
            ["git", "-C", store.path, "pack-objects", "-q", "objects/pack/pack"],
            input="\n".join(objects) + "\n",
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        theirs.append(f"pack-{name}.pack")
    store.consolidate()
    assert set(theirs) <= {pack.name for pack in packs(store.path)}


@pytest.mark.parametrize("by_hand", [["repack", "-adq"], ["repack", "-dq"], ["gc", "-q"], ["gc", "-q", "--prune=now"]])
def test_what_git_packs_by_hand_does_not_confuse_a_running_store(store: GitStore, by_hand: list[str]) -> None:
    reader = GitStore(store.path)
    for n in range(3 * FAN):
        write(store, f"{n}")
        if n % 10 == 9:
            assert reader.head(LEDGER).read(f"n/{n}") == b"x"
            run_git(store.path, *by_hand)
    assert reader.head(LEDGER).read("n/0") == b"x"
    check(store, 3 * FAN + 1)


def test_an_index_over_several_packs_does_not_outlive_those_it_names(store: GitStore) -> None:
    for n in range(FAN - 2):
        write(store, f"{n}")
    run_git(store.path, "multi-pack-index", "write")
    reader = GitStore(store.path)
    assert reader.head(LEDGER).read("n/0") == b"x"
    for n in range(FAN):
        write(store, f"more-{n}")
    check(store, 2 * FAN - 1)
    assert reader.head(LEDGER).read("n/more-1") == b"x"


def test_readers_and_clones_survive_packs_that_go(store: GitStore, tmp_path: Path) -> None:
    other = GitStore(store.path)

    def read() -> None:
        for reader in (other, GitStore(store.path)):  # one with open packs, one that opens them now
            head = reader.head(LEDGER)
            assert {head.read(f"n/{name}") for name in head.entries("n")} <= {b"1", b"x"}
            for commit in reader.history(head):
                assert reader.objects.is_commit(commit.id)

    def clone() -> None:
        to = tmp_path / f"clone-{threading.get_ident()}-{len(os.listdir(tmp_path))}"  # noqa: PTH208
        run_git(tmp_path, "clone", "-q", "-b", "ledger", f"file://{store.path}", str(to))

    with ThreadPoolExecutor(3) as pool:
        stop = threading.Event()
        busy = [pool.submit(until_set, stop, work) for work in (read, read, clone)]
        for n in range(150):
            write(store, str(n))
            if n % 3 == 2:  # far more often than a server does
                with store.lock():
                    merge(store.path / "objects" / "pack", packs(store.path), nullcontext())
        stop.set()
        assert min(work.result() for work in busy) > 2
    check(store, 151)


@pytest.mark.parametrize(("call", "most"), [("fsync", 4), ("rename", 2), ("unlink", 9)])
def test_killed_anywhere_in_a_merge_nothing_is_lost_and_the_next_start_sweeps(
    store: GitStore, tmp_path: Path, call: str, most: int
) -> None:
    for nth in range(1, most + 1):
        write(store, f"{nth}")
        write(store, f"{nth}-more")
        trace(tmp_path, MERGE, str(store.path), inject=f"{call}:signal=KILL:when={nth}")
        check(store, 1 + 2 * nth)
        with store.lock():
            repair(store.path, store)
        left = {path.suffix for path in (store.path / "objects" / "pack").iterdir()}
        assert left == {".pack", ".idx"}
        check(store, 1 + 2 * nth)


@pytest.mark.parametrize(("suffix", "at"), [(".pack", 1500), (".idx", 1040), (".idx", 1100), (".idx", -1)])
def test_a_damaged_pack_is_not_merged_and_uploads_go_on(store: GitStore, suffix: str, at: int) -> None:
    write(store, "large", os.urandom(3000))
    damaged = max(packs(store.path), key=lambda pack: pack.stat().st_size)
    content = bytearray(damaged.with_suffix(suffix).read_bytes())
    content[at] ^= 1
    damaged.with_suffix(suffix).write_bytes(content)
    for n in range(2 * FAN):
        write(store, str(n))
    assert damaged.exists()
    with pytest.raises(Unavailable, match=f"{damaged.name} is damaged"):
        merge(store.path / "objects" / "pack", packs(store.path), store.lock())
    assert len(store.head(LEDGER).entries("n")) == 2 * FAN + 2


def test_a_full_disk_leaves_the_packs_as_they_were(store: GitStore, tmp_path: Path) -> None:
    for n in range(4):
        write(store, f"{n}")
    before = packs(store.path)
    trace(tmp_path, MERGE, str(store.path), inject="fsync:error=ENOSPC:when=1")
    assert packs(store.path) == before
    check(store, 5)


def _verified(pack: Path) -> list[str]:
    lines = run_git(pack.parent, "verify-pack", "-v", str(pack)).splitlines()
    return [line for line in lines if line.split()[1:2] in (["commit"], ["tree"], ["blob"])]


def _blob(content: bytes) -> str:
    program = ["git", "hash-object", "--stdin"]
    return subprocess.run(program, input=content, capture_output=True, check=True).stdout.decode().strip()
