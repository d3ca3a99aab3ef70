"""What a push brought, looked at before git lets it in: how much it is, and of which kind.

git has unpacked it into a folder of its own, where nobody else sees it; a small push may hold what becomes very large.
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from registry.durable import sync_file, sync_folder
from registry.errors import Invalid, TooLarge, Unavailable
from registry.store import Entry
from registry.store.objects import GitObjects
from registry.store.trees import Tree

MOST_FAULTS = 20  # told at once
DEEPEST = 8  # folders
MOST_NAMES = 50_000  # in the folders that differ; one that stands in many places counts in each, as readers walk it
_KINDS = {"commit", "tree", "blob"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may come at once."""

    what: str  # brought it
    most: int  # objects
    largest: int  # bytes of one; the largest policy file may have one MiB


PUSH = Bounds("The push", 50_000, 2 * 2**20)
HISTORY = Bounds("The remote", 1_000_000, 16 * 2**20)  # of many years, when it is fetched for the first time


def measure(git: str, path: Path, arrived: Path, bounds: Bounds = PUSH) -> None:
    """Refuse what brought too much, before any of it is read.

    Args:
        git: where C git is.
        path: the git repository.
        arrived: the folder of objects it brought.
        bounds: what is too much.

    Raises:
        TooLarge: there are too many objects, or a large one.
        Invalid: something is neither commit, folder nor file.
        Unavailable: C git could not tell.
    """
    for counted, line in enumerate(_listed(git, path, arrived), 1):
        kind, size, object_id = line.split()
        if kind not in _KINDS:
            raise Invalid(f"{bounds.what} has a {kind} in it ({object_id}); push a branch of plain commits")
        if int(size) > bounds.largest:
            most = bounds.largest // 2**20
            raise TooLarge(
                f"{bounds.what} has a {kind} of {size} bytes in it ({object_id}); at most {most} MiB are taken"
            )
        if counted > bounds.most:
            text = f"{bounds.what} has more than {bounds.most} commits, folders and files in it; push less at once"
            raise TooLarge(text)


def take_in(path: Path, arrived: Path) -> None:
    """Put the packs of a fetch among our own, durably; no branch names yet what is in them.

    Args:
        path: the git repository.
        arrived: the folder of objects that were fetched, on the same disk.

    Raises:
        OSError: the disk refused.
        Unavailable: it failed to keep them.
    """
    packs = path / "objects" / "pack"
    for index in (arrived / "pack").glob("*.idx"):
        for suffix in (".pack", ".rev", ".idx"):  # git looks for the index, so it comes last
            file = index.with_suffix(suffix)
            if file.exists() and not (packs / file.name).exists():
                sync_file(file)
                file.rename(packs / file.name)
    sync_folder(packs)


def faults(objects: GitObjects, new: Entry | None, old: Entry | None) -> list[str]:
    """Say what is in a tree that may not be in a policy; only what differs from the policy it is made for counts.

    Args:
        objects: where both are.
        new: the root that was pushed.
        old: the root of the policy.

    Raises:
        Invalid: there are too many names, or folders in folders.
    """
    found: list[str] = []
    walked = 0
    for path, tree in _changed(objects, "", new, old, 0):
        walked += len(tree)
        if walked > MOST_NAMES:
            raise Invalid(
                f"the folders that differ from the policy have more than {MOST_NAMES:,} files and folders in them, by "
                f"'{path}'; a policy has no need of so many"
            )
        found += [f"{path or 'the top folder'}: {fault}" for fault in tree.faults()]
        if len(found) >= MOST_FAULTS:
            break
    return found[:MOST_FAULTS]


def _changed(
    objects: GitObjects, path: str, new: Entry | None, old: Entry | None, deep: int
) -> Iterator[tuple[str, Tree]]:
    """Read the folders that differ; none below what is too deep to be stored."""
    if new is None or not new.folder or (old and old.id == new.id):
        return
    if deep >= DEEPEST:
        raise Invalid(f"{path!a} is more than {DEEPEST} folders deep; move it up")
    tree = objects.folder(new.id)
    yield path, tree
    before = objects.tree(old.id) if old and old.folder else {}
    for name, entry in tree.entries.items():
        yield from _changed(objects, f"{path}/{name}".lstrip("/"), entry, before.get(name), deep + 1)


def _listed(git: str, path: Path, arrived: Path) -> Iterator[str]:
    """List kind, size and id of every object, which costs git no reading of what is in them."""
    command = [git, f"--git-dir={path}", "cat-file", "--batch-all-objects", "--unordered"]
    environment = {
        "PATH": os.defpath,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_OBJECT_DIRECTORY": str(arrived),
    }
    form = "--batch-check=%(objecttype) %(objectsize) %(objectname)"
    try:
        run = subprocess.Popen([*command, form], stdout=subprocess.PIPE, env=environment, text=True)  # noqa: S603 - fixed words
    except OSError as error:
        raise Unavailable(f"git could not be run ({error.strerror}); nothing was taken") from error
    with run:
        yield from run.stdout or ()
    if run.returncode:
        raise Unavailable("git could not list what the push brought; nothing was taken")
