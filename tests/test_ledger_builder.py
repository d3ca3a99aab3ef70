"""The ledger that benchmarks are measured on is one that uploads could have made."""

import re
from pathlib import Path
from urllib.parse import urljoin

from registry import tokens
from registry.cli import data
from registry.index import release_folder
from registry.installation import Installation
from registry.names import project_name, registry_name
from registry.policy.roles import Scope
from registry.records import read_message
from registry.recovery import recover
from registry.store import LEDGER
from registry.web.faces import create_app
from tests.archives import wheel
from tests.benchmarks.ledger import build
from tests.benchmarks.ledger_measures import measure
from tests.registry.web.site import Site, json_of


def test_a_built_ledger_is_one_that_uploads_could_have_made(tmp_path: Path) -> None:
    build(tmp_path / "data", files=25, projects=5)
    assert recover(data.git_folder(tmp_path / "data")) == []
    installation = data.open_installation(tmp_path / "data")
    site = Site(tmp_path / "data", installation, create_app(installation))
    site.secrets["alice"] = tokens.create(installation, None, "alice", scope=Scope(), expires=None).secret
    url = "/python/simple/ledger-3/"
    page = json_of(site.ask(url, query={"format": "application/vnd.pypi.simple.v1+json"}))
    assert page["versions"] == ["1.0", "1.1", "1.2", "1.3", "1.4"]
    assert site.ask(urljoin(url, page["files"][0]["url"])).data == wheel("ledger-3", "1.0")[1]
    before = site.head()
    assert site.publish(wheel("ledger-3", "1.4")).status_code == 200
    assert site.head() == before  # the same bytes are here already
    assert site.publish(wheel("ledger-3", "1.5")).status_code == 200
    uploaded, *built = installation.store.history(installation.store.head(LEDGER))
    made = next(commit for commit in built if commit.message.startswith("publish: ledger-4 1.4 "))
    assert list(read_message(made.message)[1]) == list(read_message(uploaded.message)[1])
    [four, three] = [names_of(installation, *release) for release in (("ledger-4", "1.4"), ("ledger-3", "1.5"))]
    assert four == {name.replace("3-1.5", "4-1.4") for name in three}


def names_of(installation: Installation, project: str, version: str) -> set[str]:
    folder = release_folder(registry_name("python"), project_name(project), version)
    return set(installation.head(LEDGER).entries(folder))


def test_every_measure_gives_a_figure(tmp_path: Path) -> None:
    build(tmp_path / "data", files=40, projects=20)
    rows = dict(measure(tmp_path / "data", uploads=20))
    assert all(re.search(r"\d", value) for value in rows.values()), rows
    assert rows["commits"] == "42"
