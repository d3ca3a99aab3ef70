"""One commit with another's changes put on it, in memory: what a merge would give where nothing overlaps."""

import hashlib
from collections.abc import Iterator, Mapping

from registry.store import Entry
from registry.store.snapshot import Objects

Changed = Mapping[str, Entry | None]  # by path; None: it is gone


def changes(objects: Objects, before: str, after: str, prefix: str = "") -> Iterator[tuple[str, Entry | None]]:
    """List the files in which two folders differ, without a look into what is equal.

    Args:
        objects: where both are.
        before: id of the one folder.
        after: id of the other.
        prefix: put before every path.
    """
    old, new = (objects.tree(tree) if tree else {} for tree in (before, after))
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        path = f"{prefix}{name}"
        if was and not was.folder and not (now and not now.folder):
            yield path, None
        if now and not now.folder:
            yield path, now
        inside = [found.id if found and found.folder else "" for found in (was, now)]
        if any(inside):
            yield from changes(objects, inside[0], inside[1], f"{path}/")


def overlapping(one: Changed, other: Changed) -> list[str]:
    """List the paths that both sides changed, or that one made a folder of where the other has a file."""
    found = {path for path in one if path in other and one[path] != other[path]}
    for side, against in ((one, other), (other, one)):
        folders = {path.rsplit("/", depth)[0] for path in side for depth in range(1, path.count("/") + 1)}
        found |= {path for path in against if path in folders and side is not against and against[path] is not None}
    return sorted(found)


class Patched:
    """Objects of a store, and folders made here that it does not have."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._made: dict[str, Mapping[str, Entry]] = {}

    def tree(self, tree_id: str) -> Mapping[str, Entry]:
        """Read one folder."""
        return self._made[tree_id] if tree_id in self._made else self._objects.tree(tree_id)

    def blob(self, blob_id: str) -> bytes:
        """Read one file's content."""
        return self._objects.blob(blob_id)

    def patch(self, tree_id: str, changed: Changed) -> str:
        """Make a folder like another one with some files changed; empty folders vanish, as git has none.

        Returns:
            Its id, which means something only here; empty: nothing is left.
        """
        entries = dict(self.tree(tree_id)) if tree_id else {}
        below: dict[str, dict[str, Entry | None]] = {}
        for path, entry in changed.items():
            name, slash, rest = path.partition("/")
            if slash:
                below.setdefault(name, {})[rest] = entry
            elif entry:
                entries[name] = entry
            else:
                entries.pop(name, None)
        for name, inside in below.items():
            old = entries.get(name)
            made = self.patch(old.id if old and old.folder else "", inside)
            if made:
                entries[name] = Entry(made, folder=True)
            elif old and old.folder:
                del entries[name]
        if not entries:
            return ""
        made_up = hashlib.sha256(repr(sorted(entries.items())).encode()).hexdigest()
        self._made[made_up] = entries
        return made_up
