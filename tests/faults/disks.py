"""Disks made of files: one can be cut off at any moment, filled, or taken away, without touching the real one.

A disk's file lies on XFS, where a copy shares its blocks: it takes milliseconds, and no write falls into the middle of
it. Such a copy is what the platter holds at that moment, with journal and all, had the power failed.
"""

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.tracing import lacking, need

SIZE = 320 * 2**20  # bytes, sparse: XFS makes nothing smaller, and the registry keeps 64 MiB free
_LEAVING = 20.0  # seconds that a killed process may take to let go of a disk
_FICLONE = 0x40049409  # ioctl_ficlone(2)
_OPTIONS = {"ext4": ["-q", "-F", "-m", "0"], "xfs": ["-q", "-f"], "btrfs": ["-q", "-f"]}


def run(*command: str) -> None:
    """Run a command of the operator."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def need_disks(*kinds: str) -> None:
    """Require what it takes to make disks."""
    if os.geteuid() != 0:
        lacking("mounting a disk needs root")
    if not Path("/dev/loop-control").exists():
        lacking("there are no loop devices")
    for kind in kinds:
        need(f"mkfs.{kind}")


def make(file: Path, kind: str, size: int = SIZE) -> Path:
    """Make an empty disk."""
    with file.open("wb") as stream:
        stream.truncate(size)
    run(f"mkfs.{kind}", *_OPTIONS[kind], str(file))
    return file


@contextmanager
def mounted(source: Path | str, place: Path, *options: str) -> Iterator[Path]:
    """Mount a disk for the time of a block."""
    place.mkdir(exist_ok=True)
    run("mount", *options, str(source), str(place))
    try:
        yield place
    finally:
        with suppress(AssertionError):
            run("umount", str(place))
        if os.path.ismount(place):  # somebody is still in it, who is about to be killed
            run("umount", "--lazy", str(place))


def unmount(place: Path) -> None:
    """Take a disk away once those who were killed have let go of it."""
    over = time.monotonic() + _LEAVING
    while os.path.ismount(place):
        try:
            run("umount", str(place))
        except AssertionError:
            if time.monotonic() > over:
                raise
            time.sleep(0.1)


def cut(disk: Path, copy: Path) -> Path:
    """Copy a disk as it is in this moment."""
    with disk.open("rb") as source, copy.open("wb") as target:
        fcntl.ioctl(target, _FICLONE, source.fileno())
    return copy


def link(data: Path, disk: Path) -> Path:
    """Let a data folder lie on a disk, and its server's log elsewhere."""
    (disk / "data").mkdir(exist_ok=True)
    data.unlink(missing_ok=True)
    data.symlink_to(disk / "data")
    return data


def device(mount: Path) -> str:
    """Tell the name of the device that is mounted there."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next(Path(source).name for source, place, *_ in mounts if place == str(mount))
