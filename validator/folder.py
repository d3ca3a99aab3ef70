"""A policy held in memory: as it was sent here, or as it lies in somebody's folder, not yet committed edits too."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from registry.errors import Invalid
from registry.store import Entry

LARGEST = 4 * 1024 * 1024  # bytes of a file; the policy's own are much smaller
MOST = 50_000  # files
_NEVER = {".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".venv", "node_modules"}


class Held:
    """Files by path, by the port that a policy is read from."""

    def __init__(self, files: Mapping[str, bytes], commit: str = "") -> None:
        """Take the files.

        Args:
            files: all of them.
            commit: what they are the files of; empty: of none.
        """
        self.id = commit
        self._files = dict(files)
        self._tree: dict[str, dict[str, Entry]] = {"": {}}
        for path, content in self._files.items():
            self._add(path, content)
        self._close()

    def read(self, path: str) -> bytes | None:
        """Read one file; None where there is none."""
        return self._files.get(path)

    def entries(self, path: str) -> Mapping[str, Entry]:
        """List a folder by name."""
        return self._tree.get(path, {})

    def _add(self, path: str, content: bytes) -> None:
        parts = path.split("/")
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        self._tree.setdefault("/".join(parts[:-1]), {})[parts[-1]] = Entry(blob, folder=False)
        for depth in range(1, len(parts)):
            self._tree.setdefault("/".join(parts[:depth]), {})

    def _close(self) -> None:
        """Give every folder an id that changes exactly when something in it does, the deepest first."""
        for path in sorted(filter(None, self._tree), key=lambda path: path.count("/"), reverse=True):
            made = repr(sorted((name, entry.id) for name, entry in self._tree[path].items()))
            above, _, name = path.rpartition("/")
            self._tree[above][name] = Entry(hashlib.sha256(made.encode()).hexdigest(), folder=True)


class Folder(Held):
    """The files of somebody's folder, as they are now."""

    def __init__(self, root: Path) -> None:
        """Read what is there, but for what tools leave.

        Raises:
            Invalid: there are too many, or one is too large.
        """
        files: dict[str, bytes] = {}
        for number, path in enumerate(_walked(root)):
            if number >= MOST:
                raise Invalid(f"{root} holds more than {MOST:,} files; give the folder of the policy itself")
            target = root / path
            if target.is_file() and not target.is_symlink():
                files[path] = _content(target)
        super().__init__(files)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Invalid(f"{path}: more than {LARGEST // 2**20} MiB; a policy has no such file")
    return content


def _walked(root: Path) -> Iterator[str]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name not in _NEVER)
        yield from ((Path(folder) / name).relative_to(root).as_posix() for name in sorted(set(names) - _NEVER))
