"""The pages "Coming from …": every block of them is run as it stands there, on a registry made of their own policy."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.running import Server
from tests.seeds import DOCUMENTS
from tests.seeds.replay import Desk, Rows, policy_of, world

PAGES = Path(__file__).parent.parent.parent / "examples" / "coming-from"
HOST = "packages.acme.example"
_FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_POLICY = ("registries/", "repositories/", "waybill.yaml", "people.yaml")


class Block(NamedTuple):
    """A fenced block: commands, or a file under the name that stands beside the language."""

    language: str
    file: str
    text: str


def blocks(page: str) -> list[Block]:
    return [Block(*found) for found in _FENCE.findall(page)]


# Poetry and uv take most of a minute for this page; the replay types the same commands in every run.
_SLOW = "bitbucket"


@pytest.fixture(params=[pytest.param(one, marks=[pytest.mark.long] if one == _SLOW else []) for one in DOCUMENTS])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Desk, list[Block]]]:
    """A registry with the policy of a page, and the desk of bob, who has built a release."""
    found = blocks((PAGES / f"{request.param}.md").read_text())
    policy = {block.file: block.text for block in found if block.file.startswith(_POLICY)}

    def make(server: Server) -> None:
        policy_of(server, {"waybill.yaml": "organization: acme\nadmins: [alice]\n", **policy})

    with world(tmp_path, Rows(make)) as there:
        made = Desk(there, tmp_path / "desk")
        made.folder.mkdir()
        made.build("my-package", "1.0")
        yield made, found


def test_every_block_of_a_page_works_as_it_stands_there(desk: tuple[Desk, list[Block]]) -> None:
    at, found = desk
    token, host = at.world.token("bob"), at.host.removeprefix("http://")
    if any("extra-index-url" in block.text for block in found):
        at.env = {"PIP_INDEX_URL": f"{at.host}/empty/simple/"}  # stands for PyPI, where these tests do not look
    ran = 0
    for block in found:
        text = block.text.replace(f"machine {HOST}", "machine 127.0.0.1")
        text = text.replace(f"https://{HOST}", at.host).replace(HOST, host)
        text = re.sub(rf"https://([^\s@/]+@{re.escape(host)})", r"http://\1", text)
        text = re.sub(r"(?<![A-Z_$-])TOKEN(?![A-Z_=])", token, text)
        if block.language == "sh":
            at.run(text)
            ran += 1
        elif not block.file.startswith(_POLICY):
            assert block.file, f"a block of {block.language} without a name is nothing anybody can do"
            at.write(block.file, text)
    assert ran >= 3
    assert "1.0" in at.versions("/" + _registry(found) + "/simple/", "my-package")


@pytest.mark.parametrize("system", DOCUMENTS)
def test_a_page_says_what_to_change_and_what_differs(system: str) -> None:
    page = (PAGES / f"{system}.md").read_text()
    assert "| before | after |" in page
    assert "## What differs, and why" in page


def _registry(found: list[Block]) -> str:
    """Give the name of the first registry of a page."""
    return next(block.file.split("/")[1] for block in found if block.file.startswith("registries/"))
