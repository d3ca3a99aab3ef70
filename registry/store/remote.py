"""A branch of a git repository elsewhere: asked for and fetched by C git, which gets nothing of this machine but that.

No configuration of the machine or its users, no prompt, no hook, no redirect, one protocol, bounded in size and time.
A secret is neither an argument nor in the environment: git reads it from a pipe, and only when the remote asks.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from registry.errors import Unavailable
from registry.store.address import Login, Secret, shown

PATIENCE = 30.0  # seconds to say where a branch is
FETCHING = 300.0  # seconds to send it
LARGEST = 256 * 2**20  # bytes of what is fetched at once
PARTING = 5.0  # seconds git has to remove its drafts when it is told to stop
_SAID = 2**20  # bytes of what git says
_MEMORY = 2 * 2**20  # KiB of address space; a small pack may claim any size
_BLOCK = 512  # bytes, in which POSIX counts for `ulimit -f`
_BOUNDED = 'ulimit -f "$1"; ulimit -S -v "$2" 2>/dev/null; shift 2; exec "$@"'
_ID = re.compile(r"[0-9a-f]{40}")
_SSH = "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes -oConnectTimeout=15 -oServerAliveInterval=10"
_SETTINGS = {
    "core.fsync": "all",
    "core.fsyncMethod": "fsync",
    "core.hooksPath": os.devnull,
    "core.packedGitWindowSize": "16m",
    "core.packedGitLimit": "512m",
    "core.bigFileThreshold": "1m",
    "fetch.fsckObjects": "true",
    "fetch.unpackLimit": "1",  # what comes stays one pack
    "fetch.writeCommitGraph": "false",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "20",
    "pack.threads": "1",
    "protocol.version": "2",
    "transfer.fsckObjects": "true",
}


class Remote:
    """One branch of one git repository elsewhere."""

    def __init__(self, program: str, path: Path, url: str, branch: str, login: Login, held: Sequence[int] = ()) -> None:
        """Nothing is asked yet.

        Args:
            program: where C git is.
            path: our own git repository.
            url: of the other one, as `checked_url` lets it pass.
            branch: as `checked_branch` lets it pass.
            login: what it knows us by.
            held: open files of locks that are held as long as a git runs, also if this process is killed.
        """
        self._program, self._path, self._url, self._login = program, path.absolute(), url, login
        self._ref = f"refs/heads/{branch}"
        self._held = tuple(held)

    def tip(self) -> str:
        """Ask where the branch is.

        Raises:
            Unavailable: the remote cannot be asked, or has no such branch.
        """
        said = self._run(["ls-remote", "--quiet", "--end-of-options", self._url, self._ref], PATIENCE, _SAID)
        found = [line.partition("\t")[::2] for line in said.splitlines()]
        tip = next((commit for commit, ref in found if ref == self._ref), "")
        if not _ID.fullmatch(tip):
            raise Unavailable(f"{shown(self._url)} has no branch '{self._ref.removeprefix('refs/heads/')}'")
        return tip

    def fetch(self, arrived: Path) -> None:
        """Fetch what the branch has and `main` has not, beside our objects and not among them.

        Args:
            arrived: an empty folder, which takes it.

        Raises:
            Unavailable: it could not be fetched, is too large, or git found it damaged.
        """
        options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"]
        known = ["--negotiation-tip=refs/heads/main", "--refmap="]
        apart = {
            "GIT_OBJECT_DIRECTORY": str(arrived.absolute()),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(str(self._path / "objects")),
        }
        try:
            self._run(["fetch", *options, *known, "--end-of-options", self._url, self._ref], FETCHING, LARGEST, apart)
        except Unavailable:
            if any(file.stat().st_size >= LARGEST // _BLOCK * _BLOCK for file in arrived.glob("pack/*")):
                most = f"{shown(self._url)} has more than {LARGEST // 2**20} MiB that are new; is this the policy?"
                raise Unavailable(most) from None
            raise

    def _run(self, arguments: list[str], patience: float, most: int, more: Mapping[str, str] | None = None) -> str:
        """Run C git to its end, or to the end of our patience.

        Returns:
            What it said.
        """
        bounds = [str(most // _BLOCK), str(_MEMORY)]
        guard = shutil.which("timeout", path=os.defpath)  # also when this process is killed meanwhile
        outlived = [guard, "-k", str(int(PARTING)), str(int(patience + 2 * PARTING))] if guard else []
        command = ["/bin/sh", "-c", _BOUNDED, "git", *bounds, *outlived, self._program, f"--git-dir={self._path}"]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors, Secret(self._url, self._login) as key:
            environment = {**self._environment(key.settings), **(more or {})}
            try:
                process = subprocess.Popen(  # noqa: S603 - fixed words, and a checked URL and branch
                    [*command, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=errors,
                    env=environment,
                    cwd="/",
                    pass_fds=(*self._held, *key.pipe),
                    start_new_session=True,
                )
            except OSError as error:
                raise Unavailable(f"git could not be run ({error.strerror})") from error
            try:
                code = process.wait(patience)
            except subprocess.TimeoutExpired:
                raise Unavailable(f"{shown(self._url)} did not answer within {patience:.0f} s") from None
            finally:
                _end(process)
            if code:
                raise Unavailable(f"{shown(self._url)}: {self._why(errors)}")
            out.seek(0)
            return out.read(_SAID).decode("ascii", "replace")

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        settings = {**_SETTINGS, **more}
        counted = [(f"GIT_CONFIG_KEY_{n}", key) for n, key in enumerate(settings)]
        counted += [(f"GIT_CONFIG_VALUE_{n}", value) for n, value in enumerate(settings.values())]
        own_key = f" -oIdentitiesOnly=yes -i {shlex.quote(str(self._login.key))}" if self._login.key else ""
        return {
            **self._login.network,
            "PATH": os.defpath,
            "LC_ALL": "C",
            "HOME": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": urlsplit(self._url).scheme,
            "GIT_SSH_COMMAND": _SSH + own_key,
            "GIT_SSH_VARIANT": "ssh",
            "GIT_CONFIG_COUNT": str(len(settings)),
            **dict(counted),
        }

    def _why(self, errors: IO[bytes]) -> str:
        """Say what git said last, which may quote the remote: one line, without what nobody may read."""
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - 4096))
        said = errors.read().decode("utf-8", "replace")
        lines = [line for line in said.splitlines() if re.match(r"fatal: |error: |ssh: |.*denied", line)]
        text = re.sub(r"\s+", " ", " ".join(lines[:2]) or said.strip().rpartition("\n")[2])
        text = self._login.hidden(self._url, text)
        return "".join(c if c.isprintable() else "?" for c in text)[:300] or "git failed and said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it, and all that it started, if it has not ended by itself."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PARTING)


def _quoted(path: str) -> str:
    """Write a path so that a colon in it does not end it (git(1), GIT_ALTERNATE_OBJECT_DIRECTORIES)."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
