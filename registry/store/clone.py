"""A person's own clone, read and never written: revisions as people name them, and what a pull request would merge.

git itself is not run: a revision can therefore be no option of it, and nothing that a clone configures is executed.
"""

import re
from collections import deque
from collections.abc import Container, Iterator
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.objects import Commit, ObjectID, Tag
from dulwich.refs import Ref
from dulwich.repo import Repo

from registry.errors import Conflict, Invalid, NotFound, Unavailable
from registry.store import Entry, Snapshot
from registry.store.objects import GitObjects
from registry.store.packfile import COMMIT, TAG
from registry.store.patched import Patched, changes, overlapping
from registry.store.snapshot import TreeSnapshot

_REVISION = re.compile(r"([A-Za-z0-9_@+][A-Za-z0-9_@+./-]{0,250})((?:\^|~[0-9]{0,4}){0,20})")
_HEX = re.compile(r"[0-9a-f]{7,40}")
_PLACES = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
_MOST_TAGS = 10  # tags of tags
_MOST_NAMED = 5


class Clone:
    """A git repository with or without work tree, also a linked work tree or one that borrows objects."""

    def __init__(self, folder: Path) -> None:
        """Find it from any folder inside it.

        Raises:
            NotFound: there is none.
            Invalid: it is of a kind that cannot be read here.
        """
        try:
            self._repo = Repo.discover(str(folder))
        except NotGitRepository:
            raise NotFound(f"{folder} is in no git repository; run this in a clone of the policy") from None
        except Exception as error:  # noqa: BLE001 - what an extension of the format raises differs between dulwich's versions
            raise Invalid(f"The clone at {folder} cannot be read ({error}); make a plain one") from None
        if self._repo.object_format.name != "sha1":
            raise Invalid(f"The clone at {folder} has SHA-256 ids, which are not read here; only SHA-1 ones are")
        self._objects = GitObjects(Path(self._repo.path))

    def close(self) -> None:
        """Let go of its files."""
        self._repo.close()

    def resolve(self, revision: str) -> str:
        """Find the commit that a person names.

        Args:
            revision: a commit id of 7 hex digits or more, a branch, tag or remote branch, each perhaps with ^ or ~3.

        Raises:
            Invalid: it is no name of a revision.
            NotFound: there is none of that name.
        """
        parts = _REVISION.fullmatch(revision)
        if not parts or ".." in revision:
            raise Invalid(f"{revision!a} is not a revision; write a branch, a tag or a commit id, perhaps with ~1")
        found = self._peeled(self._named(parts[1]))
        for step in re.findall(r"\^|~[0-9]*", parts[2]):
            for _ in range(1 if step in {"^", "~"} else int(step[1:])):
                found = self._parent(found, revision)
        return found

    def snapshot(self, commit: str) -> Snapshot:
        """Read the files of a commit."""
        found = self._commit(commit)
        return TreeSnapshot(self._objects, commit, found.tree.decode(), int(found.commit_time))

    def roots(self, base: str, head: str) -> tuple[GitObjects, Entry | None, Entry | None]:
        """Give what `faults` looks at: the objects, and the top folders of a branch and of its target."""
        return self._objects, self.snapshot(head).entry(""), self.snapshot(base).entry("")

    def merged(self, base: str, head: str) -> tuple[Snapshot, Snapshot]:
        """Read what a pull request is about: its target, and what the target would be once it is merged.

        Args:
            base: commit of the target.
            head: commit of the branch that is to be merged.

        Raises:
            Conflict: both changed the same files since they parted.
            Invalid: they have nothing in common, or the clone does not reach back far enough to tell.
        """
        parted = self._parted(base, head)
        target, branch = self.snapshot(base), self.snapshot(head)
        if parted == base:
            return target, branch
        trees = {commit: self._commit(commit).tree.decode() for commit in (parted, base, head)}
        ours = dict(changes(self._objects, trees[parted], trees[base]))
        theirs = dict(changes(self._objects, trees[parted], trees[head]))
        if both := overlapping(ours, theirs):
            named = ", ".join(both[:_MOST_NAMED]) + (" and others" if len(both) > _MOST_NAMED else "")
            raise Conflict(f"Both sides changed {named}; merge the target into the branch, and review that")
        patched = Patched(self._objects)
        return target, TreeSnapshot(patched, head, patched.patch(trees[base], theirs), branch.time)

    def _named(self, name: str) -> str:
        for place in _PLACES:
            try:
                return self._repo.refs[Ref(place.format(name).encode())].decode()
            except (KeyError, ValueError):  # ValueError: no reference can have that name
                continue
        if _HEX.fullmatch(name):
            found = [object_id.decode() for object_id in self._repo.object_store.iter_prefix(name.encode())]
            if len(found) > 1:
                raise NotFound(f"{len(found)} objects begin with '{name}'; write more digits")
            if found:
                return found[0]
        raise NotFound(f"The clone has no revision '{name}'; if it is new, run 'git fetch' first{self._shallow()}")

    def _peeled(self, object_id: str) -> str:
        """Follow tags to the commit they name."""
        for _ in range(_MOST_TAGS):
            kind, content = self._repo.object_store.get_raw(ObjectID(object_id.encode()))
            if kind == COMMIT:
                return object_id
            if kind != TAG:
                break
            object_id = Tag.from_string(content).object[1].decode()
        raise NotFound(f"'{object_id}' is no commit")

    def _parent(self, commit: str, revision: str) -> str:
        parents = self._parents(commit)
        if not parents:
            raise NotFound(f"'{revision}' goes back beyond the first commit{self._shallow()}")
        return parents[0]

    def _parents(self, commit: str) -> list[str]:
        if commit.encode() in self._repo.get_shallow():
            return []
        return [parent.decode() for parent in self._commit(commit).parents]

    def _commit(self, commit: str) -> Commit:
        try:
            return self._objects.commit(commit)
        except Unavailable as error:
            raise Unavailable(f"{error}{self._shallow()}") from None

    def _shallow(self) -> str:
        if not self._repo.get_shallow():
            return ""
        return ". This clone is shallow; 'git fetch --unshallow' brings the rest (in CI: fetch depth 0)"

    def _parted(self, base: str, head: str) -> str:
        """Find the newest commit that both come from."""
        common = set(self._ancestors(base))
        if base in set(self._ancestors(head)):
            return base
        found = [commit for commit in self._ancestors(head, until=common) if commit in common]
        older = {commit for one in found for commit in self._ancestors(one) if commit != one}
        newest = [commit for commit in found if commit not in older]
        if not newest:
            raise Invalid(f"{base[:12]} and {head[:12]} have no commit in common{self._shallow()}")
        if len(newest) > 1:
            raise Conflict("The two sides were merged into each other; merge the target into the branch once more")
        return newest[0]

    def _ancestors(self, commit: str, until: Container[str] = ()) -> Iterator[str]:
        """Walk back from a commit, the nearest first, and not beyond some."""
        seen, waiting = {commit}, deque([commit])
        while waiting:
            one = waiting.popleft()
            yield one
            for parent in () if one in until else self._parents(one):
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
