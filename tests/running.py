"""A real server on loopback, started with the command a user types."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

WAYBILL = [sys.executable, "-m", "registry"]
# What a client of these tests may see: nothing of this machine's package configuration.
_FOREIGN = (
    *("PIP_", "UV_", "TWINE_", "POETRY_", "PDM_", "PIPENV_", "HATCH_", "FLIT_"),
    *("WAYBILL_", "VIRTUAL_ENV", "NETRC", "PYTHON_KEYRING"),
)
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
CLEAN["PIP_CONFIG_FILE"] = os.devnull
CLEAN["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
CLEAN["UV_NO_CONFIG"] = "1"


def waybill(*arguments: str, token: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a waybill command as a user would."""
    env = {**CLEAN, **({"WAYBILL_TOKEN": token} if token else {})}
    return subprocess.run([*WAYBILL, *arguments], capture_output=True, text=True, check=check, env=env, timeout=60)


@dataclass
class Server:
    """An installation and the process that serves it."""

    data: Path
    port: int
    token: str  # of the admin `alice`, unlimited
    workers: int = 2
    command: Sequence[str] = tuple(WAYBILL)  # what runs it, where that is more than the command itself
    process: subprocess.Popen[bytes] | None = None
    options: Sequence[str] = ()  # of `waybill serve`
    environment: Mapping[str, str] = field(default_factory=dict)  # of its process, besides what is clean

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def git(self) -> Path:
        """The bare git repository."""
        return self.data / "waybill.git"

    def index_url(self, token: str | None = None, registry: str = "python") -> str:
        """The simple index, with a token in it as clients take it."""
        return f"http://__token__:{token or self.token}@127.0.0.1:{self.port}/{registry}/simple/"

    @property
    def upload_url(self) -> str:
        """Where uploaders publish to."""
        return f"{self.url}/python/"

    def start(self) -> None:
        """Start serving, and wait until it does."""
        log = (self.data.parent / "serve.log").open("ab")
        bind = f"127.0.0.1:{self.port}"
        command = [*self.command, "serve", str(self.data), "--bind", bind, "--workers", str(self.workers)]
        command += self.options
        environment = {**CLEAN, **self.environment}
        with log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
                    return
            except (URLError, ConnectionError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.02)
        raise RuntimeError(f"the server did not start: {self.log()}")

    def worker_pids(self) -> list[str]:
        """The processes that answer."""
        assert self.process is not None
        command = ["pgrep", "-P", str(self.process.pid)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    def stop(self) -> int:
        """Ask it to stop, as an init system does, and give its exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """Kill it and its workers at once, as a power cut or the kernel would."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)

    def log(self) -> str:
        """Everything it wrote."""
        return (self.data.parent / "serve.log").read_text()

    @property
    def clone_url(self) -> str:
        """The git repository over HTTP, with alice's token in it as people type it."""
        return self.clone_url_for("alice", self.token)

    def clone_url_for(self, person: str, token: str) -> str:
        """The git repository over HTTP, with a token in it."""
        return f"http://{person}:{token}@127.0.0.1:{self.port}/-/git/acme.git"

    def set_policy(self, files: dict[str, str], message: str = "Change the policy") -> str:
        """Change files on branch main through a change of alice, who is admin; the server must be running.

        Returns:
            The commit of main; what is there already makes none.
        """
        clone = self._commit(files, message)
        if run_git(clone, "rev-parse", "HEAD^{tree}") != run_git(clone, "rev-parse", "origin/main^{tree}"):
            said = try_git(clone, "push", self.clone_url, f"HEAD:change/{clone.name}").stderr
            assert "Merged into main" in said, said
        return run_git(self.git, "rev-parse", "main").strip()

    def force_policy(self, files: dict[str, str], message: str = "Change the policy") -> str:
        """Put files on branch main that no change could put there, as a hand on the host might.

        Returns:
            The commit of main.
        """
        clone = self._commit(files, message)
        run_git(self.git, "fetch", "-q", str(clone), "+HEAD:refs/heads/main")
        return run_git(clone, "rev-parse", "HEAD").strip()

    def _commit(self, files: dict[str, str], message: str) -> Path:
        """Commit files on top of main, in a new clone."""
        clone = self.data.parent / f"policy-{time.monotonic_ns()}"
        run_git(self.data, "clone", "-q", str(self.git), str(clone))
        for path, text in files.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_text(text)
        run_git(clone, "add", "-A")
        me = ("-c", "user.name=alice", "-c", "user.email=alice@acme.example")
        run_git(clone, *me, "commit", "-q", "--allow-empty", "-m", message)
        return clone

    def token_for(self, person: str, *options: str) -> str:
        """Make a token as the operator does."""
        return waybill("token", "create", "--data", str(self.data), "--person", person, *options).stdout.strip()


def run_git(folder: Path, *arguments: str) -> str:
    """Run C git, the independent reader of what the store wrote."""
    done = try_git(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def try_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run C git where it may refuse."""
    command = ["git", "-C", str(folder), *arguments]
    env = {**CLEAN, "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=env)


def new_server(folder: Path, workers: int = 2) -> Server:
    """Make an installation with the admin `alice`; not started yet."""
    token = waybill("init", str(folder / "data"), "--organization", "acme", "--admin", "alice").stdout.strip()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Server(folder / "data", port, token, workers)


@contextmanager
def serving(folder: Path, workers: int = 2) -> Iterator[Server]:
    """Serve a new installation for the time of a block."""
    server = new_server(folder, workers)
    try:
        server.start()
        yield server
    finally:
        server.kill()
