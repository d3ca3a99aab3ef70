"""The trail finds what a walk through all of history would find, whatever happens to its file."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from registry import history, strips, trail
from registry.cli import data
from registry.errors import NotFound
from registry.marks import WIDTHS
from registry.model import Event
from registry.names import project_name, registry_name
from registry.records import message, read_message
from registry.store import LEDGER, Commit, NewCommit, Signature, Snapshot, Store
from registry.store.memory import MemoryStore
from registry.trail import Trail
from registry.wanted import Wanted

WHO = Signature("alice", "alice@acme.example")
COMMITS = 150
FIRST = 1_800_000_000


def facts(number: int) -> list[tuple[str, str]]:
    """Say something else with each commit; some say nothing."""
    said = [("Waybill-Event", "publish"), ("Registry", "vault" if number % 50 == 7 else "python")]
    said += [("Project", f"demo-{number % 7}"), ("Version", f"1.{number % 3}")]
    if number % 5 == 0:
        attempt = f"/attempts/{number % 3}" if number % 2 else ""
        said += [("Pipeline", f"https://ci.acme.example/runs/{number // 10}{attempt}")]
        said += [("Commit", f"{number % 20:07x}" + "0" * 33)]
    if number % 13 == 0:
        said += [("Declared-Pipeline", "https://ci.acme.example/runs/3"), ("Declared-Commit", "0" * 40)]
        said += [("Repository", f"https://git.acme.example/{'acme' if number % 2 else 'other'}/payments")]
    if number % 17 == 0:
        said += [("Promoter-Pipeline", f"https://ci.acme.example/runs/{number // 17}/attempts/1")]
    return said if number % 11 else said[:1]


def grow(store: Store, numbers: range, minute: int = 60) -> None:
    """Add commits, some at the same second; one clock in between went back."""
    head = store.head(LEDGER) if numbers.start else None
    commits = [
        NewCommit({f"f{n % 3}": b"%d" % n}, message(f"publish: {n}", facts(n)), WHO, WHO, FIRST + n // 2 * minute)
        for n in numbers
    ]
    store.append(LEDGER, head, commits)


class Counted(MemoryStore):
    """A store that counts the commits it was asked for."""

    reads = 0

    def history(self, newest: Snapshot) -> Iterator[Commit]:
        for commit in super().history(newest):
            self.reads += 1
            yield commit


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """A ledger of many strips."""
    for module in (strips, trail):
        monkeypatch.setattr(module, "STRIP", 16)
    made = Counted()
    grow(made, range(COMMITS))
    return made


WANTED = [
    Wanted(project=project_name("demo-3")),
    Wanted(project=project_name("demo-3"), version="1.1.0"),
    Wanted(project=project_name("demo-3"), registry=registry_name("vault")),
    Wanted(registry=registry_name("vault")),
    Wanted(pipeline="https://ci.acme.example/runs/3"),
    Wanted(pipeline="https://ci.acme.example/runs/3/attempts/2"),
    Wanted(pipeline="https://ci.acme.example/runs/3", declared=True),
    Wanted(pipeline="https://ci.acme.example/runs/3", project=project_name("demo-2")),
    Wanted(commit="000000a"),
    Wanted(commit="000000a" + "0" * 33, registry=registry_name("python")),
    Wanted(commit="0" * 40, declared=True),
    Wanted(repository="payments"),
    Wanted(repository="acme/payments"),
    Wanted(repository="https://git.acme.example/acme/payments", project=project_name("demo-1")),
    Wanted(project=project_name("absent")),
]


def walked(store: Store, wanted: Wanted) -> list[str]:
    """The oracle: read everything."""
    commits = store.history(store.head(LEDGER))
    return [commit.id for commit in commits if fits(commit, wanted)]


def fits(commit: Commit, wanted: Wanted) -> bool:
    said = read_message(commit.message)[1]
    return wanted.matches(Event(commit.id, history.moment("2027-01-01"), "", "", said))


def found(trail: Trail, wanted: Wanted) -> list[str]:
    """What the log shows: candidates, each read again from the store."""
    store = trail.store
    candidates = trail.mentioning(LEDGER, wanted.facts)
    commits = (next(iter(store.history(store.at(id_)))) for id_ in candidates)
    return [commit.id for commit in commits if fits(commit, wanted)]


def check(trail: Trail) -> None:
    """Ask everything, and compare with the walk."""
    for wanted in WANTED:
        assert found(trail, wanted) == walked(trail.store, wanted)
    commits = list(trail.store.history(trail.store.head(LEDGER)))
    for commit in islice(commits, 0, None, 20):
        assert trail.beginning(LEDGER, commit.id[:9]) == [commit.id]
        newest = next(c.id for c in commits if c.time <= commit.time)
        assert trail.until(LEDGER, commit.time) == newest
    assert trail.until(LEDGER, FIRST - 1) is None
    assert trail.beginning(LEDGER, "0123456789") == []


@pytest.mark.parametrize("kept", ["in a file", "in the process"])
def test_it_finds_what_a_walk_finds_and_goes_on_as_history_grows(store: Counted, tmp_path: Path, kept: str) -> None:
    trail = Trail(store, tmp_path / "trail" if kept == "in a file" else None)
    check(trail)
    for end in (COMMITS + 1, COMMITS + 9, COMMITS + 60):
        grow(store, range(len(walked(store, Wanted())), end))
        check(trail)


def test_only_commits_that_are_new_are_read(store: Counted, tmp_path: Path) -> None:
    assert Trail(store, tmp_path / "trail").catch_up(LEDGER) == COMMITS
    grow(store, range(COMMITS, COMMITS + 3))
    store.reads = 0
    later = Trail(store, tmp_path / "trail")  # of another process
    assert later.catch_up(LEDGER) == COMMITS + 3
    assert store.reads == 4  # the last is the one that was known
    assert len(found(later, Wanted(project=project_name("demo-3"), version="1.1"))) == 7
    assert store.reads < 4 + 20  # one each


def test_what_a_commit_says_is_read_from_git_and_never_from_the_trail(store: Counted, tmp_path: Path) -> None:
    Trail(store, tmp_path / "trail").catch_up(LEDGER)
    content = (tmp_path / "trail").read_bytes()
    assert b"demo" not in content
    assert b"payments" not in content


def test_a_clock_that_went_back_hides_nothing_of_what_was_in_force(tmp_path: Path) -> None:
    store = MemoryStore()
    for n, at in enumerate((10, 30, 20, 40)):
        head = store.head(LEDGER) if n else None
        store.append(LEDGER, head, [NewCommit({"f": b"%d" % n}, f"change: {n}\n", WHO, WHO, at)])
    ids = [commit.id for commit in store.history(store.head(LEDGER))][::-1]
    trail = Trail(store, tmp_path / "trail")
    assert [trail.until(LEDGER, at) for at in (9, 10, 20, 29, 30, 39, 40)] == [
        None, ids[0], ids[0], ids[0], ids[2], ids[2], ids[3]
    ]  # fmt: skip


def test_no_flipped_bit_of_it_hides_or_invents_an_event(store: Counted, tmp_path: Path) -> None:
    _flip(store, tmp_path / "trail", every=433)


@pytest.mark.long
def test_no_flipped_bit_at_all_hides_or_invents_an_event(store: Counted, tmp_path: Path) -> None:
    _flip(store, tmp_path / "trail", every=1)


def _flip(store: Counted, file: Path, every: int) -> None:
    check(Trail(store, file))
    good = file.read_bytes()
    for offset in [*range(0, 100, 9), *range(100, len(good), every)]:
        bad = bytearray(good)
        bad[offset] ^= 1 << offset % 8
        file.write_bytes(bad)
        check(Trail(store, file))
        check(Trail(store, file))  # and whatever it wrote down is right again


def test_a_file_cut_short_emptied_or_of_something_else_is_made_again(store: Counted, tmp_path: Path) -> None:
    file = tmp_path / "trail"
    check(Trail(store, file))
    good = file.read_bytes()
    for bad in (b"", good[:100], good[:4096], good[:-4096], good[:8192] + bytes(4096) + good[12288:], b"text" * 5000):
        file.write_bytes(bad)
        check(Trail(store, file))
        assert Trail(store, file).catch_up(LEDGER) == COMMITS


@pytest.mark.parametrize("column", WIDTHS)
@pytest.mark.parametrize("number", [0, 4, COMMITS // 16])
def test_a_lost_strip_is_noticed_also_the_last_one(store: Counted, tmp_path: Path, column: str, number: int) -> None:
    trail = Trail(store, tmp_path / "trail")
    trail.catch_up(LEDGER)
    with closing(sqlite3.connect(tmp_path / "trail")) as file, file:
        deleted = file.execute("DELETE FROM strip WHERE name = ? AND number = ?", (f"{LEDGER}/{column}", number))
        assert deleted.rowcount == 1
    check(trail)


def test_the_trail_of_another_git_repository_is_not_followed(store: Counted, tmp_path: Path) -> None:
    Trail(store, tmp_path / "trail").catch_up(LEDGER)
    other = MemoryStore()
    grow(other, range(40), minute=61)
    check(Trail(other, tmp_path / "trail"))


def test_a_branch_set_back_by_its_operator_is_followed_back(tmp_path: Path) -> None:
    installation = data.create(tmp_path / "data", "acme", "alice")
    store = installation.store
    begin = store.head(LEDGER)
    store.append(LEDGER, begin, [NewCommit({"a": b"1"}, message("change: a", facts(3)), WHO, WHO, FIRST)])
    wanted = Wanted(project=project_name("demo-3"))
    assert len(found(installation.trail, wanted)) == 1
    (data.git_folder(tmp_path / "data") / "refs" / "heads" / LEDGER).write_text(f"{begin.id}\n")
    assert found(installation.trail, wanted) == []


def test_a_disk_that_takes_no_file_costs_time_and_no_answer(store: Counted, tmp_path: Path) -> None:
    (tmp_path / "no-folder").touch()
    trail = Trail(store, tmp_path / "no-folder" / "trail")
    check(trail)
    store.reads = 0
    assert trail.catch_up(LEDGER) == COMMITS
    assert store.reads == 1  # kept in the process


def test_a_file_that_another_process_keeps_locked_is_left_alone(
    store: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "_PATIENCE", 0.05)
    trail = Trail(store, tmp_path / "trail")
    trail.catch_up(LEDGER)
    grow(store, range(COMMITS, COMMITS + 5))
    before = (tmp_path / "trail").stat().st_ino
    with closing(sqlite3.connect(tmp_path / "trail", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        check(trail)
    assert (tmp_path / "trail").stat().st_ino == before
    check(trail)


def test_several_processes_make_it_at_once(tmp_path: Path) -> None:
    installation = data.create(tmp_path / "data", "acme", "alice")
    store = installation.store
    head = store.head(LEDGER)
    commits = [NewCommit({"f": b"%d" % n}, message(f"change: {n}", facts(n)), WHO, WHO, FIRST) for n in range(1, 60)]
    store.append(LEDGER, head, commits)
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        lengths = pool.map(_count, [tmp_path / "data"] * 8)
    assert lengths == [60] * 8
    assert found(installation.trail, WANTED[0]) == walked(store, WANTED[0])


def _count(folder: Path) -> int:
    return data.open_installation(folder).trail.catch_up(LEDGER)


def test_long_work_is_reported(store: Counted) -> None:
    said: list[int] = []
    Trail(store).catch_up(LEDGER, said.append)
    assert said == list(range(16, COMMITS, 16))


def test_a_short_beginning_of_two_commits_is_refused_with_their_number(tmp_path: Path) -> None:
    installation = data.create(tmp_path / "data", "acme", "alice")
    with pytest.raises(NotFound, match="No commit begins"):
        history.at(installation.trail, LEDGER, "0" * 12)


def test_a_commit_has_its_place_and_a_strange_one_has_none(store: Counted) -> None:
    found = Trail(store)
    commits = [commit.id for commit in store.history(store.head(LEDGER))][::-1]
    assert [found.place(LEDGER, commit) for commit in commits] == list(range(1, COMMITS + 1))
    assert found.place(LEDGER, "0" * 40) is None
