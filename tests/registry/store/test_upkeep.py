"""C git packs what the store wrote, while the store goes on; nothing is lost to anybody, at any moment."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.errors import Unavailable
from registry.store import LEDGER, NewCommit, Signature
from registry.store.git import GitStore
from registry.store.upkeep import Git
from tests.running import run_git
from tests.tracing import lacking, need, trace

PACK = """
import sys
from pathlib import Path
from registry.store.upkeep import Git
Git(sys.argv[1], Path(sys.argv[2])).pack()
"""
WHO = Signature("alice", "alice@acme.example")


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    """A ledger of some commits, each written by itself."""
    made = GitStore.create(tmp_path / "waybill.git")
    grow(made, range(40))
    return made


@pytest.fixture
def git(store: GitStore) -> Git:
    """C git at work on it."""
    return Git(program(), store.path)


def program() -> str:
    found = shutil.which("git")
    return found or lacking("git is not installed")


def grow(store: GitStore, numbers: range) -> None:
    for n in numbers:
        head = store.head(LEDGER) if n else None
        changes = {f"python/{n % 16:02x}/demo-{n}/a.json": b"%d" % n}
        store.append(LEDGER, head, [NewCommit(changes, f"publish: {n}\n", WHO, WHO, 1_800_000_000 + n)])


def contents(store: GitStore) -> set[bytes | None]:
    head = store.head(LEDGER)
    shards = (f"python/{shard}" for shard in head.entries("python"))
    return {head.read(f"{shard}/{project}/a.json") for shard in shards for project in head.entries(shard)}


def whole(store: GitStore) -> None:
    assert run_git(store.path, "fsck", "--strict", "--full", "--no-dangling") == ""


@contextmanager
def growing(store: GitStore, first: int) -> Iterator[list[int]]:
    """Write commits from a thread for the time of a block; gives the numbers that were acknowledged."""
    done: list[int] = []
    stop = threading.Event()

    def run() -> None:
        for n in range(first, first + 10_000):
            if stop.is_set():
                return
            grow(store, range(n, n + 1))
            done.append(n)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()


def test_what_was_written_one_by_one_becomes_one_pack_that_every_reader_finds(store: GitStore, git: Git) -> None:
    before = run_git(store.path, "rev-list", "--all", "--objects")
    assert contents(store) == {b"%d" % n for n in range(40)}
    git.pack()
    counted = dict(line.split(": ") for line in run_git(store.path, "count-objects", "-v").splitlines())
    assert (counted["count"], counted["packs"]) == ("0", "1")
    assert run_git(store.path, "rev-list", "--all", "--objects") == before
    for reader in (store, GitStore(store.path)):  # one that had it open, and one that opens it now
        assert contents(reader) == {b"%d" % n for n in range(40)}
    whole(store)
    grow(store, range(40, 43))
    assert len(contents(GitStore(store.path))) == 43


def test_packs_stay_few_and_a_large_one_is_not_written_again_for_little(store: GitStore, git: Git) -> None:
    git.pack()
    [large] = (store.path / "objects" / "pack").glob("*.pack")
    for n in range(40, 52):
        grow(store, range(n, n + 1))
        _, packs = git.pack()
        assert packs <= 6
        assert large.exists() or n > 50
    whole(store)
    assert len(contents(store)) == 52


def test_objects_are_packed_as_what_changed_not_whole_once_more(store: GitStore, git: Git) -> None:
    for _ in range(2):  # what C git packed before, and what the store wrote since
        git.pack()
        for index in (store.path / "objects" / "pack").glob("*.idx"):
            assert "chain length = 1: " in run_git(store.path, "verify-pack", "--stat-only", str(index))
        grow(store, range(40, 80))


def test_packing_again_changes_nothing(store: GitStore, git: Git) -> None:
    git.pack()
    before = sorted((store.path / "objects").rglob("*"))
    assert git.pack() == (1, 1)
    assert sorted((store.path / "objects").rglob("*")) == before


def test_commits_go_on_while_c_git_packs_and_none_is_lost(store: GitStore, git: Git) -> None:
    with growing(store, 40) as done:
        for _ in range(6):
            start = len(done)
            while len(done) < start + 5:
                time.sleep(0.005)
            git.pack()
            git.graph()
    numbers = {b"%d" % n for n in range(40 + len(done))}
    assert contents(store) == contents(GitStore(store.path)) == numbers
    whole(store)


def test_a_new_pack_is_flushed_before_anything_old_goes(store: GitStore, tmp_path: Path) -> None:
    need("strace")
    grow(store, range(40, 45))
    Git(program(), store.path).pack()
    grow(store, range(45, 120))
    calls = trace(tmp_path, PACK, program(), str(store.path))
    folder = str(store.path / "objects" / "pack")
    named = max(n for n, c in enumerate(calls) if c.name in {"rename", "link"} and c.to.endswith(".idx"))
    drafts = [Path(c.path).name for c in calls[:named] if c.name == "fsync"]
    assert {name.rpartition("_")[0] for name in drafts} >= {"tmp_pack", "tmp_idx"}
    flushed = next(n for n, c in enumerate(calls) if n > named and c.name == "fsync" and c.path == folder)
    gone = [n for n, c in enumerate(calls) if c.name == "unlink" and _is_object(store.path, Path(c.path))]
    assert min(gone) > flushed


def _is_object(git: Path, path: Path) -> bool:
    return path.is_relative_to(git / "objects") and not path.name.startswith("tmp_")


@pytest.mark.parametrize("fails", ["pack-objects", "prune-packed", "commit-graph"])
def test_a_c_git_that_fails_costs_nothing_but_the_work(store: GitStore, tmp_path: Path, fails: str) -> None:
    broken = tmp_path / "git"
    broken.write_text(
        f'#!/bin/sh\ncase "$*" in *{fails}*) echo "fatal: no luck" >&2; exit 128;; esac\nexec {program()} "$@"\n'
    )
    broken.chmod(0o755)
    git = Git(str(broken), store.path)
    with pytest.raises(Unavailable, match=rf"git {fails} failed \(fatal: no luck\); nothing was lost"):
        _all(git)
    assert len(contents(GitStore(store.path))) == 40
    whole(store)
    Git(program(), store.path).pack()
    whole(store)


def test_packs_that_somebody_else_merges_meanwhile_are_no_failure(store: GitStore, git: Git, tmp_path: Path) -> None:
    git.pack()
    grow(store, range(40, 43))
    late, marker = tmp_path / "git", tmp_path / "came first"
    repack = f"touch '{marker}'; {program()} -C {store.path} repack -adq; exit 128"
    late.write_text(f"#!/bin/sh\ncase \"$*\" in *pack-objects*) test -e '{marker}' || {{ {repack}; }}; esac\n")
    late.write_text(f'{late.read_text()}exec {program()} "$@"\n')
    late.chmod(0o755)
    assert Git(str(late), store.path).pack()[1] == 1
    assert marker.exists()
    whole(store)


def _all(git: Git) -> None:
    git.pack()
    git.graph()


def test_a_c_git_that_is_gone_is_said(store: GitStore) -> None:
    with pytest.raises(Unavailable, match="could not be run"):
        Git("/nonexistent/git", store.path).version()


def test_what_no_branch_names_is_kept_because_an_upload_may_be_about_to_name_it(store: GitStore, git: Git) -> None:
    unnamed = run_git(store.path, "hash-object", "-w", "--path=x", str(store.path / "config")).strip()
    for n in range(40, 60):
        git.pack()
        grow(store, range(n, n + 1))
    assert run_git(store.path, "cat-file", "-t", unnamed) == "blob\n"


def test_a_pack_that_somebody_keeps_is_left_alone(store: GitStore, git: Git) -> None:
    git.pack()
    [kept] = (store.path / "objects" / "pack").glob("*.pack")
    kept.with_suffix(".keep").touch()
    grow(store, range(40, 300))
    git.pack()
    assert kept.exists()
    whole(store)


def test_the_log_of_a_path_is_the_same_with_the_commit_graph(store: GitStore, git: Git) -> None:
    path = "python/07/demo-7/a.json"
    before = run_git(store.path, "log", "--format=%H", LEDGER, "--", path)
    git.graph()
    assert run_git(store.path, "log", "--format=%H", LEDGER, "--", path) == before != ""
    grow(store, range(40, 45))
    git.graph()
    run_git(store.path, "commit-graph", "verify")
