"""The clients people have, run as they run them, each with a home folder of its own."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.archives import sdist, wheel
from tests.journeys.tools import SCRIPTS, program
from tests.running import CLEAN, Server
from tests.tracing import lacking

# Bytecode is what makes a client start fast; a terminal is what makes it draw.
_KEPT = {name: value for name, value in CLEAN.items() if name not in {"PYTHONDONTWRITEBYTECODE", "FORCE_COLOR"}}
SIMPLE = "application/vnd.pypi.simple.v1+json"
SCHEMES = ("http_proxy", "https_proxy", "all_proxy")
# There is nothing but this machine: whatever a client asks elsewhere fails at once.
ALONE = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1,localhost"}
# Clients that draw, ask or look for newer releases of themselves, told not to.
QUIET = {
    "poetry": {"POETRY_VIRTUALENVS_IN_PROJECT": "true"},
    # Another keyring would be given what is configured, and this one cannot keep it.
    "pdm": {"PDM_CHECK_UPDATE": "false", "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
    "pipenv": {"PIPENV_NOSPIN": "1", "PIPENV_IGNORE_VIRTUALENVS": "1"},
    "hatch": {"HATCH_INTERACTIVE": "0"},
}

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Desk:
    """A person's machine: a folder, and no configuration but what a test puts there."""

    folder: Path

    def run(
        self, command: Iterable[str | Path], env: Mapping[str, str] | None = None, stdin: str | None = None
    ) -> Done:
        """Run a client in this folder and give what it said."""
        home = {
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / ".config"),
            "XDG_CONFIG_DIRS": str(self.folder / ".config"),
            "XDG_DATA_HOME": str(self.folder / ".data"),
            "XDG_CACHE_HOME": str(self.folder / ".cache"),
            "XDG_STATE_HOME": str(self.folder / ".state"),
            "UV_CACHE_DIR": str(self.folder / ".uv-cache"),
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PIP_NO_INPUT": "1",
            "PIP_CACHE_DIR": str(self.folder / ".pip-cache"),
            "NO_COLOR": "1",
            "COLUMNS": "1000",  # twine folds its lines
        }
        kept = {name: value for name, value in _KEPT.items() if name.lower() not in {*SCHEMES, "no_proxy"}}
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.folder, env={**kept, **ALONE, **home, **(env or {})}, input=stdin or "",
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def write(self, name: str, text: str) -> Path:
        """Write a file of configuration."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def save(self, archive: tuple[str, bytes]) -> Path:
        """Put an archive into `dist`, as a build does."""
        path = self.folder / "dist" / archive[0]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(archive[1])
        return path

    def tool(self, client: str, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Done:
        """Run Poetry, PDM, pipenv, Hatch or Flit."""
        return self.run([program(client), *arguments], {**QUIET.get(client, {}), **(env or {})})

    def python(self) -> Path:
        """Make the empty environment of the project in this folder, where these clients look for it."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.folder / ".venv"], check=True, timeout=60)
        return self.folder / ".venv" / "bin" / "python"

    def imports(self, *modules: str) -> bool:
        """Tell whether the project's environment has these modules."""
        return self.run([".venv/bin/python", "-c", f"import {', '.join(modules)}"]).returncode == 0

    def twine(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Done:
        """Run `twine upload`."""
        command = [SCRIPTS / "twine", "upload", "--non-interactive", "--disable-progress-bar", *arguments]
        return self.run(command, env)

    def uv(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Done:
        """Run uv; only in a project does it read configuration, and then only that project's."""
        configured = {"UV_NO_CONFIG": "0" if (self.folder / "pyproject.toml").exists() else "1"}
        return self.run([SCRIPTS / "uv", *arguments], {**configured, **(env or {})})


@dataclass(frozen=True)
class Pip:
    """One release of pip and how it is called."""

    command: tuple[str, ...]
    version: tuple[int, ...]

    def at_least(self, *version: int) -> None:
        """Require a pip that can do what a test is about."""
        if self.version < version:
            lacking(f"pip {'.'.join(map(str, self.version))} is older than {'.'.join(map(str, version))}")

    def run(self, desk: Desk, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Done:
        """Run pip."""
        return desk.run([*self.command, *arguments], env)

    def chosen(self, desk: Desk, *arguments: str | Path, env: Mapping[str, str] | None = None) -> list[str]:
        """Let pip resolve without installing, and give what it would install."""
        report = desk.folder / "report.json"
        said = self.run(desk, "install", "--dry-run", "--ignore-installed", "--report", report, *arguments, env=env)
        assert said.returncode == 0, said.stderr
        items = json.loads(report.read_text())["install"]
        return sorted(f"{item['metadata']['name']}=={item['metadata']['version']}" for item in items)


def ask(url: str, token: str | None = None, data: bytes | None = None, kind: str = SIMPLE) -> tuple[int, str]:
    """Send one request, and give status and body."""
    headers = {"Accept": kind, "Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        with urlopen(Request(url, data, headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def publish(server: Server, *archives: tuple[str, bytes], registry: str = "python", token: str | None = None) -> None:
    """Upload archives the quick way, for tests about what comes after."""
    for filename, data in archives:
        head = f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode()
        body = head + data + b"\r\n--cut--\r\n"
        status, text = ask(
            f"{server.url}/{registry}/", token or server.token, body, "multipart/form-data; boundary=cut"
        )
        assert status == 200, text


def listed(server: Server, project: str, registry: str = "python") -> dict[str, dict[str, Any]]:
    """Read a project's page, as files by name."""
    status, text = ask(f"{server.url}/{registry}/simple/{project}/", server.token)
    assert status == 200, text
    return {file["filename"]: file for file in json.loads(text)["files"]}


def requests(server: Server, since: int = 0) -> list[dict[str, Any]]:
    """Read the server's request log, one object per line, from a mark in it."""
    return [json.loads(line) for line in server.log()[since:].splitlines() if line.startswith("{")]


def pair(name: str, version: str = "1.0") -> list[tuple[str, bytes]]:
    """Build a release: a wheel and an sdist."""
    return [wheel(name, version), sdist(name, version)]
