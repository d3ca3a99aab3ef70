"""What people type to publish and install with Hatch and Flit, which take the same variables and files."""

import sys
from collections.abc import Callable
from pathlib import Path

import pip
import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, listed, pair, publish
from tests.journeys.projects import for_flit
from tests.running import Server, run_git

Tell = Callable[[Desk, Server, str], tuple[list[str], dict[str, str]]]


def _hatch_variables(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    return [], {"HATCH_INDEX_REPO": server.upload_url, "HATCH_INDEX_USER": "__token__", "HATCH_INDEX_AUTH": token}


def _hatch_options(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    return ["--repo", f"{server.url}/python", "--user", "bob@acme.example", "--auth", token], {}


def _hatch_config(desk: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    repo = f'[publish.index]\nrepo = "acme"\n[publish.index.repos.acme]\nurl = "{server.url}/python/legacy/"\n'
    desk.write(".config/hatch/config.toml", f'{repo}user = "__token__"\nauth = "{token}"\n')
    return [], {}


def _hatch_pypirc(desk: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    section = f"[acme]\nrepository = {server.upload_url}\nusername = __token__\npassword = {token}\n"
    desk.write(".pypirc", section)
    return [], {"HATCH_INDEX_REPO": server.upload_url}


@pytest.mark.client("Hatch", "publish", "auth")
@pytest.mark.parametrize("tell", [_hatch_variables, _hatch_options, _hatch_config, _hatch_pypirc])
def test_hatch_publishes_wheel_and_sdist_and_may_run_again(acme: Server, bob: str, desk: Desk, tell: Tell) -> None:
    files = [desk.save(archive).name for archive in pair(f"bob{tell.__name__.replace('_', '-')}")]
    options, env = tell(desk, acme, bob)
    said = desk.tool("hatch", "publish", "-n", *options, env=env)
    assert said.returncode == 0, said.stdout + said.stderr
    assert set(listed(acme, files[0].partition("-")[0])) == set(files)
    before = run_git(acme.git, "rev-parse", "ledger")
    again = desk.tool("hatch", "publish", "-n", *options, env=env)
    assert again.returncode == 0, again.stdout + again.stderr
    assert run_git(acme.git, "rev-parse", "ledger") == before


@pytest.mark.client("Hatch", "publish", "auth")
def test_hatch_says_why_it_is_refused(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("bob-hatch-taken", files={"other.py": b""}), token=bob)
    desk.save(wheel("bob-hatch-taken"))
    options, env = _hatch_variables(desk, acme, bob)
    taken = desk.tool("hatch", "publish", "-n", *options, env=env)
    assert taken.returncode != 0
    assert "File already exists: 'bob_hatch_taken-1.0-py3-none-any.whl' has sha256" in taken.stdout + taken.stderr
    options, env = _hatch_variables(desk, acme, "hunter2")
    wrong = desk.tool("hatch", "publish", "-n", *options, env=env)
    assert wrong.returncode != 0
    assert "401 The password is not a Waybill token" in wrong.stdout + wrong.stderr


@pytest.mark.client("Hatch", "auth")
def test_hatch_without_credentials_fails_instead_of_asking(acme: Server, desk: Desk) -> None:
    desk.save(wheel("bob-hatch-nobody"))
    said = desk.tool("hatch", "publish", "-n", env={"HATCH_INDEX_REPO": acme.upload_url})
    assert said.returncode != 0
    assert "Missing required option: user" in said.stdout + said.stderr


@pytest.mark.client("Hatch", "install")
def test_hatch_runs_a_command_in_an_environment_from_the_registry(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, *pair("ha-leaf"))
    environment = '[tool.hatch.envs.default]\nskip-install = true\ninstaller = "uv"\ndependencies = ["HA_leaf"]\n'
    desk.write("pyproject.toml", f'[project]\nname = "app"\nversion = "1.0"\n{environment}')
    env = {"UV_DEFAULT_INDEX": acme.index_url(bob), "UV_PYTHON": ""}
    said = desk.tool("hatch", "run", "python", "-c", "import ha_leaf; print('found')", env=env)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "found" in said.stdout


def _flit_variables(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    return [], {"FLIT_INDEX_URL": server.upload_url, "FLIT_USERNAME": "__token__", "FLIT_PASSWORD": token}


def _flit_pypirc(desk: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    section = f"[acme]\nrepository = {server.url}/python\nusername = bob@acme.example\npassword = {token}\n"
    desk.write(".pypirc", f"[distutils]\nindex-servers =\n    acme\n{section}")
    return ["--repository", "acme"], {}


@pytest.mark.client("Flit", "publish", "auth")
@pytest.mark.parametrize("tell", [_flit_variables, _flit_pypirc])
def test_flit_builds_and_publishes_and_may_run_again(acme: Server, bob: str, desk: Desk, tell: Tell) -> None:
    name = f"bob{tell.__name__.replace('_', '-')}"
    for_flit(desk, name)
    options, env = tell(desk, acme, bob)
    same = {**env, "SOURCE_DATE_EPOCH": "1700000000"}
    said = desk.tool("flit", "publish", *options, env=same)
    assert said.returncode == 0, said.stdout + said.stderr
    stem = name.replace("-", "_")
    assert set(listed(acme, name)) == {f"{stem}-1.0-py3-none-any.whl", f"{stem}-1.0.tar.gz"}
    before = run_git(acme.git, "rev-parse", "ledger")
    assert desk.tool("flit", "publish", *options, env=same).returncode == 0
    assert run_git(acme.git, "rev-parse", "ledger") == before


@pytest.mark.client("Flit", "publish", "auth")
def test_flit_says_why_it_is_refused(acme: Server, bob: str, desk: Desk) -> None:
    for_flit(desk, "bob-flit-taken")
    publish(acme, wheel("bob-flit-taken"), token=bob)
    _, env = _flit_variables(desk, acme, bob)
    taken = desk.tool("flit", "publish", env=env)
    assert taken.returncode != 0
    assert "File already exists: 'bob_flit_taken-1.0-py3-none-any.whl' has sha256" in taken.stdout + taken.stderr
    wrong = desk.tool("flit", "publish", env={**env, "FLIT_PASSWORD": "hunter2"})
    assert wrong.returncode != 0
    assert "401 Client Error: The password is not a Waybill token" in wrong.stderr


@pytest.mark.client("Flit", "install")
def test_flit_installs_what_a_project_needs_from_the_registry(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, *pair("fl-leaf"))
    for_flit(desk, "bob-flit-needs")
    text = (desk.folder / "pyproject.toml").read_text()
    desk.write("pyproject.toml", text.replace("dependencies = []", 'dependencies = ["FL.leaf"]'))
    site = desk.python().parent.parent / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "pip.pth").write_text(f"{Path(pip.__file__).parent.parent}\n")  # quicker than one of its own
    where = {"PIP_INDEX_URL": acme.index_url(bob), "FLIT_ROOT_INSTALL": "1"}
    said = desk.tool("flit", "install", "--symlink", "--deps", "production", "--python", ".venv/bin/python", env=where)
    assert said.returncode == 0, said.stdout + said.stderr
    assert (site / "fl_leaf.py").exists()
    assert desk.imports("fl_leaf", "bob_flit_needs")
