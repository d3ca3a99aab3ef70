"""The commits of a ledger as C git tells them: a reader that shares no code with what wrote them.

GitPython on the caller's own clone: fixed literal options, revisions as 40 hex digits, no configuration but its own.
"""

import shutil
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile
from typing import IO

from registry.errors import Invalid
from registry.records import read_message
from validator.subject import Absent

UNREAD = "history is read with git and GitPython; install git and waybill[audit]"
CUT = "the clone's history is not whole; 'git fetch --unshallow' brings the rest, and info/grafts is to be removed"
_QUIET = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",  # refs/replace/ would show another history than the one that is there
}
_SIGNED_BY = (
    "gpg.ssh.program=ssh-keygen",
    "gpg.openpgp.program=false",
    "gpg.x509.program=false",
    "gpg.minTrustLevel=fully",
)
_FIELDS = "%H", "%P", "%ct", "%an", "%B", ""
_AT_ONCE = 1 << 16  # bytes
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
    clone: Path = Path()  # where it was read

    def said(self, trailer: str) -> str:
        """Give a trailer; empty where there is none."""
        return self.facts.get(trailer, "")

    @property
    def event(self) -> str:
        """What happened: publish, yank, delete."""
        return self.facts.get("Waybill-Event", "")

    @property
    def records(self) -> list[str]:
        """The records of files that it touches."""
        return [path for path in self.changes if path.endswith((".whl.json", ".tar.gz.json"))]

    def unsigned(self, signers: str) -> str:
        """Say why this commit is not signed by one of some keys; empty: it is.

        Args:
            signers: who may sign, and their keys, as ssh-keygen reads them (ALLOWED SIGNERS in its manual).
        """
        import git  # noqa: PLC0415 - as below

        with NamedTemporaryFile("w", encoding="utf-8") as file, git.Repo(self.clone) as repo:
            file.write(signers.rstrip("\n") + "\n")
            file.flush()
            # A clone's own configuration must choose neither keys nor programs; signatures of other kinds are none.
            chosen = [*_SIGNED_BY, f"gpg.ssh.allowedSignersFile={file.name}"]
            repo.git.update_environment(**_QUIET)
            try:
                repo.git(c=chosen).verify_commit(self.commit)
            except git.GitCommandError as error:
                return str(error.stderr).strip() or "there is no signature"
        return ""

    def __repr__(self) -> str:
        return f"<commit {self.commit[:12]} {self.subject}>"


def unreadable(folder: Path) -> str:
    """Say why the history of a clone cannot be read here; empty: it can."""
    if find_spec("git") is None or shutil.which("git") is None:
        return UNREAD
    git = next((place for place in (folder / ".git", folder) if (place / "objects").is_dir()), folder)
    return CUT if any((git / name).exists() for name in ("shallow", "info/grafts")) else ""


def history(folder: Path, newest: str) -> Iterator[Recorded]:
    """List the commits of a branch, the newest first, as git tells of them.

    Args:
        folder: the clone.
        newest: its newest commit, 40 hex digits.

    Raises:
        Absent: the history cannot be read.
        Invalid: git cannot read the clone.
    """
    if len(newest) != 40 or not set(newest) <= set("0123456789abcdef"):
        raise ValueError(f"{newest!r} is no commit id")
    if reason := unreadable(folder):
        raise Absent(reason)
    import git  # noqa: PLC0415 - only an audit of a ledger needs it

    begin, mark = token_hex(16), token_hex(16)  # which no message can have in it, whoever wrote that
    form = f"--format={begin}" + mark.join(_FIELDS)
    try:
        with git.Repo(folder, search_parent_directories=True) as repo:
            repo.git.update_environment(**_QUIET)
            process = repo.git.log(newest, form, *_OPTIONS, "--", as_process=True)
            yield from _dated(_commit(part.split(mark), folder) for part in _parts(process.stdout, begin))
            process.wait()
    except git.GitError as error:
        raise Invalid(f"git cannot read the history of {folder}: {error}") from None


def _parts(stream: IO[bytes], mark: str) -> Iterator[str]:
    """Take apart what comes, without waiting for its end."""
    rest = ""
    decoder = getincrementaldecoder("utf-8")("surrogateescape")
    while more := stream.read(_AT_ONCE):
        *parts, rest = (rest + decoder.decode(more)).split(mark)
        yield from filter(None, parts)
    if rest:
        yield rest


def _commit(fields: list[str], clone: Path) -> Recorded:
    commit, parents, seconds, author, message, changed = fields
    subject, facts = read_message(message.strip("\n") + "\n")
    changes = dict(_changed(line) for line in changed.splitlines() if line.startswith(":"))
    at = datetime.fromtimestamp(int(seconds), UTC)
    return Recorded(commit, tuple(parents.split()), at, author, subject, facts, changes, clone=clone)


def _changed(line: str) -> tuple[str, str]:
    columns, _, path = line.partition("\t")
    return path, columns.split()[-1]


def _dated(commits: Iterable[Recorded]) -> Iterator[Recorded]:
    """Tell each commit when its parent was made, which git lists after it, and what newer ones wrote again."""
    waiting: dict[str, list[Recorded]] = {}
    again: set[str] = set()  # records that a newer commit wrote, and was not the first to write
    for one in commits:
        found = replace(one, superseded=again.issuperset(one.records))
        again.update(path for path in one.records if one.changes[path] != "A")
        for child in waiting.pop(one.commit, ()):
            yield replace(child, before=one.at)
        if one.parents:
            waiting.setdefault(one.parents[0], []).append(found)
        else:
            yield found
    yield from (child for children in waiting.values() for child in children)


def acting(folder: Path, newest: str) -> Callable[[str], datetime | None]:
    """Tell when each principal last had something recorded; history is read when that is first asked."""

    @cache
    def moments() -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for one in history(folder, newest):
            found.setdefault(one.said("Principal"), one.at)
        return found

    return lambda account: moments().get(account)
