"""The few system calls everything stands on."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from registry import durable
from registry.durable import Turn, make_folders, sync_all, sync_folder, write_file
from registry.errors import Unavailable
from tests.tracing import trace

HOLD = """
import sys, time
from pathlib import Path
from registry.durable import Turn
with Turn(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(60)
"""

FORKED = """
import os, sys
from pathlib import Path
from registry.durable import require_sound, write_file
child = os.fork()
if child == 0:
    try:
        write_file(Path(sys.argv[1]) / "of the child", b"x")
    finally:
        os._exit(0)
os.waitpid(child, 0)
try:
    require_sound()
except Exception as error:
    Path(sys.argv[2]).write_text(str(error))
"""


def test_a_file_appears_whole_with_its_mode_and_leaves_no_draft(tmp_path: Path) -> None:
    write_file(tmp_path / "file", b"content", 0o440)
    assert (tmp_path / "file").read_bytes() == b"content"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o440
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 - names as the kernel gives them


def test_a_file_that_cannot_be_put_in_place_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_file(tmp_path / "file", b"content")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_is_flushed_before_it_gets_its_name(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from registry.durable import write_file as w; w(Path(sys.argv[1]), b'x')"
    )
    calls = [c for c in trace(tmp_path, program, str(tmp_path / "file")) if c.path.startswith(str(tmp_path))]
    flushed, named = calls
    assert (flushed.name, named.name) == ("fsync", "rename")
    assert flushed.path == named.path
    assert named.to == str(tmp_path / "file")


def test_each_new_folder_is_flushed_into_the_one_above(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from registry.durable import make_folders as m; m(Path(sys.argv[1]))"
    )
    calls = [c for c in trace(tmp_path, program, str(tmp_path / "a" / "b")) if c.path.startswith(str(tmp_path))]
    assert [(c.name, Path(c.path)) for c in calls] == [
        ("mkdir", tmp_path / "a"),
        ("fsync", tmp_path),
        ("mkdir", tmp_path / "a" / "b"),
        ("fsync", tmp_path / "a"),
    ]
    assert (tmp_path / "a" / "b").is_dir()


def test_making_folders_twice_or_at_once_is_no_error(tmp_path: Path) -> None:
    threads = [threading.Thread(target=make_folders, args=(tmp_path / "a" / "b" / "c",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    make_folders(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_everything_below_a_folder_can_be_flushed(tmp_path: Path) -> None:
    make_folders(tmp_path / "a" / "b")
    write_file(tmp_path / "a" / "file", b"x")
    sync_all(tmp_path)


def test_the_turn_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Unavailable, match="try again"), Turn(lock).held(patience=0.05):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate(timeout=10)
    with Turn(lock).held(patience=0.05):
        pass


def test_a_turn_that_ended_in_an_error_is_free_again(tmp_path: Path) -> None:
    turn = Turn(tmp_path / "lock")
    with pytest.raises(ValueError, match="inside"), turn.held():
        raise ValueError("inside")
    with turn.held(patience=0.05):
        pass


def test_a_thread_waits_for_its_turn_no_longer_than_it_was_told(tmp_path: Path) -> None:
    turn = Turn(tmp_path / "lock")
    refused: list[str] = []

    def wait() -> None:
        try:
            with turn.held(patience=0.05):
                pass
        except Unavailable as error:
            refused.append(str(error))

    with turn.held():
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(timeout=10)
    assert refused
    assert durable.LOCK_PATIENCE > 10


def test_a_lock_that_cannot_be_opened_is_unavailable_in_words(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be opened"), Turn(tmp_path / "no" / "lock").held():
        pass


def test_after_a_flush_that_failed_nothing_is_written_though_the_disk_says_yes_again(
    tmp_path: Path, failing_flush: Callable[[], None]
) -> None:
    failing_flush()
    with pytest.raises(Unavailable, match=r"The disk failed to keep .*/file .Input/output error"):
        write_file(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Unavailable, match=r"/file .*restart the server"):
        write_file(tmp_path / "other", b"x")
    with pytest.raises(Unavailable, match=r"/file .*restart the server"):
        sync_folder(tmp_path)
    with pytest.raises(Unavailable, match="restart the server"), Turn(tmp_path / "lock").held():
        pass
    assert durable.failure()


def test_a_flush_that_failed_in_one_process_stops_the_others_of_the_server(tmp_path: Path) -> None:
    inside, said = tmp_path / "inside", tmp_path / "said"
    inside.mkdir()
    trace(tmp_path, FORKED, str(inside), str(said), inject="fsync:error=EIO:when=1")
    assert "inside/of the child (Input/output error)" in said.read_text()
    assert list(inside.iterdir()) == []
