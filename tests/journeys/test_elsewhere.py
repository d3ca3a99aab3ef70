"""What happens where a token is no good and another index has the same name: nobody may take that one for ours.

uv stops by itself. The others look at all indexes that they are given: what holds them back is to say for a name where
it comes from, and that is what these tests do.
"""

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, Pip, publish, requests
from tests.journeys.projects import for_pdm, for_pipenv, for_poetry, for_uv
from tests.running import Server


def _elsewhere(server: Server) -> str:
    """Give an index of another host: to the same one a client may send the same credentials."""
    return f"http://localhost:{server.port}/community/simple/"


@pytest.fixture
def name(acme: Server, request: pytest.FixtureRequest) -> str:
    """A project of ours, and one of the same name that an attacker offers."""
    made = f"el-{str(request.node.name).split('_')[1]}"
    publish(acme, wheel(made, "1.0"), registry="vault")
    publish(acme, wheel(made, "99.0"), registry="community")
    return made


@pytest.fixture(params=["401", pytest.param("403", marks=pytest.mark.long)])
def token(request: pytest.FixtureRequest, bob: str) -> str:
    """A token that nobody has, or one of somebody who may not read this registry."""
    return "hunter2" if request.param == "401" else bob


@pytest.mark.client("pip", "auth")
def test_pip_with_one_index_finds_nothing(acme: Server, desk: Desk, newest_pip: Pip, name: str, token: str) -> None:
    said = newest_pip.run(desk, "install", "--target", "site", "--index-url", acme.index_url(token, "vault"), name)
    assert said.returncode != 0
    assert f"No matching distribution found for {name}" in said.stderr


@pytest.mark.client("uv project", "auth")
def test_uv_stops_at_an_index_that_comes_first(acme: Server, desk: Desk, name: str, token: str) -> None:
    for_uv(desk, acme)
    text = (desk.folder / "pyproject.toml").read_text().replace("/python/", "/vault/").replace("default = true\n", "")
    more = f'[[tool.uv.index]]\nname = "elsewhere"\nurl = "{_elsewhere(acme)}"\n'
    desk.write("pyproject.toml", text + more)
    env = {"UV_INDEX_ACME_USERNAME": "__token__", "UV_INDEX_ACME_PASSWORD": token}
    said = desk.uv("add", "--no-sync", name, env=env)
    assert said.returncode != 0
    assert "401 Unauthorized" in said.stderr or "403 Forbidden" in said.stderr
    assert not (desk.folder / "uv.lock").exists()


@pytest.mark.client("Poetry", "auth")
def test_poetry_looks_for_a_name_only_in_its_source(acme: Server, desk: Desk, name: str, token: str) -> None:
    for_poetry(desk, acme, "vault")
    more = f'[[tool.poetry.source]]\nname = "elsewhere"\nurl = "{_elsewhere(acme)}"\npriority = "primary"\n'
    desk.write("pyproject.toml", (desk.folder / "pyproject.toml").read_text() + more)
    env = {"POETRY_HTTP_BASIC_ACME_USERNAME": "__token__", "POETRY_HTTP_BASIC_ACME_PASSWORD": token}
    said = desk.tool("poetry", "add", "-n", "--lock", "--source", "acme", f"{name}>=1", env=env)
    assert said.returncode != 0
    assert not (desk.folder / "poetry.lock").exists()


@pytest.mark.client("PDM", "auth")
def test_pdm_looks_for_a_name_only_where_it_is_included(acme: Server, desk: Desk, name: str, token: str) -> None:
    for_pdm(desk, _elsewhere(acme))
    ours = f'[[tool.pdm.source]]\nname = "acme"\nurl = "{acme.index_url(token, "vault")}"\nverify_ssl = true\n'
    only = 'include_packages = ["el-*"]\nexclude_packages = ["*"]\n'
    order = "[tool.pdm.resolution]\nrespect-source-order = true\n"
    desk.write("pyproject.toml", (desk.folder / "pyproject.toml").read_text() + ours + only + order)
    mark = len(acme.log())
    said = desk.tool("pdm", "add", "--no-sync", name)
    assert said.returncode != 0, said.stdout
    assert {line["path"] for line in requests(acme, mark)} == {f"/vault/simple/{name}/"}


@pytest.mark.client("pipenv", "auth")
def test_pipenv_looks_for_a_name_only_in_its_index(acme: Server, desk: Desk, name: str, token: str) -> None:
    for_pipenv(desk, acme.index_url(token, "vault"))
    more = f'[[source]]\nname = "elsewhere"\nurl = "{_elsewhere(acme)}"\nverify_ssl = true\n'
    text = (desk.folder / "Pipfile").read_text().replace("[packages]\n", more + "[packages]\n")
    desk.write("Pipfile", text + f'{name} = {{version = "*", index = "acme"}}\n')
    said = desk.tool("pipenv", "lock")
    assert said.returncode != 0
    assert not (desk.folder / "Pipfile.lock").exists()
