"""What the documentation of four systems tells people to type, typed at a registry of ours: host and token replaced.

A row is one line of what those documents say. It runs their commands by the real clients, on a desk of its own, and
looks at what came of them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.archives import sdist, wheel
from tests.journeys.clients import ALONE, ask, publish
from tests.journeys.tools import ENVIRONMENTS, SCRIPTS, program
from tests.running import CLEAN, Server, run_git, serving

PEOPLE = """\
alice: {email: alice@acme.example}
bob: {email: bob@acme.example}
carol: {email: carol@acme.example}
dave: {email: dave@acme.example}
"""
EMPTY = "kind: source\nvisibility: public\nprojects: open\n"  # stands for PyPI, where these tests do not look


@dataclass(frozen=True)
class World:
    """A registry that took the place of one system, and the people of the organization."""

    server: Server
    folder: Path
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The address that takes the place of theirs."""
        return self.server.url

    def token(self, person: str, *options: str) -> str:
        """Give a token of a person, made when first asked for."""
        key = " ".join([person, *options])
        if key not in self.tokens:
            self.tokens[key] = self.server.token_for(person, *options)
        return self.tokens[key]


@dataclass
class Desk:
    """One person's machine while a row is replayed."""

    world: World
    folder: Path
    commands: list[str] = field(default_factory=list)  # as they were typed, secrets masked
    env: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return self.world.host

    def at(self, user: str, token: str) -> str:
        """Write the host with credentials in it; what a URL gives another meaning is encoded."""
        return self.host.replace("http://", f"http://{quote(user, safe='')}:{token}@")

    def write(self, name: str, text: str) -> None:
        """Write a file of configuration."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def build(self, name: str, version: str, **more: Any) -> list[str]:
        """Leave in dist/ what a build does, and give the names of the files."""
        (self.folder / "dist").mkdir(exist_ok=True)
        made = [wheel(name, version, **more), sdist(name, version, **more)]
        for filename, data in made:
            (self.folder / "dist" / filename).write_bytes(data)
        return [filename for filename, _ in made]

    def publish(self, name: str, version: str, registry: str, **more: Any) -> None:
        """Let a release be there, for a row about what comes after."""
        publish(self.world.server, wheel(name, version, **more), sdist(name, version, **more), registry=registry)

    def run(self, line: str, *, refused: str | None = None, stdin: str = "", **env: str) -> str:
        """Type a line.

        Args:
            line: of shell.
            refused: what must be said, where it must fail; None: it must succeed.
            stdin: what is typed into it.
            env: variables of this line.

        Returns:
            All that was said.
        """
        self.commands.append(self._masked("".join(f"{name}={value} " for name, value in env.items()) + line))
        if not (self.folder / ".venv").exists():
            self._python()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self.folder, env=self._environment(env), input=stdin, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip
        said = done.stdout + done.stderr
        if refused is None:
            assert done.returncode == 0, f"{line}\n{said}"
        else:
            assert done.returncode != 0, f"this should have been refused: {line}\n{said}"
            assert refused in said, f"{refused!r} is not said: {line}\n{said}"
        return said

    def installed(self, name: str) -> str:
        """Give the version that is installed; empty where none is."""
        code = f"from importlib.metadata import distributions as d; print(*[x.version for x in d(name='{name}')])"
        command = [str(self.folder / ".venv" / "bin" / "python"), "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def uninstall(self) -> None:
        """Begin with an empty environment again."""
        shutil.rmtree(self.folder / ".venv")
        self._python()

    def versions(self, index: str, name: str) -> list[str]:
        """List the versions of a project at an index, as alice sees them."""
        found: list[str] = self._page(index, name)["versions"]
        return found

    def files(self, index: str, name: str) -> list[dict[str, Any]]:
        """List the files of a project at an index, as alice sees them."""
        found: list[dict[str, Any]] = self._page(index, name)["files"]
        return found

    def _page(self, index: str, name: str) -> Any:
        status, text = ask(f"{self.host}{index}{name}/", self.world.server.token)
        assert status in {200, 404}, text
        return json.loads(text) if status == 200 else {"versions": [], "files": []}

    def api(self, path: str, person: str = "alice") -> Any:
        """Ask the API, where their page would be looked at."""
        self.commands.append(f"GET {path}")
        status, text = ask(self.host + path, self.world.token(person), kind="application/json")
        assert status == 200, text
        return json.loads(text)

    def _python(self) -> None:
        command = [sys.executable, "-m", "venv", "--without-pip", str(self.folder / ".venv")]
        subprocess.run(command, check=True, capture_output=True, timeout=60, env=CLEAN)

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        home = str(self.folder)
        kept = {name: value for name, value in CLEAN.items() if not name.lower().endswith("_proxy")}
        return {
            **kept, **ALONE, "HOME": home, "XDG_CONFIG_HOME": f"{home}/.config", "XDG_DATA_HOME": f"{home}/.data",
            "XDG_CACHE_HOME": f"{home}/.cache", "XDG_STATE_HOME": f"{home}/.state", "XDG_CONFIG_DIRS": f"{home}/.etc",
            "PATH": f"{self.world.folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": "",
            "UV_PYTHON": f"{home}/.venv/bin/python", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_CONFIG": "0",
            "TWINE_NON_INTERACTIVE": "1", "PIP_NO_INPUT": "1", "NO_COLOR": "1", "COLUMNS": "1000",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "PDM_CHECK_UPDATE": "false",
            "POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_NO_INTERACTION": "1",
            **self.env, **env,
        }  # fmt: skip

    def _masked(self, text: str) -> str:
        text = text.replace(self.host, "https://HOST").replace(self.host.removeprefix("http://"), "HOST")
        for token in {*self.world.tokens.values(), self.world.server.token}:
            text = text.replace(token, "TOKEN")
        return re.sub(r"eyJ[\w.-]+", "IDENTITY_TOKEN", text)


Play = Callable[[Desk], None]


@dataclass(frozen=True)
class Row:
    """One line of what a document says."""

    id: str
    says: str
    play: Play | None  # None: it comes later
    page: bool = False  # they do it on a web page, we by a command or the API until pages exist
    note: str = ""  # why not, or what is different
    later: bool = False  # what they do comes later, or never; what is done in its place is replayed

    @property
    def system(self) -> str:
        """Whose document it is."""
        return {"B": "bitbucket", "K": "buildkite", "G": "gitlab", "A": "artifact-keeper"}[self.id[0]]


class Rows:
    """The rows of one document, in its order."""

    def __init__(self, make: Callable[[Server], None]) -> None:
        """Begin with none.

        Args:
            make: gives a server the policy of an organization that came from this system.
        """
        self.make = make
        self.rows: list[Row] = []

    def row(
        self, id_: str, says: str, *, page: bool = False, note: str = "", later: bool = False
    ) -> Callable[[Play], Play]:
        """Take a function for the replay of a row."""

        def take(play: Play) -> Play:
            self.rows.append(Row(id_, says, play, page, note, later))
            return play

        return take

    def later(self, id_: str, says: str, why: str) -> None:
        """Name a row that nothing here can do yet."""
        self.rows.append(Row(id_, says, None, note=why))


@contextmanager
def world(folder: Path, rows: Rows) -> Iterator[World]:
    """Serve a registry that took the place of one system."""
    with serving(folder, workers=1) as server:
        rows.make(server)
        _programs(folder / "bin")
        yield World(server, folder)


@dataclass(frozen=True)
class Outcome:
    """What came of a row."""

    row: Row
    commands: tuple[str, ...] = ()
    failure: str = ""

    @property
    def result(self) -> str:
        """The word for it."""
        if self.failure:
            return "failed"
        if self.row.play is None or self.row.later:
            return "later"
        return "by API until pages exist" if self.row.page else "done"


def replay(row: Row, there: World) -> Outcome:
    """Replay a row."""
    if row.play is None:
        return Outcome(row)
    folder = there.folder / row.id
    folder.mkdir()
    desk = Desk(there, folder)
    try:
        row.play(desk)
    except (AssertionError, LookupError, ValueError, OSError, subprocess.SubprocessError) as error:
        return Outcome(row, tuple(desk.commands), f"{type(error).__name__}: {error}")
    return Outcome(row, tuple(desk.commands))


def replay_all(chosen: Sequence[Row], documents: Mapping[str, Rows], folder: Path, at_once: int = 3) -> list[Outcome]:
    """Replay rows, several at once, as clients mostly wait; each system has a server of its own."""
    worlds: dict[str, World] = {}
    with ExitStack() as stack, ThreadPoolExecutor(at_once) as pool:
        for system in dict.fromkeys(row.system for row in chosen if row.play):
            (folder / system).mkdir()
            worlds[system] = stack.enter_context(world(folder / system, documents[system]))
        return list(pool.map(lambda row: replay(row, worlds[row.system]) if row.play else Outcome(row), chosen))


def policy_of(server: Server, files: Mapping[str, str]) -> None:
    """Make the policy, with what every organization has."""
    server.set_policy({"people.yaml": PEOPLE, "registries/empty/registry.yaml": EMPTY, **files})


def commits_of(server: Server, filename: str) -> list[str]:
    """List the ledger commits that are about a file."""
    command = ("log", "ledger", "--format=%H", "--fixed-strings", f"--grep=File: {filename}")
    return run_git(server.git, *command).split()


def _programs(folder: Path) -> None:
    """Put the clients under the names that people type; pip works on the environment of the desk."""
    folder.mkdir()
    here = Path(__file__).parent.parent.parent
    lines = {
        "pip": f'exec {sys.executable} -m pip --python "$HOME/.venv/bin/python" "$@"',
        "python": f'exec {sys.executable} "$@"',
        "python3": f'exec {sys.executable} "$@"',
        "twine": f'exec {SCRIPTS / "twine"} "$@"',
        "uv": f'exec {SCRIPTS / "uv"} "$@"',
        "waybill": f'PYTHONPATH={here} exec {sys.executable} -m registry "$@"',
    }
    for name in ("poetry", "pdm", "keyring"):
        if name in ENVIRONMENTS:
            lines[name] = f'exec {program(name)} "$@"'
    for name, line in lines.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
