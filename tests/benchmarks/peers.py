"""The other registries people choose from, each in the fastest form that its own options offer for one core."""

import base64
import json
import os
import sys
from pathlib import Path
from typing import ClassVar

from packaging.utils import canonicalize_name

from tests.benchmarks.client import basic, send
from tests.benchmarks.machine import Unmeasured, run
from tests.benchmarks.servers import Server

_SECRET = "measured-and-thrown-away"


class Peer(Server):
    """A server that pip installs into an environment of its own."""

    packages: ClassVar[tuple[str, ...]]

    @property
    def bin(self) -> Path:
        """Where its commands are."""
        return self.setup.work / "venvs" / self.name / "bin"

    def install(self) -> str:
        if not self.bin.exists():
            run(sys.executable, "-m", "venv", self.bin.parent)
        if not set(self.packages) <= self._installed().keys():
            # The index that pip is configured to use on this machine, or PyPI.
            run("env", *_pip_settings(), self.bin / "pip", "install", "-q", *self.packages)
        return self._installed()[self.packages[0]]

    def _installed(self) -> dict[str, str]:
        listed = json.loads(run(self.bin / "pip", "list", "--format=json"))
        return {canonicalize_name(entry["name"]): entry["version"] for entry in listed}


class Devpi(Peer):
    """devpi-server on its SQLite storage, with metadata files; uploaders use a session, as passwords are slow."""

    name = "devpi"
    packages = ("devpi-server",)
    kept = True
    fillers = 1  # with eight, it answered 500 to some uploads on the way to 14,000 files
    _session = ""

    def create(self) -> None:
        options: list[str | Path] = ["--serverdir", self.folder / "server", "--no-root-pypi", "--root-passwd", _SECRET]
        run(self.bin / "devpi-init", *options)

    def command(self) -> list[str | Path]:
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--threads", "50", "--enable-core-metadata"]
        return [self.bin / "devpi-server", "--serverdir", self.folder / "server", *options]

    def start(self, core: int | None = None) -> None:
        """Start it, log in, and make the index."""
        super().start(core)
        login = json.dumps({"user": "root", "password": _SECRET}).encode()
        answer = send("POST", f"{self.url}/+login", login, {"Content-Type": "application/json"})
        self._session = json.loads(answer.body)["result"]["password"]
        allowed = base64.b64encode(f"root:{self._session}".encode()).decode()
        headers = {"Content-Type": "application/json", "X-Devpi-Auth": allowed}
        made = send("PUT", f"{self.url}/root/bench", b'{"bases": [], "volatile": "True"}', headers)
        if made.status not in {200, 409}:  # it was made in an earlier run
            raise Unmeasured(f"no index: {made.status} {made.body[:100].decode(errors='replace')}")

    @property
    def index_url(self) -> str:
        return f"{self.url}/root/bench/+simple/"

    @property
    def upload_url(self) -> str:
        return f"{self.url}/root/bench/"

    @property
    def account(self) -> tuple[str, str]:
        return "root", self._session

    @property
    def upload_credentials(self) -> dict[str, str]:
        return basic(*self.account)


class Folder(Peer):
    """A server of a folder of files: filling it is linking them."""

    def create(self) -> None:
        (self.folder / "packages").mkdir()

    def fill(self) -> None:
        corpus = self.setup.corpus
        for item in corpus.items:
            path = self.folder / "packages" / item.project / item.filename
            path.parent.mkdir(exist_ok=True)
            os.link(corpus.path(item), path)

    @property
    def index_url(self) -> str:
        return f"{self.url}/simple/"


class SimpleRepositoryServer(Folder):
    """The reference implementation, under uvicorn."""

    name = "simple-repository-server"
    packages = ("simple-repository-server",)
    takes_uploads = False

    def command(self) -> list[str | Path]:
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        return [self.bin / "python", "-m", "simple_repository_server", *address, self.folder / "packages"]


class Pypiserver(Folder):
    """pypiserver under gunicorn, with its list of files kept in memory; anybody may upload."""

    name = "pypiserver"
    packages = ("pypiserver", "gunicorn", "watchdog")

    def command(self) -> list[str | Path]:
        server = ["--server", "gunicorn", "--backend", "cached-dir", "--disable-fallback", "--log-stream", "none"]
        address = ["-i", "127.0.0.1", "-p", str(self.port), "-a", ".", "-P", "."]
        return [self.bin / "pypi-server", "run", *address, *server, self.folder / "packages"]

    @property
    def upload_url(self) -> str:
        return f"{self.url}/"

    @property
    def account(self) -> tuple[str, str]:
        return "anybody", "anything"


class Peryx(Peer):
    """peryx as it comes, with one hosted index."""

    name = "peryx"
    packages = ("peryx",)
    kept = True

    def create(self) -> None:
        (self.folder / "data").mkdir()

    def command(self) -> list[str | Path]:
        token = (
            f'[[index.access_token]]\nname = "upload"\nsecret = "{_SECRET}"\nactions = ["read", "write", "delete"]\n'
        )
        index = f'[[index]]\necosystem = "pypi"\nname = "hosted"\nhosted = true\n{token}'
        configuration = self.folder / "peryx.toml"
        configuration.write_text(f'data_dir = "{self.folder / "data"}"\nport = {self.port}\n{index}')
        return [self.bin / "peryx", "serve", "--config", configuration, "--log-level", "warn"]

    @property
    def index_url(self) -> str:
        return f"{self.url}/hosted/simple/"

    @property
    def upload_url(self) -> str:
        return f"{self.url}/hosted/"

    @property
    def account(self) -> tuple[str, str]:
        return "__token__", _SECRET

    @property
    def upload_credentials(self) -> dict[str, str]:
        return basic(*self.account)


PEERS = {peer.name: peer for peer in (Devpi, SimpleRepositoryServer, Pypiserver, Peryx)}


def _pip_settings() -> list[str]:
    """Keep pip's own settings, which no measured client may see."""
    return [f"{name}={value}" for name, value in os.environ.items() if name.startswith("PIP_")]
