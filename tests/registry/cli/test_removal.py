"""`waybill delete`, `restore`, `status` and `promote` on the host: what they say, and what is wrong usage."""

import json
from pathlib import Path

import pytest

from registry.cli import main
from tests.archives import sdist, wheel
from tests.registry.web.site import Site, new_site

WHEEL, SDIST = wheel("halved", "1.0"), sdist("halved", "1.0")
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A release of two files, and another registry."""
    made = new_site(tmp_path / "data")
    made.policy(registries__prod__registry="projects: open\n")
    for archive in (WHEEL, SDIST):
        assert made.publish(archive).status_code == 200
    return made


def run(site: Site, *arguments: str) -> int:
    return main([*arguments, "--data", str(site.folder)])


def test_one_file_is_deleted_by_its_name_and_each_step_says_exactly_what_happened(site: Site, capsys: Captured) -> None:
    assert run(site, "delete", "halved", "--file", SDIST[0], "--reason", "wrong licence", "--json") == 0
    said = capsys.readouterr()
    [file] = json.loads(said.out)["files"]
    assert (file["filename"], file["deleted"]["reason"], file["deleted"]["by"]) == (
        SDIST[0],
        "wrong licence",
        "operator",
    )
    assert said.err.splitlines()[0] == f"deleted {SDIST[0]} in registry python"
    assert run(site, "delete", "halved", "--file", SDIST[0]) == 0
    assert capsys.readouterr().err == f"{SDIST[0]} is deleted already in registry python; nothing was changed\n"
    assert run(site, "restore", "halved==1.0") == 1
    assert "halved 1.0 was not deleted as a release" in capsys.readouterr().err
    assert run(site, "restore", "Halved", "--file", SDIST[0]) == 0
    assert capsys.readouterr().err == f"restored {SDIST[0]} in registry python\n"


def test_a_promotion_names_each_file_and_those_that_were_there(site: Site, capsys: Captured) -> None:
    route = ("promote", "halved==1.0", "--from", "python", "--to", "prod")
    assert run(site, *route, "--file", WHEEL[0]) == 0
    assert capsys.readouterr().err == f"promoted {WHEEL[0]} from python to prod\n"
    assert run(site, *route, "--json") == 0
    said = capsys.readouterr()
    assert [file["filename"] for file in json.loads(said.out)["files"]] == [SDIST[0]]
    assert said.err.splitlines() == [
        f"promoted {SDIST[0]} from python to prod", f"{WHEEL[0]} is in prod already, with the same content",
    ]  # fmt: skip


def test_a_status_says_what_it_means(site: Site, capsys: Captured) -> None:
    assert run(site, "status", "halved", "quarantined", "--reason", "malware") == 0
    assert (
        capsys.readouterr().err == "halved is quarantined in registry python; it takes no uploads and offers no files\n"
    )
    assert run(site, "status", "absent", "archived") == 1
    assert "no project 'absent'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["delete"], "the following arguments are required: PROJECT[==VERSION]"),
        (["delete", "../etc"], "argument PROJECT[==VERSION]"),
        (["status", "halved", "gone"], "invalid choice: 'gone'"),
        (["promote", "halved", "--from", "python", "--to", "prod"], "is not PROJECT==VERSION"),
        (["promote", "halved==1.0", "--from", "python"], "--to"),
    ],
)
def test_wrong_usage_exits_with_2_and_changes_nothing(
    site: Site, capsys: Captured, arguments: list[str], why: str
) -> None:
    head = site.head()
    with pytest.raises(SystemExit) as ended:
        run(site, *arguments)
    assert (ended.value.code, site.head()) == (2, head)
    assert why in capsys.readouterr().err


def test_a_filename_that_is_none_is_refused_in_words(site: Site, capsys: Captured) -> None:
    assert run(site, "delete", "halved", "--file", "../../etc/passwd") == 1
    assert capsys.readouterr().err.startswith("waybill: ")
