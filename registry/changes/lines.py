"""Where a pushed branch parts from branch `main`, what each changed since, and the one brought onto the other."""

from collections.abc import Iterator
from dataclasses import dataclass

from registry import names
from registry.errors import Invalid
from registry.records import read_message
from registry.store import POLICY, Commit, Entry, Snapshot
from registry.trail import Trail

MOST_AHEAD = 1_000  # commits of a branch of its own
LONGEST_SUBJECT = 100  # characters


@dataclass(frozen=True, slots=True)
class Edits:
    """What a branch does to `main` as it is now."""

    files: dict[str, bytes | None]  # path -> content; None removes
    overlap: tuple[str, ...]  # paths that both changed, each in another way


@dataclass(frozen=True, slots=True)
class Parting:
    """Where a branch leaves `main`."""

    main: str  # the newest commit of main that it holds, or that an earlier commit of it became
    base: str  # what the branch is compared with: the same commit, or that earlier one


def parting(trail: Trail, head: str) -> Parting:
    """Find the newest commit of `main` that a branch was built on.

    Whoever goes on where they pushed an earlier change has that change's own commit, not the one it became on `main`.

    Args:
        trail: of the git repository.
        head: the newest commit of the branch.

    Raises:
        Invalid: there is none, or it is too far back.
    """
    found: dict[int, str] = {}
    own: set[str] = set()
    for commit, place in _walk(trail, head):
        if place is None:
            own.add(commit)
        else:
            found[place] = commit
    if not found:
        raise Invalid("The branch has no commit in common with main; make it in a clone, beginning at origin/main")
    newest = found[max(found)]
    for commit, became in _merged_since(trail, newest):
        if became in own - {head}:
            return Parting(commit, became)
    return Parting(newest, newest)


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
            new = [parent for parent in dict.fromkeys(_commit(trail, commit).parents) if parent not in seen]
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
    return next((commit for commit, became in _merged_since(trail, base) if became == head), None)


def subject(trail: Trail, since: Parting, head: str) -> str:
    """Read what a branch says of itself: the first line of its first commit, which later ones only mend.

    Of an author's own words only this is kept, and only where it can forge nothing.

    Args:
        trail: of the git repository.
        since: where the branch begins.
        head: its newest commit.
    """
    first, commit = None, _commit(trail, head)
    while True:
        if len(commit.parents) < 2 or first is None:
            first = commit
        parent = commit.parents[0] if commit.parents else since.base
        if parent == since.base or trail.place(POLICY, parent) is not None:
            try:
                return names.sentence("subject", first.message.partition("\n")[0], LONGEST_SUBJECT) or ""
            except Invalid:
                return ""
        commit = _commit(trail, parent)


def _merged_since(trail: Trail, base: str) -> Iterator[tuple[str, str | None]]:
    """Walk back over `main` to a commit: each before it, and which commit of a branch became it."""
    for commit in trail.store.history(trail.store.head(POLICY)):
        if commit.id == base:
            return
        yield commit.id, read_message(commit.message)[1].get("Change-Commit")


def _commit(trail: Trail, commit: str) -> Commit:
    return next(iter(trail.store.history(trail.store.at(commit))))


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
