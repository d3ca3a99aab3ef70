"""Downloads are counted however a file is served, and nothing else is."""

import hashlib
import sqlite3
from pathlib import Path

import pytest
from freezegun import freeze_time

from registry.downloads import Downloads
from tests.archives import wheel
from tests.registry.web.site import Site, json_of, multipart
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
    seen: list[object] = []
    cursor: dict[str, str] = {}
    while True:
        part = json_of(site.ask(COUNTS, query={"limit": "1", **cursor}))
        seen += part["downloads"]
        if part["next"] is None:
            break
        cursor = {"cursor": part["next"]}
    assert seen == found["downloads"]
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
        assert total(site) == 0
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
    counted = Downloads(server.data / "downloads.sqlite").of_project("python", "demo", None, None)
    assert sum(one.number for one in counted) == 20
