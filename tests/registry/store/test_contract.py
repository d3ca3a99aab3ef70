"""What every store promises; each test runs on the git store and on the memory store."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry.errors import Invalid, Moved, NotFound, Unavailable
from registry.store import LEDGER, NewCommit, Signature, Snapshot, Store
from registry.store.git import GitStore
from registry.store.memory import MemoryStore

ALICE = Signature("alice", "alice@acme.example")
REGISTRY = Signature("Waybill", "registry@acme.example")


@pytest.fixture(params=["git", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return GitStore.create(tmp_path / "waybill.git") if request.param == "git" else MemoryStore()


def commit(changes: dict[str, bytes | None], message: str = "publish: demo\n", time: int = 1_800_000_000) -> NewCommit:
    return NewCommit(changes, message, ALICE, REGISTRY, time)


def begin(store: Store, **files: bytes) -> Snapshot:
    return store.append(LEDGER, None, [commit({"a/first": b"1", **files})])


def test_what_was_appended_is_read_back_from_the_head(store: Store) -> None:
    begin(store)
    head = store.head(LEDGER)
    assert head.read("a/first") == b"1"
    assert head.read("a/second") is None
    assert head.read("a") is None
    assert head.time == 1_800_000_000


def test_a_branch_nobody_began_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        store.head(LEDGER)


def test_a_branch_begun_twice_has_moved_and_keeps_its_content(store: Store) -> None:
    begin(store)
    with pytest.raises(Moved):
        store.append(LEDGER, None, [commit({"b": b"2"})])
    assert store.head(LEDGER).read("a/first") == b"1"


def test_an_append_to_a_head_that_moved_is_refused_and_changes_nothing(store: Store) -> None:
    old = begin(store)
    newer = store.append(LEDGER, old, [commit({"b": b"2"})])
    with pytest.raises(Moved):
        store.append(LEDGER, old, [commit({"c": b"3"})])
    assert store.head(LEDGER).id == newer.id
    assert store.head(LEDGER).read("c") is None


def test_an_old_snapshot_does_not_change_when_the_branch_moves(store: Store) -> None:
    old = begin(store)
    store.append(LEDGER, old, [commit({"a/first": None, "b": b"2"})])
    assert old.read("a/first") == b"1"
    assert old.read("b") is None
    assert store.at(old.id).read("a/first") == b"1"


def test_several_commits_are_appended_in_one_step_and_each_is_in_the_history(store: Store) -> None:
    old = begin(store)
    new = store.append(LEDGER, old, [commit({f"b/{n}": b"x"}, f"publish: {n}\n", 1_800_000_000 + n) for n in range(3)])
    assert [c.message for c in store.history(new)] == [
        "publish: 2\n",
        "publish: 1\n",
        "publish: 0\n",
        "publish: demo\n",
    ]
    assert [c.time for c in store.history(new)][:3] == [1_800_000_002, 1_800_000_001, 1_800_000_000]
    assert sorted(new.entries("b")) == ["0", "1", "2"]


def test_history_names_the_author(store: Store) -> None:
    (only,) = store.history(begin(store))
    assert only.author == ALICE


def test_a_folder_whose_last_file_is_removed_is_gone(store: Store) -> None:
    old = begin(store, b=b"2")
    new = store.append(LEDGER, old, [commit({"a/first": None})])
    assert new.entry("a") is None
    assert list(new.entries("")) == ["b"]


def test_removing_what_is_not_there_changes_nothing(store: Store) -> None:
    old = begin(store)
    new = store.append(LEDGER, old, [commit({"a/other": None, "z/none": None})])
    assert new.entry("") == old.entry("")


def test_equal_content_has_an_equal_fingerprint_and_other_content_another(store: Store) -> None:
    old = begin(store, **{"b/first": b"1"})
    assert old.entry("a") == old.entry("b")
    new = store.append(LEDGER, old, [commit({"b/first": b"2"})])
    assert new.entry("a") == old.entry("a")
    assert new.entry("b") != old.entry("b")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        ".",
        "a/.git",
        "a/.GIT/x",
        "a\nb",
        "a\\b",
        "a\0b",
        "é",
        "a b",
        "x/" * 9 + "x",
    ],
)
def test_a_path_another_tool_would_misread_is_refused(store: Store, path: str) -> None:
    old = begin(store)
    with pytest.raises(Invalid):
        store.append(LEDGER, old, [commit({path: b"x"})])
    assert store.head(LEDGER).id == old.id


def test_a_file_never_becomes_a_folder_nor_a_folder_a_file(store: Store) -> None:
    old = begin(store)
    for changes in ({"a": b"x"}, {"a/first/below": b"x"}, {"n/x": b"x", "n": b"y"}, {"n": b"y", "n/x": b"x"}):
        with pytest.raises(Invalid):
            store.append(LEDGER, old, [commit(dict(changes))])
    assert store.head(LEDGER).id == old.id


def test_a_commit_that_does_not_exist_is_not_found(store: Store) -> None:
    begin(store)
    for commit_id in ("0" * 40, "f" * 40, "zz", "", "0" * 41, "HEAD", "../x"):
        with pytest.raises(NotFound):
            store.at(commit_id)


def test_writers_that_take_turns_under_the_lock_lose_nothing(store: Store) -> None:
    begin(store)

    def write(n: int) -> None:
        with store.lock():
            store.append(LEDGER, store.head(LEDGER), [commit({f"w/{n}": b"x"})])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    head = store.head(LEDGER)
    assert len(head.entries("w")) == 40
    assert len(list(store.history(head))) == 41


def test_the_lock_admits_one_at_a_time(store: Store) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def enter(_: int) -> None:
        nonlocal inside, most
        with store.lock():
            with guard:
                inside += 1
                most = max(most, inside)
            with guard:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(64)))
    assert most == 1


def test_a_batch_sees_its_own_commits_and_nobody_else_does_before_the_flush(store: Store) -> None:
    old = begin(store)
    batch = store.batch(LEDGER, old)
    first = batch.add(commit({"b/1": b"x", "a/first": None}, "publish: 1\n"))
    second = batch.add(commit({"b/2": b"y"}, "publish: 2\n", 1_800_000_007))
    assert first.read("b/1") == second.read("b/1") == b"x"
    assert sorted(second.entries("b")) == ["1", "2"]
    assert (first.read("b/2"), second.read("a/first"), second.time) == (None, None, 1_800_000_007)
    assert store.head(LEDGER).id == old.id
    for made in (first, second):
        with pytest.raises(NotFound):
            store.at(made.id)
    assert batch.flush().id == second.id == store.head(LEDGER).id
    assert [c.id for c in store.history(store.head(LEDGER))] == [second.id, first.id, old.id]
    assert store.at(first.id).read("b/2") is None


def test_a_commit_that_cannot_be_stored_leaves_the_batch_as_it_was(store: Store) -> None:
    old = begin(store)
    batch = store.batch(LEDGER, old)
    good = batch.add(commit({"b/1": b"x"}))
    for bad in ({"c": b"z", "a": b"x"}, {"../x": b"x"}):
        with pytest.raises(Invalid):
            batch.add(commit(dict(bad)))
    assert batch.flush().id == good.id
    assert store.head(LEDGER).entry("c") is None
    assert len(list(store.history(store.head(LEDGER)))) == 2


def test_a_batch_for_a_head_that_moved_is_refused_whole(store: Store) -> None:
    old = begin(store)
    batch = store.batch(LEDGER, old)
    lost = batch.add(commit({"b": b"2"}))
    newer = store.append(LEDGER, old, [commit({"c": b"3"})])
    with pytest.raises(Moved):
        batch.flush()
    assert store.head(LEDGER).id == newer.id
    assert lost.id not in {c.id for c in store.history(newer)}


def test_a_folder_lists_its_names_in_one_order_whoever_made_it(store: Store) -> None:
    names = ["b", "a", "b-c", "b.c", "B", "a.b"]
    new = begin(store)
    for name in names:
        new = store.append(LEDGER, new, [commit({f"f/{name}": b"x", f"f/{name}-folder/x": b"x"})])
    at_once: dict[str, bytes | None] = {f"g/{name}": b"x" for name in names}
    again = store.append(LEDGER, new, [commit({**at_once, **{f"g/{name}-folder/x": b"x" for name in names}})])
    assert again.entry("f") == again.entry("g")
    assert list(new.entries("f")) == list(again.entries("g")) == list(store.at(again.id).entries("f"))


def test_the_lock_is_waited_for_no_longer_than_one_has_patience(store: Store) -> None:
    with store.lock(), ThreadPoolExecutor(1) as pool, pytest.raises(Unavailable, match="try again"):
        pool.submit(lambda: store.lock(0.01).__enter__()).result()


def test_branches_are_listed_by_their_folder(store: Store) -> None:
    tips = {name: store.append(f"change/{name}", None, [commit({name: b"x"})]).id for name in ("a", "b-c")}
    begin(store)
    assert dict(store.branches("change")) == tips
    assert dict(store.branches("other")) == {}
    assert store.head("change/a").read("a") == b"x"


def test_a_branch_is_dropped_where_it_is_and_nowhere_else(store: Store) -> None:
    old = store.append("change/a", None, [commit({"a": b"1"})])
    new = store.append("change/a", old, [commit({"a": b"2"})])
    assert not store.drop("change/a", old.id)
    assert dict(store.branches("change")) == {"a": new.id}
    assert store.drop("change/a", new.id)
    assert store.drop("change/a", new.id), "again does no harm"
    assert dict(store.branches("change")) == {}
    assert store.at(new.id).read("a") == b"2", "its commits stay"
    with pytest.raises(NotFound):
        store.head("change/a")


def test_a_commit_names_its_parents(store: Store) -> None:
    first = begin(store)
    second = store.append(LEDGER, first, [commit({"b": b"2"})])
    assert [c.parents for c in store.history(second)] == [(first.id,), ()]


def test_a_branch_is_moved_to_a_commit_that_is_there_and_only_from_where_it_was_seen(store: Store) -> None:
    first = begin(store)
    second = store.append(LEDGER, first, [commit({"b": b"2"})])
    with pytest.raises(Moved):
        store.move(LEDGER, first, second.id)
    assert store.move(LEDGER, second, first.id).id == first.id
    assert store.head(LEDGER).id == first.id
    assert store.move(LEDGER, first, second.id).read("b") == b"2"
    assert store.head(LEDGER).read("b") == b"2"


def test_a_branch_is_not_moved_to_a_commit_that_is_not_there(store: Store) -> None:
    first = begin(store)
    with pytest.raises(NotFound):
        store.move(LEDGER, first, "1" * 40)
    assert store.head(LEDGER).id == first.id
