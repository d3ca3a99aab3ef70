"""What must not be in git: taken once, ended at once, forgotten in time, and never trusted where it is damaged."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry import database
from registry.errors import Unavailable
from registry.model import UploadToken
from registry.state import State
from tests.running import CLEAN

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def upload_token(number: int = 0, expires: datetime = NOW + HOUR) -> UploadToken:
    return UploadToken(
        id=f"token{number:05}",
        secret_sha256="0" * 64,
        expires=expires,
        publisher="github/acme/payments",
        claims={"repository_id": "123456", "attempt": 1, "protected": True},
        places=(("python", "payments-api"), ("python", None)),
        verified={"Commit": "a" * 40},
        declared={"Job": "build"},
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def test_an_identity_token_is_used_once_and_its_upload_token_kept_whole(file: Path) -> None:
    state, other = State(file), State(file)  # as two processes have it
    assert state.exchange("job", NOW + HOUR, upload_token(), NOW)
    assert other.upload_token("token00000") == upload_token()
    assert not other.exchange("job", NOW + HOUR, upload_token(1), NOW)
    assert other.upload_token("token00001") is None
    assert state.exchange("another job", NOW + HOUR, upload_token(2), NOW)
    other.burn("token00000")
    assert state.upload_token("token00000") is None
    state.close()
    other.close()


def test_what_has_expired_is_forgotten_and_nothing_else(file: Path) -> None:
    state = State(file)
    for number, end in enumerate((NOW, NOW + HOUR)):
        assert state.exchange(f"job {number}", end, upload_token(number, end), NOW - HOUR)
    assert state.forget(NOW) == 0  # a token holds to the end of its last second
    assert state.forget(NOW + timedelta(seconds=1)) == 2
    assert state.upload_token("token00000") is None
    assert state.upload_token("token00001")
    assert not state.exchange("job 1", NOW + HOUR, upload_token(3), NOW)
    assert state.forget(NOW + 2 * HOUR) == 2
    assert not state.exchange("job 1", NOW + HOUR, upload_token(4), NOW)  # of a clock that was set back
    assert state.exchange("job 2", NOW + HOUR + timedelta(seconds=1), upload_token(4), NOW)
    state.close()


def test_only_the_owner_reads_the_file(file: Path) -> None:
    State(file).begin()
    assert file.stat().st_mode & 0o777 == 0o600


def damage(file: Path) -> None:
    file.write_bytes(b"not a database" * 1000)


def be_cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def be_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def be_of_another_program(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE used (thing)")
    connection.close()


@pytest.mark.parametrize("fate", [damage, be_cut, be_a_folder, be_of_another_program])
def test_a_file_that_cannot_be_used_lets_nobody_in_and_says_what_to_do(
    file: Path, fate: Callable[[Path], None]
) -> None:
    state = State(file)
    state.begin()
    state.close()
    fate(file)
    state = State(file)
    for ask in (
        state.require_usable,
        lambda: state.exchange("job", NOW + HOUR, upload_token(), NOW),
        lambda: state.burn("token00000"),
        lambda: state.forget(NOW),
    ):
        with pytest.raises(Unavailable, match=r"state.sqlite cannot be used now .* delete it"):
            ask()
    state.close()


def test_a_file_that_may_not_be_written_lets_nobody_in(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    State(file).begin()

    def refuse(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("registry.database.os.open", refuse)
    state = State(file)
    with pytest.raises(Unavailable, match="Read-only file system"):
        state.exchange("job", NOW + HOUR, upload_token(), NOW)
    with pytest.raises(Unavailable, match="Read-only file system"):
        state.require_usable()


def test_what_a_damaged_row_says_lets_nobody_in(file: Path) -> None:
    state = State(file)
    assert state.exchange("job", NOW + HOUR, upload_token(), NOW)
    for said in ("", "{}", "[]", '{"sha256": 7}'):
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE upload_token SET said = ?", (said,))
        connection.close()
        with pytest.raises(Unavailable, match="cannot be used now"):
            state.upload_token("token00000")
    state.close()


def test_a_file_that_was_taken_away_is_made_again_by_all_who_had_it_open(file: Path) -> None:
    state, other = State(file), State(file)
    began = state.begin(at=0)
    assert (began, other.begin()) == (0, 0)
    assert state.exchange("job", NOW + HOUR, upload_token(), NOW)
    file.unlink()
    assert other.upload_token("token00000") is None
    assert state.upload_token("token00000") is None
    assert state.begin() > 0  # identity tokens made before this moment are not taken any more
    assert other.begin() == state.begin()
    assert other.exchange("a later job", NOW + HOUR, upload_token(1), NOW)
    assert not state.exchange("a later job", NOW + HOUR, upload_token(2), NOW)
    state.close()
    other.close()


def test_who_holds_it_too_long_makes_others_say_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    state = State(file)
    state.begin()
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="Too many pipelines ask at once"):
        state.exchange("job", NOW + HOUR, upload_token(), NOW)
    assert state.upload_token("token00000") is None  # readers need not wait
    holder.execute("ROLLBACK")
    holder.close()
    assert state.exchange("job", NOW + HOUR, upload_token(), NOW)
    state.close()


def test_a_process_that_is_forked_has_a_connection_of_its_own(file: Path) -> None:
    program = """
import os, sys
from datetime import timedelta
from pathlib import Path
from registry.state import State
from tests.registry.test_state import HOUR, NOW, upload_token

state = State(Path(sys.argv[1]))
assert state.exchange("before", NOW + HOUR, upload_token(), NOW)
child = os.fork()
assert not state.exchange("before", NOW + HOUR, upload_token(1), NOW)
assert state.exchange(f"of {child and 1}", NOW + HOUR, upload_token(2 + bool(child)), NOW)
if child:
    assert os.waitpid(child, 0)[1] == 0
    assert not state.exchange("of 0", NOW + HOUR, upload_token(5), NOW)
"""
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program, file], cwd=root, env={**CLEAN, "PYTHONPATH": str(root)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_kept_state_is_flushed(file: Path) -> None:
    state = State(file)
    state.begin()
    assert state._database._connection  # noqa: SLF001 - nobody else can tell
    assert state._database._connection.execute("PRAGMA synchronous").fetchone() == (2,)  # noqa: SLF001 - as above
    state.close()
    assert [path.name for path in file.parent.iterdir()] == [file.name]
