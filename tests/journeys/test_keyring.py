"""A token kept in the person's keyring, which every client asks in its own way; and nobody waits for an answer.

`keyring set SERVICE __token__` stores it. What SERVICE is, differs: it stands in each test.
"""

import json
import os
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, Pip, listed, pair, publish, requests
from tests.journeys.projects import for_flit, for_pdm, for_poetry, for_uv
from tests.journeys.tools import program
from tests.running import Server


@pytest.fixture
def env(desk: Desk) -> dict[str, str]:
    """A keyring of one's own, and its command on the path."""
    return {
        "PYTHON_KEYRING_BACKEND": "keyfile.Keyfile",
        "PYTHONPATH": str(Path(__file__).parent / "keyrings"),
        "KEYFILE": str(desk.folder / "keys.json"),
        "PATH": f"{program('keyring').parent}:{os.environ['PATH']}",
    }


def store(desk: Desk, env: dict[str, str], service: str, token: str) -> None:
    """Store a token as a person does."""
    said = desk.run([program("keyring"), "set", service, "__token__"], env, stdin=token)
    assert said.returncode == 0, said.stderr
    assert json.loads((desk.folder / "keys.json").read_text())[service] == {"__token__": token}


@pytest.mark.client("keyring", "install", "auth")
@pytest.mark.client("pip", "auth")
def test_pip_asks_the_keyring_it_imports_for_the_index_url(
    acme: Server, bob: str, desk: Desk, env: dict[str, str]
) -> None:
    publish(acme, *pair("kr-import"))
    url = f"{acme.url}/python/simple/"
    pip = Pip((str(program("pip", "keyring")),), (26, 0))
    options = ["--index-url", url, "--keyring-provider", "import"]
    without = pip.run(desk, "install", "--dry-run", *options, "kr-import", env=env)
    assert without.returncode != 0
    assert "No matching distribution found for kr-import" in without.stderr
    store(desk, env, url, bob)
    assert pip.chosen(desk, *options, "kr-import", env=env) == ["kr-import==1.0"]


@pytest.mark.client("keyring", "install", "auth")
@pytest.mark.client("pip", "auth")
def test_pip_asks_the_keyring_command_for_the_user_name_in_the_url(
    acme: Server, bob: str, desk: Desk, env: dict[str, str], newest_pip: Pip
) -> None:
    publish(acme, *pair("kr-command"))
    store(desk, env, f"{acme.url}/python/simple/", bob)
    url = f"http://__token__@127.0.0.1:{acme.port}/python/simple/"
    options = ["--index-url", url, "--keyring-provider", "subprocess"]
    assert newest_pip.chosen(desk, *options, "kr-command", env=env) == ["kr-command==1.0"]


@pytest.mark.client("keyring", "publish", "auth")
@pytest.mark.client("twine", "auth")
def test_twine_asks_the_keyring_for_the_upload_url(acme: Server, bob: str, desk: Desk, env: dict[str, str]) -> None:
    path = desk.save(wheel("bob-kr-twine"))
    where = ["--repository-url", acme.upload_url, "-u", "__token__"]
    without = desk.twine(*where, path, env=env)
    assert without.returncode != 0
    assert "Credential not found for password" in without.stdout + without.stderr
    store(desk, env, acme.upload_url, bob)
    said = desk.twine(*where, path, env=env)
    assert said.returncode == 0, said.stdout + said.stderr
    assert path.name in listed(acme, "bob-kr-twine")


@pytest.mark.client("keyring", "install", "auth")
@pytest.mark.client("uv pip", "auth")
def test_uv_asks_the_keyring_command_for_the_user_name_in_the_url(
    acme: Server, bob: str, desk: Desk, env: dict[str, str]
) -> None:
    publish(acme, *pair("kr-uv"))
    store(desk, env, f"{acme.url}/python/simple/", bob)
    url = f"http://__token__@127.0.0.1:{acme.port}/python/simple/"
    options = ["--default-index", url, "--keyring-provider", "subprocess", "--target", "site"]
    said = desk.uv("pip", "install", *options, "kr-uv", env=env)
    assert said.returncode == 0, said.stderr


@pytest.mark.client("keyring", "install", "auth")
@pytest.mark.client("uv project", "auth")
def test_uv_asks_the_keyring_for_everything_where_an_index_always_wants_it(
    acme: Server, bob: str, desk: Desk, env: dict[str, str]
) -> None:
    publish(acme, *pair("kr-always"))
    for_uv(desk, acme, 'authenticate = "always"\n')
    settings = {**env, "UV_KEYRING_PROVIDER": "subprocess"}
    mark = len(acme.log())
    without = desk.uv("add", "--no-sync", "kr-always", env=settings)
    assert without.returncode != 0
    assert "Missing credentials" in without.stderr
    assert requests(acme, mark) == []  # never asked without
    store(desk, env, f"{acme.url}/python/simple/", bob)
    said = desk.uv("add", "--no-sync", "kr-always", env=settings)
    assert said.returncode == 0, said.stderr
    assert {line["status"] for line in requests(acme, mark)} == {200}


@pytest.mark.client("keyring", "publish", "auth")
@pytest.mark.client("uv publish", "auth")
def test_uv_publishes_with_the_keyring(acme: Server, bob: str, desk: Desk, env: dict[str, str]) -> None:
    path = desk.save(wheel("bob-kr-uv"))
    store(desk, env, acme.upload_url, bob)
    options = ["--publish-url", acme.upload_url, "--username", "__token__", "--keyring-provider", "subprocess"]
    said = desk.uv("publish", *options, env=env)
    assert said.returncode == 0, said.stderr
    assert path.name in listed(acme, "bob-kr-uv")


@pytest.mark.client("keyring", "install", "auth")
@pytest.mark.client("Poetry", "auth")
def test_poetry_keeps_what_it_is_configured_with_in_the_keyring(
    acme: Server, bob: str, desk: Desk, env: dict[str, str]
) -> None:
    publish(acme, *pair("kr-poetry"))
    for_poetry(desk, acme)
    assert desk.tool("poetry", "config", "-n", "http-basic.acme", "__token__", bob, env=env).returncode == 0
    assert json.loads((desk.folder / "keys.json").read_text()) == {"poetry-repository-acme": {"__token__": bob}}
    assert bob not in (desk.folder / ".config" / "pypoetry" / "auth.toml").read_text()
    said = desk.tool("poetry", "add", "-n", "--lock", "kr-poetry", env=env)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.client("keyring", "publish", "auth")
@pytest.mark.client("PDM", "auth")
def test_pdm_keeps_what_it_is_configured_with_in_the_keyring(
    acme: Server, bob: str, desk: Desk, env: dict[str, str]
) -> None:
    path = desk.save(wheel("bob-kr-pdm"))
    for_pdm(desk, f"{acme.url}/python/simple/")
    for name, value in (("url", acme.upload_url), ("username", "__token__"), ("password", bob)):
        assert desk.tool("pdm", "config", f"repository.acme.{name}", value, env=env).returncode == 0
    assert json.loads((desk.folder / "keys.json").read_text()) == {"pdm-repository-acme": {"__token__": bob}}
    assert bob not in (desk.folder / ".config" / "pdm" / "config.toml").read_text()
    said = desk.tool("pdm", "publish", "--no-build", "--repository", "acme", env=env)
    assert said.returncode == 0, said.stdout + said.stderr
    assert path.name in listed(acme, "bob-kr-pdm")


@pytest.mark.client("keyring", "publish", "auth")
@pytest.mark.client("Hatch", "auth")
def test_hatch_asks_the_keyring_for_the_upload_url(acme: Server, bob: str, desk: Desk, env: dict[str, str]) -> None:
    path = desk.save(wheel("bob-kr-hatch"))
    store(desk, env, acme.upload_url, bob)
    where = {"HATCH_INDEX_REPO": acme.upload_url, "HATCH_INDEX_USER": "__token__"}
    said = desk.tool("hatch", "publish", "-n", env={**env, **where})
    assert said.returncode == 0, said.stdout + said.stderr
    assert path.name in listed(acme, "bob-kr-hatch")


@pytest.mark.client("keyring", "publish", "auth")
@pytest.mark.client("Flit", "auth")
def test_flit_asks_the_keyring_for_the_upload_url(acme: Server, bob: str, desk: Desk, env: dict[str, str]) -> None:
    for_flit(desk, "bob-kr-flit")
    store(desk, env, acme.upload_url, bob)
    where = {"FLIT_INDEX_URL": acme.upload_url, "FLIT_USERNAME": "__token__"}
    said = desk.tool("flit", "publish", env={**env, **where})
    assert said.returncode == 0, said.stdout + said.stderr
    assert len(listed(acme, "bob-kr-flit")) == 2
