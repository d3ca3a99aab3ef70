"""Packing by C git while uploads go on: fewer, larger packs, and a commit graph that makes `git log -- path` quick.

Nothing here takes the writer's place, because nothing is taken away that has not been flushed elsewhere before: a pack
goes only after all its objects stand in a new one, durably. Nothing is ever pruned: objects that no branch names (a
refused push, a killed upload) cost a little space, and one that an upload is about to name could not be told from them.
"""

import os
import re
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from registry.durable import sync_folder
from registry.errors import Unavailable

OLDEST = (2, 32)  # the first C git whose pack-objects takes packs as its input
GROWTH = 2  # each pack has at least so many times the objects of all smaller ones: their number stays a logarithm
PATIENCE = 6 * 3600  # seconds for one command; a first packing of a million commits takes its time
_TRIES = 5
_COUNT = 8 + 4 * 255  # where an index says how many objects its pack has: gitformat-pack(5), version 2
# What the machine's or the user's configuration says must not matter here.
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}
_CONFIG = ("core.fsync=all", "core.fsyncMethod=fsync", "pack.threads=1", "pack.writeReverseIndex=false")


class Git:
    """C git, at work on one bare git repository."""

    def __init__(self, program: str, path: Path, held: Sequence[int] = ()) -> None:
        """Nothing is run yet.

        Args:
            program: where C git is.
            path: the git repository.
            held: open files of locks that must be held as long as a command runs, also if this process is killed.
        """
        self._program = program
        self._packs = path / "objects" / "pack"
        self._path = path
        self._held = tuple(held)

    def version(self) -> tuple[int, ...]:
        """Tell which C git it is."""
        found = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", self._run("version"))
        return tuple(int(part) for part in found.groups(b"0")) if found else (0,)

    def pack(self) -> tuple[int, int]:
        """Put loose objects and small packs into one pack, so that few packs remain.

        Returns:
            How many packs there were, and how many there are.

        Raises:
            Unavailable: C git could not; nothing was lost.
        """
        before = len(self._sizes())
        for _ in range(_TRIES):
            every = self._sizes()
            try:
                self._merge(every)
                break
            except Unavailable:
                if all(pack.exists() for pack in every):
                    raise  # else the store has merged some of them meanwhile, and C git missed them
        return before, len(self._sizes())

    def _merge(self, every: dict[Path, int]) -> None:
        small = _to_merge(every)
        loose = any(len(folder.name) == 2 for folder in self._packs.parent.iterdir())
        if small or loose:
            listed = [pack.name if pack in small else f"^{pack.name}" for pack in every]
            # Our packs hold whole objects, and without --no-reuse-delta git would leave them so: seven times the size.
            options = ("--stdin-packs", "--unpacked", "--no-reuse-delta", "--non-empty", "--quiet")
            given = "".join(f"{line}\n" for line in listed).encode()
            made = self._run("pack-objects", *options, str(self._packs / "pack"), given=given).decode().split()
            sync_folder(self._packs)
            self._run("prune-packed", "--quiet")
            for pack in small:
                if pack.stem.removeprefix("pack-") not in made:
                    self._remove(pack)

    def graph(self) -> None:
        """Write what C git needs to walk history quickly, for the commits that are new since the last time."""
        self._run("commit-graph", "write", "--reachable", "--changed-paths", "--split", "--no-progress")

    def _sizes(self) -> dict[Path, int]:
        """Count the objects of each pack that is not being written, or kept by somebody's wish."""
        sizes = {}
        for index in self._packs.glob("*.idx"):
            pack = index.with_suffix(".pack")
            try:
                with index.open("rb") as stream:
                    head = stream.read(_COUNT + 4)
            except FileNotFoundError:  # merged by the store just now
                continue
            if head[:8] == b"\xfftOc\0\0\0\2" and pack.exists() and not pack.with_suffix(".keep").exists():
                (sizes[pack],) = struct.unpack_from(">L", head, _COUNT)
        return sizes

    def _remove(self, pack: Path) -> None:
        """Remove a pack all of whose objects stand in another one."""
        (self._packs / "multi-pack-index").unlink(missing_ok=True)  # an operator's; it would name a pack that is gone
        for suffix in (".idx", ".rev", ".bitmap", ".pack"):  # git looks for the index first
            pack.with_suffix(suffix).unlink(missing_ok=True)

    def _run(self, *arguments: str, given: bytes = b"") -> bytes:
        settings = [word for setting in _CONFIG for word in ("-c", setting)]
        command = [self._program, f"--git-dir={self._path}", *settings, *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - fixed words, and names of packs that this store made
                command,
                input=given,
                capture_output=True,
                check=False,
                env=_ENVIRONMENT,
                pass_fds=self._held,
                timeout=PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"git {arguments[0]} could not be run to its end: {error}") from error
        if done.returncode:
            why = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise Unavailable(f"git {arguments[0]} failed ({why or done.returncode}); nothing was lost")
        return done.stdout


def _to_merge(sizes: dict[Path, int]) -> list[Path]:
    """Choose the small packs whose merger leaves each remaining pack `GROWTH` times as large as all smaller ones."""
    packs = sorted(sizes, key=lambda pack: (sizes[pack], pack.name))
    merged = 0
    for place in range(1, len(packs)):
        if sizes[packs[place]] < GROWTH * sum(sizes[pack] for pack in packs[:place]):
            merged = place + 1
    return packs[:merged]
