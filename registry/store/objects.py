"""Reading git objects, with every way it can fail in words; dulwich is imported here, in `git.py` and `clone.py`."""

import hashlib
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Commit, ObjectID, ShaFile
from dulwich.repo import Repo

from registry.errors import Unavailable
from registry.kept import Kept
from registry.store import Entry
from registry.store.packfile import BLOB, COMMIT, NAMES, TREE, Raw
from registry.store.trees import Tree

KEPT_COMMITS = 1_000
KEPT_TREE_ROWS = 200_000
KEPT_BLOB_BYTES = 16 * 2**20
_LOOKS = 4  # packs may be merged between listing their folder and looking into them


class GitObjects:
    """The objects of one git repository, loose or packed. Any thread may read; packs may be merged at the same time.

    What was read or written is kept in memory: an id never changes its content.
    """

    def __init__(self, path: Path, arrived: Path | None = None) -> None:
        """Nothing is opened yet.

        Args:
            path: the git repository.
            arrived: a folder of objects that a push brought and git has not let in yet; they are read as if it had.
        """
        self._path = path
        self._arrived = arrived
        self._reading = threading.Lock()  # one Repo for all threads: dulwich holds two open files per pack
        self._opened: list[Repo] = []
        weakref.finalize(self, _close, self._opened)
        self._commits: Kept[str, Commit] = Kept(KEPT_COMMITS)
        self._trees: Kept[str, Tree] = Kept(KEPT_TREE_ROWS, len)
        self._blobs: Kept[str, bytes] = Kept(KEPT_BLOB_BYTES, len)

    def keep(self, objects: Mapping[str, Raw], trees: Mapping[str, Tree]) -> None:
        """Keep in memory what was just written, as it will be asked for next.

        Args:
            objects: all of it, by id.
            trees: those among them that are trees.
        """
        for object_id, (kind, content) in objects.items():
            if kind == TREE:
                self._trees.get(object_id, partial(trees.__getitem__, object_id))
            elif kind == BLOB:
                self._blobs.get(object_id, partial(bytes, content))
            else:
                self._commits.get(object_id, partial(_commit, object_id, (kind, content)))

    def tree(self, tree_id: str) -> Mapping[str, Entry]:
        """Read one folder."""
        return self.folder(tree_id).entries

    def folder(self, tree_id: str) -> Tree:
        """Read one folder as git has it."""
        return self._trees.get(tree_id, lambda: Tree.read(self._needed(tree_id)[1]))

    def blob(self, blob_id: str) -> bytes:
        """Read one file's content."""
        return self._blobs.get(blob_id, lambda: self._needed(blob_id)[1])

    def commit(self, commit_id: str) -> Commit:
        """Read a commit that a branch or another commit names.

        Raises:
            Unavailable: it is missing or damaged.
        """
        return self._commits.get(commit_id, lambda: _commit(commit_id, self._needed(commit_id)))

    def is_commit(self, object_id: str) -> bool:
        """Tell whether there is a commit of this id, which anybody may have made up."""
        found = self._find(object_id)
        return found is not None and found[0] == COMMIT

    def _needed(self, object_id: str) -> Raw:
        found = self._find(object_id)
        if found is None:
            raise Unavailable(f"Object {object_id} of the git repository is missing; 'git fsck' lists all that is")
        return found

    def _find(self, object_id: str) -> Raw | None:
        try:
            found = next((f for f in (self._look(object_id) for _ in range(_LOOKS)) if f), None)
        except Unavailable:
            raise
        except OSError as error:
            raise Unavailable(f"Object {object_id} cannot be read ({error.strerror}); try again later") from error
        except Exception as error:  # dulwich trusts a pack's index; a damaged one makes it raise anything
            raise Unavailable(
                f"Object {object_id} of the git repository is damaged ({error}); 'git fsck' lists all that is"
            ) from error
        # dulwich gives a cut object as far as it goes, and one of a kind that git does not have
        if found and (found[0] not in NAMES or _id_of(*found) != object_id):
            raise Unavailable(f"Object {object_id} of the git repository is damaged; 'git fsck' lists all that is")
        return found

    def _look(self, object_id: str) -> Raw | None:
        with self._reading:
            try:
                return self._repo().object_store.get_raw(ObjectID(object_id.encode()))
            except KeyError:
                return None

    def _repo(self) -> Repo:
        if not self._opened:
            try:
                opened = Repo(str(self._path))
                if self._arrived:
                    opened.object_store.alternates.append(DiskObjectStore(str(self._arrived)))
                self._opened.append(opened)
            except NotGitRepository:
                raise Unavailable(f"{self._path} is not a git repository; is its disk mounted?") from None
        return self._opened[0]


def _commit(commit_id: str, raw: Raw) -> Commit:
    kind, content = raw
    found = ShaFile.from_raw_string(kind, content, sha=ObjectID(commit_id.encode()))
    if not isinstance(found, Commit):
        raise Unavailable(f"Object {commit_id} of the git repository should be a commit and is none")
    return found


def _id_of(kind: int, content: bytes) -> str:
    header = b"%s %d\0" % (NAMES[kind], len(content))
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def _close(repos: list[Repo]) -> None:
    for repo in repos:
        with suppress(Exception):  # as a process ends, a thread of it may still be reading
            repo.close()
