"""The configuration that `waybill demo --keep` prints works as it is, copied to where it says."""

import re

import pytest

from registry.cli.clients import configurations
from tests.archives import wheel
from tests.journeys.clients import Desk, Pip, listed, pair, publish
from tests.running import Server


@pytest.fixture
def text(acme: Server, bob: str) -> dict[str, str]:
    """The printed configuration by client."""
    parts = re.split(r"^# (pip|uv|twine|Poetry): ?", configurations(acme.url, "python", bob), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _below_comments(section: str) -> str:
    return section[section.index("[") :]


def test_pip_takes_the_ready_made_configuration(
    acme: Server, desk: Desk, bundled_pip: Pip, text: dict[str, str]
) -> None:
    publish(acme, *pair("made-for-pip"))
    desk.write(".config/pip/pip.conf", _below_comments(text["pip"]))
    chosen = bundled_pip.chosen(desk, "made-for-pip", env={"PIP_CONFIG_FILE": ""})
    assert chosen == ["made-for-pip==1.0"]


def test_twine_takes_the_ready_made_configuration(acme: Server, desk: Desk, text: dict[str, str]) -> None:
    desk.write(".pypirc", _below_comments(text["twine"]))
    path = desk.save(wheel("bob-made-for-twine"))
    said = desk.twine("--repository", "waybill", path)
    assert said.returncode == 0, said.stdout
    assert path.name in listed(acme, "bob-made-for-twine")


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
