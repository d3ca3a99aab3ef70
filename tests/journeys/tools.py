"""The clients that tests run, each in an environment of its own: none is held to what another needs.

They are installed from the machine's package index, in the versions of `.ci/clients.txt`, once per checkout and at
first need. `python -m tests.journeys.tools` installs all of them; with `--newest` it prints newer pins instead.
"""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / ".tools" / "clients"
PINS = ROOT / ".ci" / "clients.txt"
SCRIPTS = Path(sys.executable).parent  # of the test environment, which has twine, uv and pip
# What each environment is made of. With keyring beside them, clients ask it for passwords.
ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "poetry": ("poetry",),
    "pdm": ("pdm", "hishel<2", "unearth<0.19"),  # PDM 2.29.3 takes newer ones and fails with them
    "pipenv": ("pipenv",),
    "hatch": ("hatch",),
    "flit": ("flit", "keyring"),
    "keyring": ("keyring", "pip"),
}


def program(client: str, environment: str = "") -> Path:
    """Give the path of a client's command; it is installed if it is not there.

    Args:
        client: the name of the command.
        environment: where it is, if that has another name; twine and uv are of the test environment.
    """
    environment = environment or client
    if environment not in ENVIRONMENTS:
        return SCRIPTS / client
    try:
        return made(environment) / "bin" / client
    except subprocess.CalledProcessError as error:
        said = (str(error.stderr).strip().splitlines() or ["it said nothing"])[-1]
        repair = "run `python -m tests.journeys.tools` where a package index answers"
        pytest.fail(f"{client} is not installed here; {repair}: {said}", pytrace=False)


def made(environment: str) -> Path:
    """Make an environment, unless it is there as it is wanted now; of several processes, one does it."""
    requirements = ENVIRONMENTS[environment]
    wanted = "\n".join([sys.version, *requirements, PINS.read_text()])
    folder = FOLDER / environment
    stamp = folder / "wanted"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{environment}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, requirements)
            stamp.write_text(wanted)
    return folder


def _install(folder: Path, requirements: tuple[str, ...]) -> None:
    """Install by uv, which takes a second; where it finds no index, by pip, with the machine's configuration of it."""
    python = folder / "bin" / "python"
    wanted = ("install", "--quiet", "--constraint", str(PINS), *requirements)
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    try:
        _run(str(SCRIPTS / "uv"), "pip", *wanted, "--python", str(python))
    except (subprocess.CalledProcessError, FileNotFoundError):
        _run(sys.executable, "-m", "pip", "--python", str(python), *wanted)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, cwd=ROOT)


def versions() -> dict[str, str]:
    """Give the version of each client that is installed by these tests, by its name."""
    pinned = dict(line.split("==") for line in PINS.read_text().split() if "==" in line)
    return {name: pinned[name] for name in ENVIRONMENTS}


def newest() -> str:
    """Give the newest pins that hold for all environments."""
    asked = "\n".join(each for requirements in ENVIRONMENTS.values() for each in requirements)
    command = [str(SCRIPTS / "uv"), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "-"]
    done = subprocess.run(command, input=asked, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    return done.stdout


if __name__ == "__main__":
    if "--newest" in sys.argv:
        sys.stdout.write(newest())
    else:
        for each in ENVIRONMENTS:
            sys.stdout.write(f"{made(each)}\n")
