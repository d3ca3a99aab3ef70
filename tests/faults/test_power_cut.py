"""The power fails around acknowledgements: the disk as it then is starts without a hand, and holds all that was told.

Long form, 300 cuts on each kind of disk: python -m pytest -m long tests/faults/test_power_cut.py
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults import disks
from tests.faults.strace import injecting
from tests.faults.uploads import SEED, Uploads, fsck, mistakes, processes_of, until
from tests.running import new_server

EACH = 12  # cuts of one disk; with many files, a check takes long
FLUSHES = "fsync,fdatasync,sync_file_range,syncfs,sync"
REPEATED = pytest.mark.parametrize("seed", [SEED])  # in the test's id, so that a failure names it
KIND = pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Path]:
    """Where disks lie that can be copied in a moment."""
    disks.need_disks("xfs")
    with disks.mounted(disks.make(tmp_path / "shelf.img", "xfs", 8 * 2**30), tmp_path / "shelf") as place:
        yield place


@dataclass(frozen=True)
class Cut:
    """A disk at the moment the power failed, and what its clients knew by then."""

    disk: Path
    newest: set[str]  # sent since the cut before
    acknowledged: set[str]


@dataclass
class Machine:
    """A server whose data lie on a disk of its own."""

    folder: Path
    disk: Path
    kind: str  # of file system
    uploads: Uploads
    before: set[str] = field(default_factory=set)

    @classmethod
    def on(cls, disk: Path, kind: str, mount: Path, folder: Path) -> "Machine":
        """Make an installation on a mounted disk."""
        folder.mkdir()
        disks.link(folder / "data", mount)
        return cls(folder, disk, kind, Uploads(new_server(folder, workers=2), "cut"))

    def cut(self, number: int) -> Cut:
        """Let the power fail."""
        known = set(self.uploads.acknowledged)
        copy = disks.cut(self.disk, self.disk.with_suffix(f".{number}"))
        newest, self.before = set(self.uploads.sent) - self.before, set(self.uploads.sent)
        return Cut(copy, newest, known)

    def next_acknowledgement(self) -> None:
        """Wait until one more upload is told to be safe."""
        known = len(self.uploads.acknowledged)
        until(lambda: len(self.uploads.acknowledged) > known, 30, "uploads go on")

    def survives(self, cut: Cut, mount: Path) -> None:
        """Start on what is left of a disk, and look what is there."""
        server = self.uploads.server
        # XFS refuses two disks of one name, and lets go of the first a moment after it was unmounted.
        options = "loop,nouuid" if self.kind == "xfs" else "loop"
        with disks.mounted(cut.disk, mount, "-o", options):
            disks.link(server.data, mount)
            after = Uploads(server, "cut", dict(self.uploads.sent), set(cut.acknowledged), numbers=iter([10**6 + 1]))
            try:
                server.start()
                fsck(server)
                after.check(cut.newest)
                assert after.one().status == 200
                after.send_again(cut.newest)
                assert mistakes(server) == ""
            finally:
                server.kill()
        cut.disk.unlink()


@contextmanager
def machine_on(shelf: Path, tmp_path: Path, kind: str) -> Iterator[Machine]:
    """Run a server on a disk of its own for the time of a block."""
    folder = tmp_path / f"machine-{time.monotonic_ns()}"
    disk = disks.make(shelf / f"{folder.name}.img", kind)
    with disks.mounted(disk, tmp_path / "mount", "-o", "loop") as mount:
        machine = Machine.on(disk, kind, mount, folder)
        server = machine.uploads.server
        try:
            server.start()
            yield machine
        finally:
            server.kill()
    disk.unlink()


def survive(shelf: Path, tmp_path: Path, kind: str, seed: int, times: int) -> None:
    """Cut a disk while uploads go on, at any moment and right after acknowledgements, and look at what is left."""
    disks.need_disks(kind)
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    cuts = []
    with machine_on(shelf, tmp_path, kind) as machine:
        for number in range(times):
            with machine.uploads.running():
                time.sleep(chance.uniform(0.02, 0.3))
                if number % 2:
                    machine.next_acknowledgement()
                cuts.append(machine.cut(number))
    for cut in cuts:
        machine.survives(cut, tmp_path / "mount")


@KIND
@REPEATED
def test_a_disk_cut_off_at_any_moment_holds_all_that_was_acknowledged_and_needs_no_hand(
    shelf: Path, tmp_path: Path, kind: str, seed: int
) -> None:
    survive(shelf, tmp_path, kind, seed, 4)


@pytest.mark.long
@KIND
@REPEATED
def test_a_disk_cut_off_at_300_moments_holds_all_that_was_acknowledged_and_needs_no_hand(
    shelf: Path, tmp_path: Path, kind: str, seed: int
) -> None:
    for number in range(300 // EACH):
        survive(shelf, tmp_path, kind, seed + number, EACH)


@KIND
def test_a_disk_whose_flushes_are_lies_is_noticed(shelf: Path, tmp_path: Path, kind: str) -> None:
    disks.need_disks(kind)
    with machine_on(shelf, tmp_path, kind) as machine:
        uploads = machine.uploads
        with injecting(processes_of(uploads.server), machine.folder / "trace", f"{FLUSHES}:retval=0") as trace:
            assert uploads.one().status == 200
            cut = machine.cut(0)
        assert trace.injected
    with pytest.raises((AssertionError, RuntimeError), match=r"acknowledged, and lost|did not start"):
        machine.survives(cut, tmp_path / "mount")
