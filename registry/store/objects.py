"""Reading git objects, with every way it can fail in words; dulwich is imported here and in `git.py`, nowhere else."""

import hashlib
import threading
import weakref
import zlib
from collections.abc import Mapping
from pathlib import Path

from dulwich.errors import FileFormatException, NotGitRepository
from dulwich.objects import Commit, ObjectID, ShaFile, parse_tree
from dulwich.repo import Repo

from registry.errors import Unavailable
from registry.kept import Kept
from registry.store import Entry

FILE_MODE = 0o100644
FOLDER_MODE = 0o040000
_SUBMODULE_MODE = 0o160000
KEPT_COMMITS = 1_000
KEPT_TREES = 20_000
KEPT_BLOB_BYTES = 16 * 2**20
_TYPES = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}


class GitObjects:
    """The objects of one git repository, loose or packed. Any thread may read; C git may repack at the same time.

    What was read is kept in memory: an id never changes its content.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()  # dulwich keeps open packs in plain dicts: one Repo per thread
        self._opened: list[Repo] = []
        weakref.finalize(self, _close, self._opened)
        self._commits: Kept[str, Commit] = Kept(KEPT_COMMITS)
        self._trees: Kept[str, Mapping[str, Entry]] = Kept(KEPT_TREES)
        self._blobs: Kept[str, bytes] = Kept(KEPT_BLOB_BYTES, len)

    def tree(self, tree_id: str) -> Mapping[str, Entry]:
        """Read one folder."""

        def read() -> Mapping[str, Entry]:
            return {
                # People push any name to the policy branch; one that is no text must not stop the server.
                name.decode("utf-8", "backslashreplace"): Entry(id_.decode(), mode == FOLDER_MODE)
                for name, mode, id_ in parse_tree(self._needed(tree_id)[1], sha_len=20)
                if mode != _SUBMODULE_MODE  # a commit of another git repository, nothing that is stored here
            }

        return self._trees.get(tree_id, read)

    def blob(self, blob_id: str) -> bytes:
        """Read one file's content."""
        return self._blobs.get(blob_id, lambda: self._needed(blob_id)[1])

    def commit(self, commit_id: str) -> Commit:
        """Read a commit that a branch or another commit names.

        Raises:
            Unavailable: it is missing or damaged.
        """

        def read() -> Commit:
            found = ShaFile.from_raw_string(*self._needed(commit_id), sha=ObjectID(commit_id.encode()))
            if not isinstance(found, Commit):
                raise Unavailable(f"Object {commit_id} of the git repository should be a commit and is none")
            return found

        return self._commits.get(commit_id, read)

    def is_commit(self, object_id: str) -> bool:
        """Tell whether there is a commit of this id, which anybody may have made up."""
        found = self._find(object_id)
        return found is not None and found[0] == Commit.type_num

    def _needed(self, object_id: str) -> tuple[int, bytes]:
        found = self._find(object_id)
        if found is None:
            raise Unavailable(f"Object {object_id} of the git repository is missing; 'git fsck' lists all that is")
        return found

    def _find(self, object_id: str) -> tuple[int, bytes] | None:
        wanted = ObjectID(object_id.encode())
        try:
            try:
                kind, content = self._repo().object_store.get_raw(wanted)
            except KeyError:
                # A repack may have put it into a pack after dulwich looked at packs, and before it looked at files.
                kind, content = self._repo().object_store.get_raw(wanted)
        except KeyError:
            return None
        except (zlib.error, FileFormatException, AssertionError, ValueError) as error:
            raise Unavailable(
                f"Object {object_id} of the git repository is damaged ({error}); 'git fsck' lists all that is"
            ) from error
        except OSError as error:
            raise Unavailable(f"Object {object_id} cannot be read ({error.strerror}); try again later") from error
        if _id_of(kind, content) != object_id:  # dulwich gives a cut object as far as it goes
            raise Unavailable(f"Object {object_id} of the git repository is damaged; 'git fsck' lists all that is")
        return kind, content

    def _repo(self) -> Repo:
        repo: Repo | None = getattr(self._local, "repo", None)
        if repo is None:
            try:
                repo = self._local.repo = Repo(str(self._path))
                self._opened.append(repo)
            except NotGitRepository:
                raise Unavailable(f"{self._path} is not a git repository; is its disk mounted?") from None
        return repo


def _id_of(kind: int, content: bytes) -> str:
    header = b"%s %d\0" % (_TYPES[kind], len(content))
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def _close(repos: list[Repo]) -> None:
    for repo in repos:
        repo.close()
