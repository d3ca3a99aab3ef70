"""What git stores are known to get wrong, each as a promise; C git is the independent reader of what was written."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry.errors import Invalid, Moved, Unavailable
from registry.records import message
from registry.store import LEDGER, POLICY, NewCommit, Signature, Snapshot
from registry.store.git import GitStore
from registry.store.packs import OUR_DRAFT
from registry.store.refs import STALE_LOCK
from tests.packing import loose, loosen, packs
from tests.running import run_git
from tests.tracing import Call, trace

ALICE = Signature("alice", "alice@acme.example")
REGISTRY = Signature("Waybill", "registry@acme.example")
APPEND = """
import sys
from pathlib import Path
from registry.store import LEDGER, NewCommit, Signature
from registry.store.git import GitStore
store, who = GitStore(Path(sys.argv[1])), Signature("alice", "alice@acme.example")
with store.lock():
    head = store.append(LEDGER, store.head(LEDGER), [NewCommit({sys.argv[2]: b"x"}, "publish: x\\n", who, who, 1)])
print(head.id)
"""


def commit(changes: dict[str, bytes | None], text: str = "publish: demo\n", time: int = 1_800_000_000) -> NewCommit:
    return NewCommit(changes, text, ALICE, REGISTRY, time)


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    made = GitStore.create(tmp_path / "waybill.git")
    made.append(POLICY, None, [commit({"waybill.yaml": b"organization: acme\n"})])
    made.append(LEDGER, None, [commit({"python/00/first": b"1"})])
    return made


def write(store: GitStore, path: str, content: bytes = b"x") -> Snapshot:
    with store.lock():
        return store.append(LEDGER, store.head(LEDGER), [commit({path: content})])


def fsck(store: GitStore) -> None:
    """C git finds nothing wrong, dangling leftovers of crashes aside."""
    assert run_git(store.path, "fsck", "--full", "--strict", "--no-dangling") == ""


# What is acknowledged is flushed


def test_a_pack_then_its_folder_then_the_branch_then_its_folder_are_flushed(store: GitStore, tmp_path: Path) -> None:
    calls = trace(tmp_path, APPEND, str(store.path), "python/11/second")
    packs, heads = store.path / "objects" / "pack", store.path / "refs" / "heads"
    named = [n for n, c in enumerate(calls) if c.name == "rename" and Path(c.to).parent == packs]
    moved = [n for n, c in enumerate(calls) if c.name == "rename" and c.to == str(heads / LEDGER)]
    flushed = [(n, c.path) for n, c in enumerate(calls) if c.name == "fsync"]
    assert [Path(calls[n].to).suffix for n in named] == [".pack", ".idx"], "whoever sees an index finds the pack"
    assert len(moved) == 1
    for n in named:
        assert any(at < named[0] and path == calls[n].path for at, path in flushed), "both files before their names"
    assert any(named[-1] < at < moved[0] and path == str(packs) for at, path in flushed), "then the folder"
    assert any(at < moved[0] and path == calls[moved[0]].path for at, path in flushed), "the branch's new value"
    assert calls[moved[0] + 1] == Call("fsync", str(heads)), "and the folder of branches"


def test_until_the_branch_has_moved_no_repack_may_drop_the_pack(store: GitStore) -> None:
    repack = "import subprocess; subprocess.run(['git', '-C', store.path, 'repack', '-adq'], check=True)"
    program = APPEND.replace(
        "with store",
        f"move = store._branches.move\ndef late(*a):\n  {repack}\n  return move(*a)\n"
        "store._branches.move = late\nwith store",
    )
    subprocess.run([sys.executable, "-c", program, str(store.path), "python/11/second"], check=True)
    assert store.head(LEDGER).read("python/11/second") == b"x"
    assert not list(store.path.glob("objects/pack/*.keep"))
    fsck(store)


def test_a_new_installation_is_flushed_whole(tmp_path: Path) -> None:
    program = APPEND.partition("store, who")[0] + "GitStore.create(Path(sys.argv[1]))"
    path = tmp_path / "new" / "waybill.git"
    flushed = {c.path for c in trace(tmp_path, program, str(path)) if c.name == "fsync"}
    assert {str(p) for p in [tmp_path, path.parent, path, path / "HEAD", path / "config"]} <= flushed
    assert str(path / "refs" / "heads") in flushed


def test_objects_that_may_be_in_memory_only_are_written_and_flushed_again(store: GitStore, tmp_path: Path) -> None:
    head = store.head(LEDGER)
    write(store, "python/11/second")
    run_git(store.path, "update-ref", "refs/heads/ledger", head.id)  # as if killed just before the branch moved
    calls = trace(tmp_path, APPEND, str(store.path), "python/11/second")
    (made,) = (c for c in calls if c.name == "rename" and c.to.endswith(".pack"))
    assert made.path in {c.path for c in calls if c.name == "fsync"}


def test_a_branch_whose_mover_was_killed_before_the_flush_is_flushed_by_its_first_reader(
    store: GitStore, tmp_path: Path
) -> None:
    program = APPEND.partition("with ")[0] + "print(store.head(LEDGER).id, store.head(LEDGER).id)"
    heads = str(store.path / "refs" / "heads")
    assert [c.path for c in trace(tmp_path, program, str(store.path))] == [heads]


@pytest.mark.parametrize(
    "failure", ["fsync:error=EIO:when={}", "fsync:error=ENOSPC:when={}", "fsync:signal=KILL:when={}"]
)
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 6])
def test_whatever_call_fails_the_next_writer_needs_no_hand(
    store: GitStore, tmp_path: Path, failure: str, nth: int
) -> None:
    before = store.head(LEDGER)
    trace(tmp_path, APPEND, str(store.path), "python/11/second", inject=failure.format(nth))
    fsck(store)
    with store.lock():
        head = store.head(LEDGER)
        assert [c.id for c in store.history(head)][-1] == before.id
        after = store.append(LEDGER, head, [commit({"python/11/second": b"x", "python/22/third": b"y"})])
    assert store.head(LEDGER).id == after.id
    fsck(store)


def test_a_disk_error_is_a_refusal_in_words(store: GitStore, tmp_path: Path) -> None:
    for call in ("fsync:error=EIO:when=4", "rename:error=ENOSPC:when=1", "renameat,rename:error=EROFS:when=2"):
        program = APPEND.replace("with store", "from registry.errors import Unavailable\ntry:\n  with store").replace(
            "\n    head", "\n      head"
        )
        program = program.replace("print(head.id)", "except Unavailable as e: Path(sys.argv[3]).write_text(str(e))")
        said = tmp_path / "said"
        trace(tmp_path, program, str(store.path), f"python/33/{len(call)}", str(said), inject=call)
        words = "restart the server" if call.startswith("fsync") else "try again"
        assert words in said.read_text()
        said.unlink()


# Branches move by compare-and-swap


def test_a_lost_swap_is_told(store: GitStore) -> None:
    old = store.head(LEDGER)
    other = GitStore(store.path)
    newer = write(other, "python/11/second")
    with pytest.raises(Moved):
        store.append(LEDGER, old, [commit({"python/22/third": b"x"})])
    assert store.head(LEDGER).id == newer.id


def test_beginning_a_branch_never_overwrites_one(store: GitStore) -> None:
    head = store.head(LEDGER)
    with pytest.raises(Moved):
        store.append(LEDGER, None, [commit({"a": b"x"})])
    run_git(store.path, "pack-refs", "--all")
    with pytest.raises(Moved):
        store.append(LEDGER, None, [commit({"a": b"x"})])
    assert store.head(LEDGER).id == head.id


def test_branches_that_c_git_packed_are_read_and_moved(store: GitStore) -> None:
    head = store.head(LEDGER)
    run_git(store.path, "pack-refs", "--all")
    assert not (store.path / "refs" / "heads" / LEDGER).exists()
    assert store.head(LEDGER).id == head.id
    newer = write(store, "python/11/second")
    assert run_git(store.path, "rev-parse", "ledger").strip() == newer.id
    run_git(store.path, "pack-refs", "--all")
    assert store.head(LEDGER).id == newer.id


def test_a_lock_file_that_a_killed_process_left_delays_the_next_commit_a_moment(store: GitStore) -> None:
    (store.path / "refs" / "heads" / "ledger.lock").touch()
    began = time.monotonic()
    head = write(store, "python/11/second")
    assert time.monotonic() - began < STALE_LOCK + 3
    assert store.head(LEDGER).id == head.id
    assert not (store.path / "refs" / "heads" / "ledger.lock").exists()


def test_a_lock_file_of_a_living_process_is_waited_for(store: GitStore) -> None:
    lock = store.path / "refs" / "heads" / "ledger.lock"
    lock.touch()
    done: list[float] = []

    def owner() -> None:
        time.sleep(0.3)
        done.append(time.monotonic())
        lock.unlink()

    thread = threading.Thread(target=owner)
    thread.start()
    write(store, "python/11/second")
    assert done
    assert time.monotonic() >= done[0]
    thread.join()


def test_an_unreadable_branch_is_never_an_absent_one(store: GitStore) -> None:
    ref = store.path / "refs" / "heads" / LEDGER
    content = ref.read_bytes()
    for damaged in (b"", b"\0" * 41, b"ref: refs/heads/main\n"):
        ref.write_bytes(damaged)
        with pytest.raises(Unavailable, match="refs/heads/ledger"):
            store.head(LEDGER)
    ref.unlink()
    ref.mkdir()
    with pytest.raises(Unavailable):
        store.head(LEDGER)
    ref.rmdir()
    ref.write_bytes(content)
    assert store.head(LEDGER).read("python/00/first") == b"1"


def test_a_repository_whose_disk_went_away_is_unavailable_not_empty(store: GitStore) -> None:
    store.path.rename(store.path.with_name("unmounted"))
    with pytest.raises(Unavailable, match="mounted"):
        store.head(LEDGER)


def test_a_process_without_file_handles_left_is_unavailable_not_empty(store: GitStore) -> None:
    program = APPEND.partition("with ")[0] + (
        "import os, resource\nfrom registry.errors import Unavailable\n"
        "run_git = store.head(LEDGER)\nlimit = len(os.listdir('/proc/self/fd')) - 1\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))\n"
        "try: print('read', store.head(LEDGER))\n"
        "except Unavailable as e: print('unavailable', e)\n"
    )
    run_git(store.path, "pack-refs", "--all")
    write(store, "python/11/second")  # packed-refs now holds an old value
    done = subprocess.run([sys.executable, "-c", program, str(store.path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("unavailable")


# Objects that a crash tore


@pytest.mark.parametrize("torn", [b"", b"PACK", b"rubbish" * 99])
def test_a_torn_leftover_does_not_hinder_writing_the_same_again(store: GitStore, torn: bytes) -> None:
    head, before = store.head(LEDGER), packs(store.path)
    write(store, "python/11/second")
    run_git(store.path, "update-ref", "refs/heads/ledger", head.id)
    (made,) = set(packs(store.path)) - set(before)
    made.write_bytes(torn)
    after = GitStore(store.path)
    write(after, "python/11/second")
    assert GitStore(store.path).head(LEDGER).read("python/11/second") == b"x"
    fsck(store)


def test_an_unfinished_pack_is_one_for_c_git_too(store: GitStore) -> None:
    draft = store.path / "objects" / "pack" / f"{OUR_DRAFT}1_1_pack"
    draft.write_bytes(b"half")
    fsck(store)
    run_git(store.path, "prune", "--expire=now")
    assert not draft.exists()


def test_a_missing_or_damaged_object_is_a_refusal_in_words(store: GitStore) -> None:
    entry = store.head(LEDGER).entry("python/00/first")
    assert entry
    loosen(store.path)
    path = loose(store.path, entry.id)
    good = path.read_bytes()
    for damaged in (b"", good[: len(good) // 2], b"rubbish"):
        path.write_bytes(damaged)
        with pytest.raises(Unavailable, match=entry.id):
            GitStore(store.path).head(LEDGER).read("python/00/first")
    path.unlink()
    with pytest.raises(Unavailable, match=f"{entry.id}.*missing"):
        GitStore(store.path).head(LEDGER).read("python/00/first")
    path.write_bytes(good)
    assert GitStore(store.path).head(LEDGER).read("python/00/first") == b"1"


# Names that would mean something else


@pytest.mark.parametrize("name", ["..", ".git", ".Git", "a\nb", "a\0b", "a\\b", "é", "con:", "a b", "x" * 256])
def test_a_hostile_name_is_refused_at_every_depth(store: GitStore, name: str) -> None:
    for path in (name, f"python/{name}", f"python/{name}/file"):
        with pytest.raises(Invalid, match="cannot be stored"):
            write(store, path)
    write(store, "python/11/payments_api-1.0+local.1-py3-none-any.whl.attestations.json")
    fsck(store)


def test_a_line_break_can_forge_neither_an_author_nor_a_trailer(store: GitStore) -> None:
    for name, email in [("a\nb", "a@b"), ("a", "a@b>\ncommitter x <x"), ("a <b", "c"), ("a", "a>b"), ("a\0", "b")]:
        forged = NewCommit({"a": b"x"}, "publish: x\n", Signature(name, email), REGISTRY, 1)
        with pytest.raises(Invalid, match="author"):
            store.append(LEDGER, store.head(LEDGER), [forged])
    for value in ("1.0\nPolicy: 0000", "1.0\r\nPolicy: 0", "\u2028Policy: 0", "", " ", "a\0"):
        with pytest.raises(Invalid, match="Version"):
            message("publish: x", [("Version", value)])
    assert message("publish: x", [("Version", "1.0")]) == "publish: x\n\nVersion: 1.0\n"


def test_what_a_hand_puts_on_the_policy_branch_never_stops_the_reader(store: GitStore, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run_git(tmp_path, "clone", "-q", str(store.path), str(clone))
    (clone / os.fsdecode(b"caf\xe9.yaml")).write_text("x")
    (clone / "run.sh").write_text("x")
    (clone / "run.sh").chmod(0o755)
    (clone / "link").symlink_to("/etc/hostname")
    run_git(clone, "add", "-A")
    run_git(clone, "update-index", "--add", "--cacheinfo", f"160000,{store.head(POLICY).id},module")
    run_git(clone, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "odd")
    run_git(store.path, "fetch", "-q", str(clone), "HEAD:refs/heads/main")
    head = store.head(POLICY)
    assert set(head.entries("")) == {"waybill.yaml", "run.sh", "link", "caf\\xe9.yaml"}
    assert head.read("link") == b"/etc/hostname"
    assert head.read("run.sh") == b"x"


# Others work in the same folder


def test_processes_that_commit_at_once_lose_nothing(store: GitStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(
            pool.map(
                lambda n: subprocess.run(
                    [sys.executable, "-c", APPEND, str(store.path), f"python/11/{n}"], check=True, capture_output=True
                ),
                range(16),
            )
        )
    assert len({d.stdout for d in done}) == 16
    head = store.head(LEDGER)
    assert len(head.entries("python/11")) == 16
    assert run_git(store.path, "rev-list", "--count", "ledger").strip() == "17"
    assert run_git(store.path, "rev-list", "--merges", "--count", "ledger").strip() == "0"
    fsck(store)


def test_packing_by_c_git_while_others_read_and_write_is_harmless(store: GitStore) -> None:
    stop = threading.Event()
    problems: list[BaseException] = []

    def until_stopped(work: object) -> None:
        assert callable(work)
        try:
            while not stop.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 - every way to fail is a finding
            problems.append(error)

    def read() -> None:
        fresh = GitStore(store.path)  # without cached trees
        head = fresh.head(LEDGER)
        assert head.read("python/00/first") == b"1"
        for name in head.entries("python/11"):
            assert head.read(f"python/11/{name}") == b"x"

    def pack() -> None:
        run_git(store.path, "repack", "-adq")
        run_git(store.path, "pack-refs", "--all")

    threads = [threading.Thread(target=until_stopped, args=(work,)) for work in (read, read, pack)]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + 6
    written = 0
    while time.monotonic() < ends and not problems:
        write(store, f"python/11/{written}")
        written += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(store.head(LEDGER).entries("python/11")) == written
    assert int(run_git(store.path, "rev-list", "--count", "ledger")) == written + 1
    fsck(store)


def test_c_git_moves_the_policy_while_the_ledger_grows(store: GitStore, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run_git(tmp_path, "clone", "-q", str(store.path), str(clone))
    stop = threading.Event()
    written: list[str] = []

    def grow() -> None:
        while not stop.is_set():
            written.append(write(store, f"python/11/{len(written)}").id)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        for n in range(10):
            (clone / "waybill.yaml").write_text(f"organization: acme{n}\n")
            run_git(clone, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", f"{n}")
            run_git(store.path, "fetch", "-q", str(clone), "HEAD:refs/heads/main")
            assert store.head(POLICY).read("waybill.yaml") == f"organization: acme{n}\n".encode()
    finally:
        stop.set()
        thread.join()
    assert int(run_git(store.path, "rev-list", "--count", "ledger")) == len(written) + 1
    assert int(run_git(store.path, "rev-list", "--count", "main")) == 11
    fsck(store)


def test_a_branch_that_c_git_packed_is_dropped_whole(store: GitStore) -> None:
    tip = store.head(POLICY).id
    for name in ("a", "b"):
        run_git(store.path, "update-ref", f"refs/heads/change/{name}", tip)
    run_git(store.path, "pack-refs", "--all")
    assert dict(store.branches("change")) == {"a": tip, "b": tip}
    assert store.drop("change/a", tip)
    assert dict(store.branches("change")) == {"b": tip}
    assert "change/a" not in run_git(store.path, "for-each-ref")
    assert store.head(POLICY).id == tip
    fsck(store)
