"""The file of browsers' sessions."""

import datetime as dt
import sqlite3
import stat
from pathlib import Path

import pytest

from registry.errors import Unavailable
from registry.sessions import LIFETIME, Sessions

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(params=["on disk", "in memory"])
def sessions(request: pytest.FixtureRequest, tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions.sqlite" if request.param == "on disk" else None)


def test_a_session_names_its_token_until_it_ends(sessions: Sessions) -> None:
    secret = sessions.begin("abc", NOW)
    assert sessions.token(secret, NOW) == "abc"
    assert sessions.token(secret, NOW + LIFETIME - dt.timedelta(seconds=1)) == "abc"
    assert sessions.token(secret, NOW + LIFETIME) is None
    sessions.end(secret)
    assert sessions.token(secret, NOW) is None
    sessions.end(secret)


@pytest.mark.parametrize("secret", ["", "x", "\ud800", "' OR 1=1 --", "x" * 100_000])
def test_what_is_no_secret_names_nothing(sessions: Sessions, secret: str) -> None:
    sessions.begin("abc", NOW)
    assert sessions.token(secret, NOW) is None


def test_other_processes_know_a_session_at_once(tmp_path: Path) -> None:
    one, other = Sessions(tmp_path / "s"), Sessions(tmp_path / "s")
    secret = one.begin("abc", NOW)
    assert other.token(secret, NOW) == "abc"
    other.end(secret)
    assert one.token(secret, NOW) is None


def test_the_file_is_its_owners_alone_and_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "sessions.sqlite"
    secret = Sessions(file).begin("abc", NOW)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret.encode() not in file.read_bytes()


def test_what_has_ended_is_removed(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "s")
    for _ in range(5):
        sessions.begin("abc", NOW)
    sessions.begin("other", NOW + LIFETIME)
    connection = sqlite3.connect(tmp_path / "s")
    assert connection.execute("SELECT token FROM session").fetchall() == [("other",)]
    connection.close()


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "s"
    file.write_bytes(b"this is no database, and long enough to be taken for one" * 100)
    sessions = Sessions(file)
    assert sessions.token("x", NOW) is None
    assert sessions.token(sessions.begin("abc", NOW), NOW) == "abc"


def test_a_disk_that_takes_no_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Nobody can sign in"):
        Sessions(tmp_path / "missing" / "s").begin("abc", NOW)
