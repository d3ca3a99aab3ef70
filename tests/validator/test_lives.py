"""A ledger in which everything happened that can happen to a file is good, and a lie in it is found."""

import json
from pathlib import Path

import pytest

from registry import curate, removal
from registry.cli import data, main
from registry.index import file_path
from registry.model import Status
from registry.names import distribution, project_name, registry_name
from registry.policy.roles import Principal
from registry.promotion import Route, promote
from registry.records import canonical
from registry.removal import Whole
from tests.archives import sdist, wheel
from tests.registry.web.site import PYTHON, Site, new_site

PROD, DEMO, ALICE = registry_name("prod"), project_name("demo"), Principal("alice")
WHEEL, SDIST = wheel("demo", "1.0"), sdist("demo", "1.0")
OPEN = "projects: open\n"
RELEASE = Whole(PYTHON, DEMO, "1.0")


@pytest.fixture
def lived(tmp_path: Path) -> Site:
    """An installation in which files were deleted, restored, published again with other bytes, and promoted."""
    site = new_site(tmp_path / "data")
    site.policy(
        registries__python__registry="projects: open\nrepublish: allowed\n",
        registries__prod__registry="projects: open\n",
    )
    at = site.installation
    for archive in (WHEEL, SDIST):
        assert site.publish(archive).status_code == 200
    promote(at, ALICE, Route(PYTHON, PROD, DEMO, "1.0"))
    removal.delete(at, ALICE, RELEASE, "a secret was in it")
    removal.restore(at, ALICE, RELEASE)
    removal.delete(at, ALICE, Whole(PYTHON, DEMO, "1.0", WHEEL[0]), "once more")
    assert site.publish(wheel("demo", "1.0", body="other bytes")).status_code == 200
    curate.set_status(at, ALICE, PYTHON, DEMO, Status.DEPRECATED, "use demo2")
    removal.delete(at, None, Whole(PROD, DEMO), "moved")
    removal.restore(at, None, Whole(PROD, DEMO, "1.0"))
    removal.delete(at, None, Whole(PROD, DEMO, "1.0", SDIST[0]), "")
    return site


def check(site: Site, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["check", str(data.git_folder(site.folder)), "--select", "WB5"])
    return code, capsys.readouterr().out


def test_the_rules_of_the_ledger_understand_every_event(lived: Site, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = check(lived, capsys)
    assert code == 0, said


def test_scrubbing_finds_nothing_wrong_with_it_either(lived: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scrub", "--data", str(lived.folder)]) == 0, capsys.readouterr()


def test_a_promoter_who_had_no_right_is_found(lived: Site, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"{file_path(PROD, distribution(WHEEL[0]))}.json"
    record = json.loads(lived.installation.view().index.snapshot.read(path) or b"")
    record["promoted"]["by"]["principal"] = "mallory"
    lived.ledger({path: canonical(record)})
    code, said = check(lived, capsys)
    assert code == 1
    assert "WB511" in said
    assert "mallory" in said
