"""Projects of people, as each client wants them written, with a registry as the only place to look."""

from tests.journeys.clients import Desk
from tests.running import Server

_PROJECT = """\
[project]
name = "{name}"
version = "1.0"
description = "What it is"
requires-python = ">=3.11"
dependencies = []
"""
_FLIT = """\
[build-system]
requires = ["flit_core>=3.12"]
build-backend = "flit_core.buildapi"
"""


def for_poetry(desk: Desk, server: Server, registry: str = "python") -> None:
    """Write a Poetry project; the source `acme` is its only one."""
    source = f'[[tool.poetry.source]]\nname = "acme"\nurl = "{server.url}/{registry}/simple/"\npriority = "primary"\n'
    desk.write("pyproject.toml", _PROJECT.format(name="app") + "[tool.poetry]\npackage-mode = false\n" + source)
    desk.python()


def for_pdm(desk: Desk, url: str) -> None:
    """Write a PDM project; the source that it always has leads to a registry."""
    source = f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{url}"\nverify_ssl = true\n'
    desk.write("pyproject.toml", _PROJECT.format(name="app") + "[tool.pdm]\ndistribution = false\n" + source)
    desk.python()


def for_pipenv(desk: Desk, url: str) -> None:
    """Write a pipenv project."""
    desk.write("Pipfile", f'[[source]]\nname = "acme"\nurl = "{url}"\nverify_ssl = true\n[packages]\n')
    desk.python()


def for_flit(desk: Desk, name: str) -> None:
    """Write a project that Flit builds; every build of it has the same bytes."""
    desk.write("pyproject.toml", _FLIT + _PROJECT.format(name=name))
    desk.write(f"{name.replace('-', '_')}.py", '"""What it is."""\n')


def for_uv(desk: Desk, server: Server, more: str = "") -> None:
    """Write a uv project; the index `acme` is its only one."""
    index = f'[[tool.uv.index]]\nname = "acme"\nurl = "{server.url}/python/simple/"\ndefault = true\n{more}'
    desk.write("pyproject.toml", _PROJECT.format(name="app") + index)
