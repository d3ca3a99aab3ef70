"""One organization for all journeys, and the machines of the people in it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.clients import Desk, Pip
from tests.running import CLEAN, Server, serving
from tests.tracing import lacking

PEOPLE = """\
alice: {email: alice@acme.example}
bob: {email: bob@acme.example}
carol: {email: carol@acme.example}
deploy-bot: {service: true, owner: alice}
"""
PYTHON = """\
kind: source
visibility: private
projects: open
grants:
  - role: read
    to: [everyone]
  - role: publish
    to: [bob]
    projects: ["bob-*"]
"""
COMMUNITY = """\
kind: source
visibility: public
projects: open
"""
VAULT = """\
kind: source
visibility: private
projects: open
"""


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with three registries: one private, one public, one where only the admin enters."""
    with serving(tmp_path_factory.mktemp("acme")) as server:
        server.set_policy(
            {
                "people.yaml": PEOPLE,
                "registries/python/registry.yaml": PYTHON,
                "registries/python/projects/guarded.yaml": "protected: true\n",
                "registries/community/registry.yaml": COMMUNITY,
                "registries/vault/registry.yaml": VAULT,
            }
        )
        yield server


@pytest.fixture(scope="session")
def bob(acme: Server) -> str:
    """A token of bob, who reads `python` and publishes `bob-*` there."""
    return acme.token_for("bob")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A machine without any configuration."""
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "desk")


@pytest.fixture(scope="session")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with what Python itself brings, and nothing else."""
    folder = tmp_path_factory.mktemp("venv") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True, timeout=120, env=CLEAN)
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def bundled_pip(venv: Path) -> Pip:
    """The pip that Python brings, years old."""
    return _pip(str(venv), "-m", "pip")


@pytest.fixture(scope="session")
def newest_pip(venv: Path) -> Pip:
    """The pip of the test environment, at work on the other one."""
    return _pip(sys.executable, "-m", "pip", "--python", str(venv))


@pytest.fixture(params=["bundled", "newest"])
def pip(request: pytest.FixtureRequest, bundled_pip: Pip, newest_pip: Pip) -> Pip:
    """Both pips in turn, where they differ."""
    if request.param == "bundled":
        return bundled_pip
    if newest_pip.version == bundled_pip.version:
        lacking("the test environment has no newer pip than Python brings")
    return newest_pip


def _pip(*command: str) -> Pip:
    said = subprocess.run([*command, "--version"], check=True, capture_output=True, text=True, timeout=60, env=CLEAN)
    found = re.match(r"pip ([0-9]+)\.([0-9]+)", said.stdout)
    assert found, said.stdout
    return Pip(command, (int(found[1]), int(found[2])))
