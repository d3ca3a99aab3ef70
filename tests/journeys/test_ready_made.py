"""The configuration that `waybill demo --keep` prints works as it is, copied to where it says."""

import re
import shlex

import pytest

from registry.cli.clients import configurations
from tests.archives import wheel
from tests.journeys.clients import Desk, Pip, listed, pair, publish
from tests.journeys.projects import for_flit
from tests.running import Server


@pytest.fixture
def text(acme: Server, bob: str) -> dict[str, str]:
    """The printed configuration by client."""
    names = "pip|uv|twine|Poetry|PDM|pipenv|Hatch|Flit"
    parts = re.split(rf"^# ({names})[:,] ?", configurations(acme.url, "python", bob), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _below_comments(section: str) -> str:
    return section[section.index("[") :]


@pytest.mark.client("pip", "install", "auth")
def test_pip_takes_the_ready_made_configuration(
    acme: Server, desk: Desk, bundled_pip: Pip, text: dict[str, str]
) -> None:
    publish(acme, *pair("made-for-pip"))
    desk.write(".config/pip/pip.conf", _below_comments(text["pip"]))
    chosen = bundled_pip.chosen(desk, "made-for-pip", env={"PIP_CONFIG_FILE": ""})
    assert chosen == ["made-for-pip==1.0"]


@pytest.mark.client("twine", "publish", "auth")
def test_twine_takes_the_ready_made_configuration(acme: Server, desk: Desk, text: dict[str, str]) -> None:
    desk.write(".pypirc", _below_comments(text["twine"]))
    path = desk.save(wheel("bob-made-for-twine"))
    said = desk.twine("--repository", "waybill", path)
    assert said.returncode == 0, said.stdout
    assert path.name in listed(acme, "bob-made-for-twine")


@pytest.mark.client("uv project", "install", "auth")
@pytest.mark.client("uv publish", "publish", "auth")
def test_uv_takes_the_ready_made_configuration(acme: Server, desk: Desk, text: dict[str, str]) -> None:
    publish(acme, *pair("made-for-uv"))
    exports = dict(re.findall(r"(UV_[A-Z_]+)=(\S+)", text["uv"]))
    project = '[project]\nname = "bob-made-for-uv"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
    desk.write("pyproject.toml", project + "[[tool.uv.index]]\n" + text["uv"].partition("[[tool.uv.index]]\n")[2])
    added = desk.uv("add", "made-for-uv", env=exports)
    assert added.returncode == 0, added.stderr
    path = desk.save(wheel("bob-made-for-uv"))
    said = desk.uv("publish", "--index", "waybill", env=exports)
    assert said.returncode == 0, said.stderr
    assert path.name in listed(acme, "bob-made-for-uv")


def _typed(desk: Desk, lines: str) -> None:
    """Run each line, as somebody who copies it does."""
    for line in filter(None, map(str.strip, lines.splitlines())):
        tool, *arguments = shlex.split(line)
        said = desk.tool(tool, *arguments)
        assert said.returncode == 0, f"{line}: {said.stderr}"


def _application(desk: Desk, more: str = "") -> None:
    desk.write("pyproject.toml", f'[project]\nname = "app"\nversion = "1.0"\nrequires-python = ">=3.11"\n{more}')
    desk.python()


@pytest.mark.client("Poetry", "publish", "install", "auth")
def test_poetry_takes_the_ready_made_configuration(acme: Server, desk: Desk, text: dict[str, str]) -> None:
    publish(acme, *pair("made-for-poetry"))
    _application(desk, "[tool.poetry]\npackage-mode = false\n")
    _typed(desk, text["Poetry"])
    added = desk.tool("poetry", "add", "-n", "--lock", "made-for-poetry")
    assert added.returncode == 0, added.stderr
    desk.write("pyproject.toml", '[project]\nname = "bob-made-for-poetry"\nversion = "1.0"\n')
    path = desk.save(wheel("bob-made-for-poetry"))
    said = desk.tool("poetry", "publish", "-n", "--repository", "waybill")
    assert said.returncode == 0, said.stderr
    assert path.name in listed(acme, "bob-made-for-poetry")


@pytest.mark.client("PDM", "publish", "install", "auth")
def test_pdm_takes_the_ready_made_configuration(acme: Server, desk: Desk, text: dict[str, str]) -> None:
    publish(acme, *pair("made-for-pdm"))
    _application(desk, "[tool.pdm]\ndistribution = false\n")
    _typed(desk, text["PDM"])
    added = desk.tool("pdm", "add", "--no-sync", "made-for-pdm")
    assert added.returncode == 0, added.stderr
    path = desk.save(wheel("bob-made-for-pdm"))
    said = desk.tool("pdm", "publish", "--no-build", "--repository", "waybill")
    assert said.returncode == 0, said.stderr
    assert path.name in listed(acme, "bob-made-for-pdm")


@pytest.mark.client("pipenv", "install", "auth")
def test_pipenv_takes_the_ready_made_configuration(acme: Server, desk: Desk, text: dict[str, str]) -> None:
    publish(acme, *pair("made-for-pipenv"))
    exports = dict(re.findall(r"export (\w+)=(\S+)", text["pipenv"]))
    desk.write("Pipfile", text["pipenv"][text["pipenv"].index("[[") :] + '[packages]\nmade-for-pipenv = "*"\n')
    desk.python()
    said = desk.tool("pipenv", "lock", env=exports)
    assert said.returncode == 0, said.stderr
    assert "sha256:" in (desk.folder / "Pipfile.lock").read_text()


@pytest.mark.parametrize(
    "client", [pytest.param(name, marks=pytest.mark.client(name, "publish", "auth")) for name in ("Hatch", "Flit")]
)
def test_hatch_and_flit_take_the_ready_made_variables(
    acme: Server, desk: Desk, text: dict[str, str], client: str
) -> None:
    exports = dict(re.findall(r"([A-Z_]+)=(\S+)", text[client]))
    name = f"bob-made-for-{client.lower()}"
    for_flit(desk, name)
    path = desk.save(wheel(name)) if client == "Hatch" else desk.folder / f"{name.replace('-', '_')}-1.0.tar.gz"
    said = desk.tool(client.lower(), "publish", env=exports)
    assert said.returncode == 0, said.stdout + said.stderr
    assert path.name in listed(acme, name)
