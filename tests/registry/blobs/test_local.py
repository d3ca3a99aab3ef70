"""Artifacts on disk: written once, found by content, and never half there."""

import hashlib
import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest

from registry.blobs.local import FREE_RESERVE, LocalBlobs
from registry.errors import NotFound, TooLarge, Unavailable
from registry.model import Sha256
from tests.tracing import lacking, trace

CONTENT = b"a wheel"
DIGEST = Sha256(hashlib.sha256(CONTENT).hexdigest())
PUBLISH = """
import sys
from pathlib import Path
from registry.blobs.local import LocalBlobs
blobs = LocalBlobs(Path(sys.argv[1]))
with blobs.incoming(100) as draft:
    draft.write(b"a wheel")
    blobs.publish(draft)
"""


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "lfs")


def put(blobs: LocalBlobs, content: bytes = CONTENT) -> Sha256:
    with blobs.incoming(1 << 30) as draft:
        draft.write(content)
        return blobs.publish(draft)


def path_of(tmp_path: Path, sha256: str = DIGEST) -> Path:
    return tmp_path / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256


def drafts(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "lfs" / "tmp").iterdir())


def test_an_artifact_is_found_by_its_digest_where_git_lfs_looks(blobs: LocalBlobs, tmp_path: Path) -> None:
    assert put(blobs) == DIGEST
    assert blobs.size(DIGEST) == len(CONTENT)
    with blobs.open(DIGEST) as stored:
        assert stored.read() == CONTENT
    assert path_of(tmp_path).read_bytes() == CONTENT
    assert path_of(tmp_path).stat().st_mode & 0o777 == 0o444
    assert drafts(tmp_path) == []


def test_what_is_not_stored_is_not_found(blobs: LocalBlobs) -> None:
    assert blobs.size(DIGEST) is None
    with pytest.raises(NotFound, match=DIGEST):
        blobs.open(DIGEST)


def test_a_draft_that_was_not_published_is_gone(blobs: LocalBlobs, tmp_path: Path) -> None:
    with blobs.incoming(100) as draft:
        draft.write(CONTENT)
        assert len(drafts(tmp_path)) == 1
    assert drafts(tmp_path) == []
    assert blobs.size(DIGEST) is None


def test_digest_and_size_are_those_of_all_that_was_written(blobs: LocalBlobs) -> None:
    with blobs.incoming(100) as draft:
        for byte in CONTENT:
            draft.write(bytes([byte]))
        assert (draft.sha256, draft.size) == (DIGEST, len(CONTENT))


def test_a_draft_takes_its_limit_and_not_a_byte_more(blobs: LocalBlobs, tmp_path: Path) -> None:
    with blobs.incoming(len(CONTENT)) as draft:
        draft.write(CONTENT)
        with pytest.raises(TooLarge, match="file_mb"):
            draft.write(b"!")
        assert draft.path.stat().st_size == len(CONTENT)
    with blobs.incoming(len(CONTENT)) as draft:
        draft.write(CONTENT)
        assert blobs.publish(draft) == DIGEST
    assert drafts(tmp_path) == []


@pytest.mark.parametrize("rotten", [b"", b"a whee", b"another"])
def test_an_artifact_that_rotted_is_healed_by_uploading_it_again(
    blobs: LocalBlobs, tmp_path: Path, rotten: bytes
) -> None:
    put(blobs)
    path_of(tmp_path).chmod(0o644)
    path_of(tmp_path).write_bytes(rotten)
    put(blobs)
    assert path_of(tmp_path).read_bytes() == CONTENT
    assert drafts(tmp_path) == []


def test_the_same_content_published_at_once_is_one_artifact(blobs: LocalBlobs, tmp_path: Path) -> None:
    content = os.urandom(100_000)
    with ThreadPoolExecutor(16) as pool:
        digests = set(pool.map(lambda _: put(blobs, content), range(64)))
    assert digests == {hashlib.sha256(content).hexdigest()}
    assert path_of(tmp_path, digests.pop()).read_bytes() == content
    assert drafts(tmp_path) == []


def test_a_reader_is_not_disturbed_by_healing(blobs: LocalBlobs, tmp_path: Path) -> None:
    put(blobs)
    path_of(tmp_path).chmod(0o644)
    path_of(tmp_path).write_bytes(b"rotten")
    with blobs.open(DIGEST) as stored:
        put(blobs)
        assert stored.read() == b"rotten"  # a digest check tells the client; never a mix of both


def test_bytes_then_name_then_every_folder_above_are_flushed(tmp_path: Path) -> None:
    calls = [c for c in trace(tmp_path, PUBLISH, str(tmp_path / "lfs")) if c.path.startswith(str(tmp_path))]
    target = path_of(tmp_path)
    named = next(n for n, c in enumerate(calls) if c.name == "rename" and c.to == str(target))
    assert calls[named].path in [c.path for c in calls[:named] if c.name == "fsync"]
    after = [c.path for c in calls[named:] if c.name == "fsync"]
    assert after == [str(target.parent), str(target.parent.parent), str(target.parent.parent.parent)]


def test_a_folder_made_by_a_process_that_was_killed_is_flushed_by_the_next_one(tmp_path: Path) -> None:
    path_of(tmp_path).parent.mkdir(parents=True)
    flushed = [c.path for c in trace(tmp_path, PUBLISH, str(tmp_path / "lfs")) if c.name == "fsync"]
    assert {str(path_of(tmp_path).parents[n]) for n in range(3)} <= set(flushed)


def test_folders_that_this_process_saw_flushed_are_not_flushed_again_but_their_new_names_are(tmp_path: Path) -> None:
    twice = PUBLISH + "".join(f"\n{line}" for line in PUBLISH.splitlines() if line.startswith(("with", "    ")))
    calls = [c for c in trace(tmp_path, twice, str(tmp_path / "lfs")) if c.path.startswith(str(tmp_path / "lfs"))]
    second = [n for n, c in enumerate(calls) if c.name == "rename"][1]
    [draft, folder] = [c for c in calls[second - 1 :] if c.name == "fsync"]
    assert (draft.path, folder.path) == (calls[second].path, str(path_of(tmp_path).parent))


def test_an_artifact_that_may_be_in_memory_only_is_written_and_flushed_again(blobs: LocalBlobs, tmp_path: Path) -> None:
    put(blobs)
    calls = trace(tmp_path, PUBLISH, str(tmp_path / "lfs"))
    [named] = [n for n, c in enumerate(calls) if c.to == str(path_of(tmp_path))]
    assert calls[named].path in [c.path for c in calls[:named] if c.name == "fsync"]
    assert str(path_of(tmp_path).parent) in [c.path for c in calls[named:] if c.name == "fsync"]
    assert path_of(tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("fsync:error=EIO:when=1", "UnavailableThe disk failed to keep tmp/upload-"),
        ("fsync:error=ENOSPC:when=1", "UnavailableThe disk failed to keep tmp/upload-"),
        ("fsync:error=EIO:when=2", f"UnavailableThe disk failed to keep {DIGEST[:2]}/{DIGEST[2:4]}"),
        ("rename,renameat:error=ENOSPC:when=1", "UnavailableThe file could not be stored"),
        ("mkdir:error=EROFS:when=1", "UnavailableThe file could not be stored"),
    ],
)
def test_a_disk_that_refuses_is_told_in_words_and_keeps_nothing(
    blobs: LocalBlobs, tmp_path: Path, failure: str, words: str
) -> None:
    said = tmp_path / "said"
    program = PUBLISH.replace("    blobs.publish(draft)", "    try: blobs.publish(draft)")
    program += "    except Exception as e: Path(sys.argv[2]).write_text(type(e).__name__ + str(e))\n"
    trace(tmp_path, program, str(tmp_path / "lfs"), str(said), inject=failure)
    assert said.read_text().startswith(words)
    assert drafts(tmp_path) == []
    assert put(blobs) == DIGEST


def test_after_a_flush_that_failed_no_draft_is_opened_and_none_is_kept(
    blobs: LocalBlobs, tmp_path: Path, failing_flush: Callable[[], None]
) -> None:
    put(blobs, b"before")
    with blobs.incoming(100) as early, blobs.incoming(100) as draft:
        draft.write(CONTENT)
        early.write(b"early")
        failing_flush()
        with pytest.raises(Unavailable, match="The disk failed to keep tmp/"):
            blobs.publish(draft)
        with pytest.raises(Unavailable, match="restart the server"):  # though the disk says yes again
            blobs.publish(early)
    with pytest.raises(Unavailable, match="restart the server"), blobs.incoming(100):
        pass
    assert drafts(tmp_path) == []
    with blobs.open(Sha256(hashlib.sha256(b"before").hexdigest())) as stored:
        assert stored.read() == b"before"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, little larger than what is kept free."""
    disk = tmp_path / "disk"
    disk.mkdir()
    size = FREE_RESERVE + 8 * 2**20
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(disk)], check=False)
    if mounted.returncode:
        lacking("mounting a small disk takes root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_in_words_and_later_uploads_succeed(small_disk: Path) -> None:
    blobs = LocalBlobs(small_disk / "lfs")
    megabyte = bytes(2**20)
    with blobs.incoming(1 << 30) as draft, pytest.raises(Unavailable, match="could not be stored"):
        deque(map(draft.write, repeat(megabyte, 200)))
    put(blobs)
    (small_disk / "ballast").write_bytes(bytes(8 * 2**20))
    with pytest.raises(Unavailable, match="full"), blobs.incoming(100):
        pass
    (small_disk / "ballast").unlink()
    put(blobs, b"another")


def test_a_folder_that_cannot_hold_artifacts_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "lfs").write_text("a file")
    with pytest.raises(Unavailable, match="cannot hold artifacts"):
        LocalBlobs(tmp_path / "lfs")


def test_only_abandoned_drafts_are_swept(blobs: LocalBlobs, tmp_path: Path) -> None:
    (tmp_path / "lfs" / "tmp" / "upload-dead").write_bytes(b"half")
    with blobs.incoming(100) as living:
        living.write(CONTENT)
        assert blobs.sweep() == 1
        assert drafts(tmp_path) == [living.path]
        blobs.publish(living)
    assert blobs.sweep() == 0
    assert blobs.size(DIGEST) == len(CONTENT)


def test_a_draft_killed_before_it_got_its_name_is_swept(blobs: LocalBlobs, tmp_path: Path) -> None:
    trace(tmp_path, PUBLISH, str(tmp_path / "lfs"), inject="rename:signal=KILL:when=1")
    assert len(drafts(tmp_path)) == 1
    assert blobs.sweep() == 1
    assert blobs.size(DIGEST) is None


def test_a_draft_begun_while_another_process_sweeps_is_never_taken_for_abandoned(
    blobs: LocalBlobs, tmp_path: Path
) -> None:
    other, over = LocalBlobs(tmp_path / "lfs"), threading.Event()

    def sweep() -> None:
        while not over.is_set():
            other.sweep()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for _ in range(500):
            with blobs.incoming(10) as draft:
                draft.write(b"x")
                assert draft.path.read_bytes() == b"x"
    finally:
        over.set()
        sweeper.join()
