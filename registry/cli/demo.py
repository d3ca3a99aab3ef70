"""`waybill demo`: the main job end to end with the real clients, each step shown as the command a user would type."""

import argparse
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from registry.cli import data
from registry.cli.clients import configurations
from registry.credentials import REDACTED
from registry.errors import Invalid, Unavailable

PATIENCE = 30  # seconds until the server must answer
_PROJECT = """\
[project]
name = "waybill-hello"
version = "{version}"
description = "What waybill demo publishes"
requires-python = ">=3.8"

[build-system]
requires = ["uv_build>={minor},<{next}"]
build-backend = "uv_build"
"""
_MODULE = """\
def greet() -> str:
    return "hello from waybill-hello {version}"
"""


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("demo", help="publish, install and audit a small project with twine, uv, pip and git")
    parser.add_argument(
        "--keep", action="store_true", help="leave the server running and print ready-made configuration"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play the demo in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="waybill-demo-"))
    demo = Demo(folder)
    kept = False
    try:
        demo.play()
        if options.keep:
            demo.hand_over()
            kept = True
    finally:
        if not kept:
            demo.end()
    return 0


class Demo:
    """One run: a folder, a server in it, and the steps in their order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "registry"
        self._port = _free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._env = _clean_environment()
        self._token = ""

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}/python/"

    def play(self) -> None:
        """Go through all steps; each must succeed."""
        twine, uv = _tool("twine"), _tool("uv")
        self._title("An organization, and the server")
        self._token = self._waybill("init", "registry", "--admin", "alice").strip()
        self._serve()
        self._title("Publish wheel and sdist with twine")
        self._build(uv, "1.0.0")
        self._env |= {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": self._token}
        self._say("$ export TWINE_USERNAME=__token__ TWINE_PASSWORD=$TOKEN")
        self._step([twine, "upload", "--disable-progress-bar", "--repository-url", self._url, *self._dist("1.0.0")])
        self._title("The next version with uv")
        self._build(uv, "1.1.0")
        self._env |= {"UV_PUBLISH_TOKEN": self._token}
        self._say("$ export UV_PUBLISH_TOKEN=$TOKEN")
        self._step([uv, "publish", "--publish-url", self._url, *self._dist("1.1.0")])
        self._title("Install with pip into a fresh environment, and import")
        self._step([sys.executable, "-m", "venv", "fresh"], shown="python -m venv fresh")
        self._env |= {"PIP_INDEX_URL": f"http://__token__:{self._token}@127.0.0.1:{self._port}/python/simple/"}
        self._say(f"$ export PIP_INDEX_URL=http://__token__:$TOKEN@127.0.0.1:{self._port}/python/simple/")
        self._step(["fresh/bin/pip", "install", "waybill-hello"], shown="fresh/bin/pip install waybill-hello")
        greet = "import waybill_hello; print(waybill_hello.greet())"
        self._step(["fresh/bin/python", "-c", greet], shown=f"fresh/bin/python -c {shlex.quote(greet)}")
        self._title("Who published it, and which permission allowed that")
        self._audit()
        self._say("\nDone. 'waybill demo --keep' leaves the server running for you to try.")

    def hand_over(self) -> None:
        """Leave the server running, and say how to use and end it."""
        if self._server is None:
            return
        self._title("The server keeps running")
        print(configurations(f"http://127.0.0.1:{self._port}", "python", self._token))
        print(f"Data: {self._data}\nStop: kill {self._server.pid} && rm -r {self._folder}", flush=True)

    def end(self) -> None:
        """Stop the server and remove the folder."""
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self._server.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        bind = f"127.0.0.1:{self._port}"
        self._say(f"$ waybill serve registry --bind {bind} &")
        with (self._folder / "serve.log").open("wb") as log:
            command = [sys.executable, "-m", "registry", "serve", "registry", "--bind", bind]
            self._server = subprocess.Popen(
                command, cwd=self._folder, env=self._env, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._server.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{bind}/-/ready", timeout=5) as answer:
                    self._say(f"$ curl http://{bind}/-/ready\n{answer.read().decode().strip()}")
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        raise Unavailable("The server did not start:\n" + (self._folder / "serve.log").read_text())

    def _build(self, uv: str, version: str) -> None:
        """Write a small project and build it with the backend that uv carries, so that nothing is fetched."""
        release = self._run([uv, "--version"]).stdout.split()[1].split(".")
        project = _PROJECT.format(
            version=version, minor=f"{release[0]}.{release[1]}", next=f"{release[0]}.{int(release[1]) + 1}"
        )
        package = self._folder / f"hello-{version}" / "src" / "waybill_hello"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(_MODULE.format(version=version))
        (self._folder / f"hello-{version}" / "pyproject.toml").write_text(project)
        self._step([uv, "build", "--quiet", "--out-dir", f"dist-{version}", f"hello-{version}"])

    def _dist(self, version: str) -> list[str]:
        return sorted(
            str(p.relative_to(self._folder)) for p in (self._folder / f"dist-{version}").glob("waybill_hello-*")
        )

    def _audit(self) -> None:
        git = shutil.which("git")
        if git:
            self._step([git, "-C", f"registry/{data.GIT_FOLDER}", "log", "-n", "4", "ledger"])
        else:
            self._say("(git is not installed; with it: git -C registry/waybill.git log ledger)")
        self._waybill("log", "--data", "registry", "waybill-hello==1.1.0")

    def _title(self, text: str) -> None:
        self._say(f"\n== {text}")

    def _say(self, text: str) -> None:
        print(text, flush=True)

    def _waybill(self, *arguments: str) -> str:
        return self._step([sys.executable, "-m", "registry", *arguments], shown=shlex.join(["waybill", *arguments]))

    def _step(self, command: Sequence[str], shown: str = "") -> str:
        """Run one command as a user would, and show it with what came back.

        Returns:
            What it wrote to stdout.
        """
        self._say("$ " + (shown or shlex.join([Path(command[0]).name, *command[1:]])))
        done = self._run(command)
        secrets_hidden = REDACTED.sub("(the token, kept in $TOKEN)", done.stdout + done.stderr)
        if secrets_hidden.strip():
            self._say(secrets_hidden.rstrip())
        if done.returncode:
            raise Unavailable(f"This step failed with exit code {done.returncode}; the demo ends here")
        return done.stdout

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self._folder, env=self._env, capture_output=True, text=True, check=False)


def _tool(name: str) -> str:
    """Find a client beside our own interpreter, else on the path."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if not found:
        raise Invalid(f"{name} is not installed; get what the demo uses with: pip install 'waybill[demo]'")
    return found


def _clean_environment() -> dict[str, str]:
    """Hide this machine's package configuration: the demo's packages come from the demo's registry."""
    env: Mapping[str, str] = os.environ
    kept = {k: v for k, v in env.items() if not k.startswith(("PIP_", "UV_", "TWINE_", "WAYBILL_"))}
    return kept | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_NO_CONFIG": "1",
        "NO_COLOR": "1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
