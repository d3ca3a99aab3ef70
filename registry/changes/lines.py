"""Where a pushed branch parts from branch `main`, what each changed since, and the one brought onto the other."""

from collections.abc import Iterator
from dataclasses import dataclass

from registry.errors import Invalid
from registry.records import read_message
from registry.store import POLICY, Commit, Entry, Snapshot, Store
from registry.trail import Trail

MOST_AHEAD = 1_000  # commits of a branch of its own


@dataclass(frozen=True, slots=True)
class Edits:
    """What a branch does to `main` as it is now."""

    files: dict[str, bytes | None]  # path -> content; None removes
    overlap: tuple[str, ...]  # paths that both changed, each in another way


def parting(trail: Trail, head: str) -> str:
    """Find the newest commit of `main` that a branch was built on.

    Args:
        trail: of the git repository.
        head: the newest commit of the branch.

    Raises:
        Invalid: there is none, or it is too far back.
    """
    found = {place: commit for commit, place in _walk(trail, head) if place is not None}
    if not found:
        raise Invalid("The branch has no commit in common with main; make it in a clone, beginning at origin/main")
    return found[max(found)]


def leads_to(trail: Trail, old: str, new: str) -> bool:
    """Tell whether a branch at one commit holds all that it held at another."""
    return any(commit == old for commit, _ in _walk(trail, new))


def _walk(trail: Trail, head: str) -> Iterator[tuple[str, int | None]]:
    """Walk back from a commit over all parents, up to those of `main`.

    Yields:
        Each commit, and how many of `main` lead up to it if it is one of them.
    """
    seen, todo = {head}, [head]
    while todo:
        commit = todo.pop()
        place = trail.place(POLICY, commit)
        yield commit, place
        if place is None:
            new = [parent for parent in dict.fromkeys(_commit(trail.store, commit).parents) if parent not in seen]
            seen.update(new)
            todo += new
        if len(seen) > MOST_AHEAD:
            raise Invalid(f"The branch has more than {MOST_AHEAD} commits of its own; make it shorter")


def edits(base: Snapshot, head: Snapshot, main: Snapshot) -> Edits:
    """Bring what a branch changed since it parted from `main` onto `main` as it is.

    What both changed alike is no change any more.

    Args:
        base: where they parted.
        head: the branch.
        main: where it goes.
    """
    theirs, ours = dict(_changed("", base, head)), dict(_changed("", base, main))
    left = {path: entry for path, entry in theirs.items() if path not in ours or ours[path] != entry}
    overlap = tuple(sorted(path for path in left if path in ours))
    return Edits({path: head.read(path) if entry else None for path, entry in left.items()}, overlap)


def merged(trail: Trail, base: str, head: str) -> str | None:
    """Find the commit of `main` that a change's branch, as it is, already became; None where there is none.

    Args:
        trail: of the git repository.
        base: where the branch parted from `main`.
        head: its newest commit.
    """
    for commit in trail.store.history(trail.store.head(POLICY)):
        if commit.id == base:
            return None
        if read_message(commit.message)[1].get("Change-Commit") == head:
            return commit.id
    return None


def subject(store: Store, commit: str) -> str:
    """Read the first line of what a commit says of itself."""
    return _commit(store, commit).message.partition("\n")[0]


def _commit(store: Store, commit: str) -> Commit:
    return next(iter(store.history(store.at(commit))))


def _changed(folder: str, old: Snapshot, new: Snapshot) -> Iterator[tuple[str, Entry | None]]:
    """List the files below a folder that differ, each as it is in the newer; None: it is gone."""
    before, after = old.entries(folder), new.entries(folder)
    for name in sorted({*before, *after}):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        path = f"{folder}/{name}".lstrip("/")
        if (was and was.folder) or (now and now.folder):
            yield from _changed(path, old, new)
        if (was and not was.folder) or (now and not now.folder):
            yield path, now if now and not now.folder else None
