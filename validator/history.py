"""The commits of a ledger as C git tells them: a reader that shares no code with what wrote them.

GitPython on the caller's own clone: fixed literal options, revisions as 40 hex digits, no configuration but its own.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from registry.errors import Invalid
from registry.records import read_message
from validator.subject import Absent

UNREAD = "history is read with git and GitPython; install git and waybill[audit]"
_QUIET = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}
_FORMAT = "--format=%x1e%H%x1f%P%x1f%ct%x1f%an%x1f%B%x1f"
_OPTIONS = (
    "--raw",
    "--no-abbrev",
    "--no-renames",
    "--no-show-signature",
    "--no-ext-diff",
    "--no-textconv",
    "--no-mailmap",
)


@dataclass(frozen=True)
class Recorded:
    """One commit of the ledger."""

    commit: str
    parents: tuple[str, ...]
    at: datetime
    author: str
    subject: str
    facts: dict[str, str]  # its trailers
    changes: dict[str, str] = field(default_factory=dict)  # A, M or D, by path
    before: datetime | None = None  # when its parent was made
    superseded: bool = False  # whether a newer commit writes the same records of files

    @property
    def event(self) -> str:
        """What happened: publish, yank, delete."""
        return self.facts.get("Waybill-Event", "")

    @property
    def records(self) -> list[str]:
        """The records of files that it touches."""
        return [path for path in self.changes if path.endswith((".whl.json", ".tar.gz.json"))]

    def __repr__(self) -> str:
        return f"<commit {self.commit[:12]} {self.subject}>"


def readable_history() -> bool:
    """Tell whether history can be read on this machine."""
    return find_spec("git") is not None and shutil.which("git") is not None


def history(folder: Path, newest: str) -> Iterator[Recorded]:
    """List the commits of a branch, the newest first.

    Args:
        folder: the clone.
        newest: its newest commit, 40 hex digits.

    Raises:
        Absent: GitPython or git is not installed.
        Invalid: git cannot read the clone.
    """
    if len(newest) != 40 or not set(newest) <= set("0123456789abcdef"):
        raise ValueError(f"{newest!r} is no commit id")
    try:
        import git  # noqa: PLC0415 - only an audit of a ledger needs it
    except ImportError:
        raise Absent(UNREAD) from None
    try:
        with git.Repo(folder, search_parent_directories=True) as repo:
            repo.git.update_environment(**_QUIET)
            text = repo.git.log(newest, _FORMAT, *_OPTIONS, "--")
    except git.GitError as error:
        raise Invalid(f"git cannot read the history of {folder}: {error}") from None
    return _dated([_commit(part) for part in text.split("\x1e")[1:]])


def _commit(text: str) -> Recorded:
    commit, parents, seconds, author, message, changed = text.split("\x1f", 5)
    subject, facts = read_message(message.strip("\n") + "\n")
    changes = dict(_changed(line) for line in changed.splitlines() if line.startswith(":"))
    at = datetime.fromtimestamp(int(seconds), UTC)
    return Recorded(commit, tuple(parents.split()), at, author, subject, facts, changes)


def _changed(line: str) -> tuple[str, str]:
    columns, _, path = line.partition("\t")
    return path, columns.split()[-1]


def _dated(commits: list[Recorded]) -> Iterator[Recorded]:
    """Tell each commit when its parent was made, and whether what it wrote was written again since."""
    times = {one.commit: one.at for one in commits}
    newer: set[str] = set()
    for one in commits:
        values: dict[str, Any] = {**vars(one), "before": times.get(one.parents[0]) if one.parents else None}
        yield Recorded(**{**values, "superseded": newer.issuperset(one.records)})
        newer.update(one.records)
