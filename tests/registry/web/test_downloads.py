"""Downloads are counted however a file is served, and nothing else is."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time

from registry import counts, database
from registry.cli.data import git_folder
from registry.counts import Asked
from registry.downloads import Download, Downloads
from registry.maintenance import Place, maintain
from registry.names import project_name
from tests.archives import wheel
from tests.registry.web.site import PYTHON, Site, json_of, multipart
from tests.registry.web.wire import exchange, upload
from tests.running import new_server

WHEEL = wheel("demo", "1.0")
PATH = f"/python/files/{hashlib.sha256(WHEEL[1]).hexdigest()}/{WHEEL[0]}"
COUNTS = "/-/api/v1/registries/python/projects/demo/downloads"
LAST = len(WHEEL[1]) - 1


def total(site: Site) -> int:
    found = json_of(site.ask(COUNTS))["total"]
    assert isinstance(found, int)
    return found


def pages(site: Site, **query: str) -> list[Any]:
    """Read a list by pages of one, each of which says what the whole adds up to."""
    seen: list[Any] = []
    asked = {**query, "limit": "1"}
    whole = json_of(site.ask(COUNTS, query=query))["total"]
    while True:
        part = json_of(site.ask(COUNTS, query=asked))
        assert part["total"] == whole
        seen += part["downloads"]
        if part["next"] is None:
            return seen
        asked["cursor"] = part["next"]


def downloaded(site: Site, *days: str) -> None:
    for day in days:
        with freeze_time(day):
            assert site.ask(PATH).status_code == 200


def test_a_file_counts_once_each_time_whoever_answers(site: Site) -> None:
    site.publish(WHEEL)
    for number in range(1, 4):  # first by the application, then by the front
        assert site.ask(PATH).status_code == 200
        assert total(site) == number


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "counts"),
    [
        ("HEAD", PATH, {}, 200, 0),
        ("GET", PATH, {"If-None-Match": f'"{hashlib.sha256(WHEEL[1]).hexdigest()}"'}, 304, 0),
        ("GET", f"{PATH}.metadata", {}, 200, 0),
        ("GET", PATH, {"Range": "bytes=-10"}, 206, 0),
        ("GET", PATH, {"Range": "bytes=0-0"}, 206, 0),
        ("GET", PATH, {"Range": "bytes=10-"}, 206, 0),
        ("GET", PATH, {"Range": "bytes=9999999-"}, 416, 0),
        ("GET", PATH, {"Range": "bytes=0-"}, 206, 1),
        ("GET", PATH, {"Range": f"bytes=0-{LAST}"}, 206, 1),
        ("GET", PATH.replace("demo-1.0", "demo-2.0"), {}, 404, 0),
    ],
)
def test_only_an_answer_that_carries_the_whole_file_counts(
    site: Site, method: str, path: str, headers: dict[str, str], status: int, counts: int, *, repeated: bool
) -> None:
    site.publish(WHEEL)
    for _ in range(1 + repeated):
        assert site.ask(path, method=method, headers=headers).status_code == status
    assert total(site) == counts * (1 + repeated)


def test_counts_are_by_day_version_and_file_newest_first_in_pages(site: Site) -> None:
    later = wheel("demo", "2.0")
    for archive in (WHEEL, later):
        site.publish(archive)
    other = f"/python/files/{hashlib.sha256(later[1]).hexdigest()}/{later[0]}"
    for day, path, times in (("2030-01-01", PATH, 2), ("2030-01-02", PATH, 1), ("2030-01-02", other, 3)):
        with freeze_time(day):
            for _ in range(times):
                site.ask(path)
    found = json_of(site.ask(COUNTS))
    assert [(one["day"], one["version"], one["downloads"]) for one in found["downloads"]] == [
        ("2030-01-02", "1.0", 1),
        ("2030-01-02", "2.0", 3),
        ("2030-01-01", "1.0", 2),
    ]
    assert pages(site) == found["downloads"]
    assert [one["day"] for one in pages(site, version="1.0")] == ["2030-01-02", "2030-01-01"]
    assert pages(site, filename=later[0]) == pages(site, version="2.0", filename=later[0]) == [found["downloads"][1]]
    assert pages(site, version="1.0", filename=later[0]) == []
    assert json_of(site.ask(COUNTS, query={"since": "2030-01-02", "version": "2.0"}))["total"] == 3
    assert json_of(site.ask(COUNTS, query={"until": "2030-01-01"}))["total"] == 2
    assert site.ask(COUNTS, None).status_code == 401


def test_a_counter_that_cannot_write_refuses_no_download_and_writes_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish(WHEEL)
    with monkeypatch.context() as broken:
        broken.setattr("registry.downloads.Database.writing", _failing)
        assert site.ask(PATH).status_code == 200
        assert site.installation.downloads.write()
        assert json_of(site.ask(COUNTS))["total"] == 0
    assert total(site) == 1


def test_where_there_is_no_room_for_a_thread_downloads_go_on_and_are_counted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish(WHEEL)
    monkeypatch.setattr("registry.downloads.threading.Thread.start", _no_room)
    assert site.ask(PATH).status_code == 200
    assert total(site) == 1


def _no_room(_: object) -> None:
    raise RuntimeError("can't start new thread")


def _failing(*_: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def test_a_damaged_file_of_counts_is_begun_anew(site: Site) -> None:
    site.publish(WHEEL)
    (site.folder / "downloads.sqlite").write_bytes(b"this was never a database" * 500)
    for _ in range(2):
        assert site.ask(PATH).status_code == 200
    assert site.installation.downloads.write()
    assert total(site) == 2


def test_days_become_months_half_a_year_later_and_no_total_changes(site: Site) -> None:
    site.publish(WHEEL)
    downloaded(site, "2030-01-01", "2030-01-31", "2030-02-03", "2030-02-03", "2030-06-30")
    for today, expected in (
        (
            "2030-07-30",
            [("2030-06-30", "day", 1), ("2030-02-03", "day", 2), ("2030-01-31", "day", 1), ("2030-01-01", "day", 1)],
        ),
        ("2030-07-31", [("2030-06-30", "day", 1), ("2030-02-03", "day", 2), ("2030-01-01", "month", 2)]),
        ("2030-12-26", [("2030-06-30", "day", 1), ("2030-02-01", "month", 2), ("2030-01-01", "month", 2)]),
    ):
        site.installation.downloads.sum_up(date.fromisoformat(today))
        for query in ({}, {"version": "1.0"}, {"filename": WHEEL[0]}):
            found = pages(site, **query)
            assert [(one["day"], one["period"], one["downloads"]) for one in found] == expected
        assert total(site) == 5
    assert json_of(site.ask(COUNTS, query={"since": "2030-01-02", "until": "2030-02-01"}))["total"] == 2
    assert site.installation.downloads.sum_up(date(2030, 12, 26)) == 0
    downloaded(site, "2030-01-05", "2030-01-01")  # by a clock that is set back
    assert total(site) == 7
    site.installation.downloads.sum_up(date(2030, 12, 26))
    assert [(one["day"], one["downloads"]) for one in pages(site)][-1] == ("2030-01-01", 4)


def test_maintenance_sums_up_what_is_long_past(site: Site) -> None:
    site.publish(WHEEL)
    downloaded(site, "2030-01-05", "2030-01-06", "2030-12-01")
    place = Place(site.folder, git_folder(site.folder), site.folder / "cache" / "pages")
    assert maintain(site.installation, place, None, datetime(2030, 12, 2, tzinfo=UTC))["download_months"] == 1
    assert [(one["day"], one["downloads"]) for one in pages(site)] == [("2030-12-01", 1), ("2030-01-01", 2)]


EARLIER = """
CREATE TABLE download (
    registry TEXT, project TEXT, version TEXT, filename TEXT, day INTEGER, number INTEGER,
    PRIMARY KEY (registry, project, day, filename)
) WITHOUT ROWID
"""  # how an earlier version kept its counts


def test_what_an_earlier_version_counted_and_still_counts_is_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "AT_ONCE", 2)
    site.publish(WHEEL)
    row = ("python", "demo", "1.0", WHEEL[0])
    with closing(sqlite3.connect(site.folder / "downloads.sqlite", isolation_level=None)) as earlier:
        earlier.execute(EARLIER)
        days = [(*row, 21_915 + number, number + 1) for number in range(5)]  # from 2030-01-01 on
        earlier.executemany("INSERT INTO download VALUES (?, ?, ?, ?, ?, ?)", days)
        assert [one["downloads"] for one in pages(site)] == [5, 4, 3, 2, 1]
        earlier.execute("INSERT INTO download VALUES (?, ?, ?, ?, ?, ?)", (*row, 21_915, 10))  # beside a newer version
        downloaded(site, "2030-01-01")
        assert [one["downloads"] for one in pages(site)] == [5, 4, 3, 2, 12]
        assert earlier.execute("SELECT count(*) FROM download").fetchone() == (0,)


@contextmanager
def busy(site: Site) -> Iterator[None]:
    """Another process keeps everybody from the file."""
    with closing(sqlite3.connect(site.folder / "downloads.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield


def test_counts_that_cannot_be_read_now_are_not_taken_for_none(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    site.publish(WHEEL)
    (site.folder / "downloads.sqlite").unlink(missing_ok=True)
    with busy(site):
        assert site.ask(PATH).status_code == 200
        assert site.ask(COUNTS).status_code == 503
    assert total(site) == 1


@pytest.mark.parametrize("what", ["nonsense", "a page of zeros", "half of it", "nothing", "another database"])
def test_counts_from_a_damaged_file_are_an_answer_and_never_a_defect(site: Site, what: str) -> None:
    site.publish(WHEEL)
    downloaded(site, *(f"2030-01-{day:02}" for day in range(1, 29)))
    assert total(site) == 28
    site.installation.downloads._database.close()  # noqa: SLF001 - as if this process had just begun
    file = site.folder / "downloads.sqlite"
    whole = file.read_bytes()
    file.write_bytes(
        {
            "nonsense": b"this was never a database" * 500,
            "a page of zeros": whole[:4096] + bytes(4096) + whole[8192:],
            "half of it": whole[: len(whole) // 2],
            "nothing": b"",
            "another database": b"SQLite format 3\0" + b"\xff" * 4000,
        }[what]
    )
    assert site.ask(COUNTS).status_code == 200
    downloaded(site, "2030-02-01")
    assert 1 <= total(site) <= 29


def test_all_processes_of_a_server_count_and_none_forgets_as_it_stops(tmp_path: Path) -> None:
    server = new_server(tmp_path, workers=2)
    server.start()
    try:
        assert upload(server, multipart([(":action", "file_upload"), ("content", WHEEL)]), server.token).status == 200
        for number in range(
            20
        ):  # each on a connection of its own: both processes, and in each the thread and the poller
            headers = {"Authorization": f"Bearer {server.token}", "X-Number": str(number % 2)}
            answer = exchange(server, "GET", PATH, headers=headers)
            assert (answer.status, answer.body) == (200, WHEEL[1])
            assert exchange(server, "HEAD", PATH, headers=headers).status == 200
        assert server.stop() == 0
    finally:
        server.kill()
    counted = Downloads(server.data / "downloads.sqlite").of_project(Asked("python", "demo"), 100)
    assert counted[1] == 20


@pytest.mark.parametrize("day", [2**40 - 1, -(2**40)])
def test_a_count_of_no_day_is_left_out_and_costs_no_other(site: Site, day: int) -> None:
    for name in ("demo", "other"):
        assert site.publish(wheel(name, "1.0")).status_code == 200
        site.installation.downloads.count(Download(PYTHON, project_name(name), "1.0", wheel(name, "1.0")[0]))
    assert total(site) == 1
    with site.installation.downloads._database.writing() as connection:  # noqa: SLF001 - where a bit flipped
        for table in ("counted", "whole"):
            connection.execute(f"UPDATE {table} SET day = ? WHERE project = 1", (day,))  # noqa: S608 - written above
    assert json_of(site.ask(COUNTS))["downloads"] == []
    site.installation.downloads.sum_up(date(2099, 1, 1))
    assert json_of(site.ask(COUNTS.replace("demo", "other")))["total"] == 1
