"""What people type to install, lock and sync with uv, and where uv stops instead of looking elsewhere."""

import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, Pip, listed, pair, publish, requests
from tests.running import Server, waybill


def _resolve(desk: Desk, requirement: str, *arguments: str) -> list[str]:
    """Let uv resolve, and give what it chose."""
    desk.write("wanted.in", requirement + "\n")
    said = desk.uv("pip", "compile", "--quiet", "--no-header", "--no-annotate", "wanted.in", *arguments)
    assert said.returncode == 0, said.stderr
    return said.stdout.split()


@pytest.fixture
def site(desk: Desk) -> Path:
    """A folder that packages are installed into."""
    return desk.folder / "site"


@pytest.mark.client("uv pip", "install")
def test_uv_installs_what_then_can_be_imported(acme: Server, bob: str, desk: Desk, venv: Path, site: Path) -> None:
    publish(acme, wheel("uv-base", "1.0"), wheel("uv-top", "1.0", headers=["Requires-Dist: UV.base"]))
    said = desk.uv("pip", "install", "--default-index", acme.index_url(bob), "--target", site, "uv_top")
    assert said.returncode == 0, said.stderr
    ran = desk.run([venv, "-c", "import uv_top, uv_base; print('both')"], {"PYTHONPATH": str(site)})
    assert ran.stdout == "both\n", ran.stderr


@pytest.mark.client("uv pip", "install")
def test_uv_resolves_by_core_metadata_alone(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, *pair("uv-meta"))
    mark = len(acme.log())
    assert _resolve(desk, "uv-meta", "--default-index", acme.index_url(bob)) == ["uv-meta==1.0"]
    asked = [line["path"].rpartition("/")[2] for line in requests(acme, mark) if "/files/" in line["path"]]
    assert asked == ["uv_meta-1.0-py3-none-any.whl.metadata"]


@pytest.mark.client("uv pip", "install")
def test_uv_sees_an_upload_at_its_next_call(acme: Server, bob: str, desk: Desk) -> None:
    index = ("--default-index", acme.index_url(bob))
    publish(acme, wheel("uv-fresh", "1.0"))
    assert _resolve(desk, "uv-fresh", *index) == ["uv-fresh==1.0"]
    mark = len(acme.log())
    assert _resolve(desk, "uv-fresh", *index) == ["uv-fresh==1.0"]
    assert 304 in {line["status"] for line in requests(acme, mark)}
    publish(acme, wheel("uv-fresh", "1.1"))
    assert _resolve(desk, "uv-fresh", *index) == ["uv-fresh==1.1"]


@pytest.mark.client("uv pip", "install")
def test_uv_leaves_out_what_was_uploaded_after_a_moment(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("uv-aged", "1.0"))
    time.sleep(1.1)
    moment = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    publish(acme, wheel("uv-aged", "1.1"))
    index = ("--default-index", acme.index_url(bob))
    assert _resolve(desk, "uv-aged", *index, "--exclude-newer", moment) == ["uv-aged==1.0"]
    assert _resolve(desk, "uv-aged", *index) == ["uv-aged==1.1"]


@pytest.mark.client("uv pip", "install")
def test_the_index_as_it_was_gives_the_resolution_of_then(acme: Server, bob: str, desk: Desk, site: Path) -> None:
    publish(acme, wheel("uv-past", "1.0"))
    commit = waybill("log", "--data", str(acme.data), "--limit", "1", "uv-past").stdout.split()[-1]
    time.sleep(1.1)
    moment = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    time.sleep(1.1)
    publish(acme, wheel("uv-past", "1.1"))
    assert _resolve(desk, "uv-past", "--default-index", acme.index_url(bob)) == ["uv-past==1.1"]
    for revision in (moment, commit, commit[:10]):
        past = acme.index_url(bob).replace("/simple/", f"/@{revision}/simple/")
        assert _resolve(desk, "uv-past", "--default-index", past) == ["uv-past==1.0"]
        said = desk.uv("pip", "install", "--default-index", past, "--target", site / revision, "uv-past")
        assert said.returncode == 0, said.stderr
        assert (site / revision / "uv_past-1.0.dist-info").is_dir()


@pytest.mark.client("uv pip", "install")
def test_uv_skips_yanked_and_unfitting_releases(acme: Server, bob: str, desk: Desk) -> None:
    publish(
        acme, wheel("uv-choice", "1.0"), wheel("uv-choice", "1.1"), wheel("uv-choice", "2.0", requires_python=">=99")
    )
    waybill("yank", "--data", str(acme.data), "uv-choice==1.1", "--reason", "crashes")
    index = ("--default-index", acme.index_url(bob))
    assert _resolve(desk, "uv-choice", *index) == ["uv-choice==1.0"]
    pinned = desk.uv("pip", "install", "--dry-run", *index, "--target", "site", "uv-choice==1.1")
    assert pinned.returncode == 0
    assert 'yanked (reason: "crashes")' in pinned.stderr


@pytest.mark.client("uv pip", "install", "auth")
def test_uv_needs_no_credentials_for_a_public_registry_but_refuses_wrong_ones(acme: Server, desk: Desk) -> None:
    publish(acme, *pair("uv-commons"), registry="community")
    assert _resolve(desk, "uv-commons", "--default-index", f"{acme.url}/community/simple/") == ["uv-commons==1.0"]
    said = desk.uv(
        "pip", "compile", "--no-cache", "wanted.in", "--default-index", acme.index_url("hunter2", "community")
    )
    assert said.returncode != 0
    assert "401 Unauthorized" in said.stderr


def _two_indexes(first: str, second: str) -> tuple[str, ...]:
    """Ask `first` before `second`, uv's default index."""
    return ("--index", first, "--default-index", second)


@pytest.mark.client("uv pip", "install", "auth")
def test_uv_stops_at_401_and_403_instead_of_looking_at_the_next_index(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, *pair("uv-secret"), registry="vault")
    publish(acme, *pair("uv-secret"), registry="community")  # what an attacker would offer elsewhere
    desk.write("wanted.in", "uv-secret\n")
    elsewhere = f"{acme.url}/community/simple/"
    for index, status in (
        (acme.index_url(bob, "vault"), "403 Forbidden"),
        (acme.index_url("hunter2", "vault"), "401 Unauthorized"),
    ):
        said = desk.uv("pip", "compile", "wanted.in", *_two_indexes(index, elsewhere))
        assert said.returncode != 0
        assert "uv-secret" not in said.stdout
        assert status in said.stderr
        assert "hint" in said.stderr
    # The project does not even exist where bob may not look: the answer must be the same.
    desk.write("wanted.in", "uv-commons-only\n")
    publish(acme, *pair("uv-commons-only"), registry="community")
    said = desk.uv("pip", "compile", "wanted.in", *_two_indexes(acme.index_url(bob, "vault"), elsewhere))
    assert said.returncode != 0
    assert "403 Forbidden" in said.stderr


@pytest.mark.client("uv pip", "install")
def test_uv_looks_at_the_next_index_for_what_is_unknown_here(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, *pair("uv-elsewhere"), registry="community")
    indexes = _two_indexes(acme.index_url(bob), f"{acme.url}/community/simple/")
    assert _resolve(desk, "uv-elsewhere", *indexes) == ["uv-elsewhere==1.0"]


@pytest.mark.client("uv pip", "install")
def test_uv_prefers_what_is_owned_here_over_a_newer_one_elsewhere(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("uv-owned", "1.0"))
    publish(acme, wheel("uv-owned", "99.0"), registry="community")
    indexes = _two_indexes(acme.index_url(bob), f"{acme.url}/community/simple/")
    assert _resolve(desk, "uv-owned", *indexes) == ["uv-owned==1.0"]


@pytest.mark.client("uv pip", "install")
@pytest.mark.client("pip", "install")
def test_hashes_that_uv_pins_are_those_that_uv_and_pip_require(
    acme: Server, bob: str, desk: Desk, newest_pip: Pip
) -> None:
    publish(acme, *pair("uv-pinned"), wheel("uv-pins", headers=["Requires-Dist: uv-pinned"]))
    desk.write("wanted.in", "uv-pins\n")
    index = ("--default-index", acme.index_url(bob))
    pinned = desk.uv("pip", "compile", "--generate-hashes", "-o", "pinned.txt", "wanted.in", *index)
    assert pinned.returncode == 0, pinned.stderr
    assert (desk.folder / "pinned.txt").read_text().count("--hash=sha256:") == 3
    strict = ("--require-hashes", "-r", "pinned.txt")
    said = desk.uv("pip", "install", "--target", "by-uv", *index, *strict)
    assert said.returncode == 0, said.stderr
    said = newest_pip.run(desk, "install", "--target", "by-pip", "--index-url", acme.index_url(bob), *strict)
    assert said.returncode == 0, said.stderr


def _project(desk: Desk, server: Server) -> dict[str, str]:
    """Begin a project that takes its packages from the registry, and give the credentials."""
    text = f"""\
[project]
name = "application"
version = "1.0"
requires-python = ">=3.11"
dependencies = []

[[tool.uv.index]]
name = "acme"
url = "{server.url}/python/simple/"
default = true
"""
    desk.write("pyproject.toml", text)
    return {"UV_INDEX_ACME_USERNAME": "__token__"}


@pytest.mark.client("uv project", "install")
def test_uv_adds_locks_and_syncs_a_project(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, *pair("uv-locked", "1.0"))
    env = {**_project(desk, acme), "UV_INDEX_ACME_PASSWORD": bob}
    added = desk.uv("add", "uv-locked", env=env)
    assert added.returncode == 0, added.stderr
    ran = desk.uv("run", "--no-sync", "python", "-c", "import uv_locked; print('synced')", env=env)
    assert ran.stdout == "synced\n", ran.stderr
    lock = (desk.folder / "uv.lock").read_text()
    assert bob not in lock
    [package] = [each for each in tomllib.loads(lock)["package"] if each["name"] == "uv-locked"]
    page = listed(acme, "uv-locked")
    for file in (package["sdist"], *package["wheels"]):
        on_page = page[file["url"].rpartition("/")[2]]
        assert file["hash"] == f"sha256:{on_page['hashes']['sha256']}"
        assert file["size"] == on_page["size"]
        assert file["upload-time"].rstrip("Z") in on_page["upload-time"]


@pytest.mark.client("uv project", "install")
def test_uv_syncs_from_the_lock_also_after_newer_uploads(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("uv-kept", "1.0"))
    env = {**_project(desk, acme), "UV_INDEX_ACME_PASSWORD": bob}
    assert desk.uv("add", "uv-kept", env=env).returncode == 0
    before = (desk.folder / "uv.lock").read_text()
    publish(acme, wheel("uv-kept", "1.1"))
    synced = desk.uv("sync", "--no-cache", "--reinstall", "--locked", env=env)
    assert synced.returncode == 0, synced.stderr
    assert "uv-kept==1.0" in synced.stderr
    raised = desk.uv("lock", "--upgrade", env=env)
    assert raised.returncode == 0, raised.stderr
    assert 'version = "1.1"' in (desk.folder / "uv.lock").read_text()
    assert 'version = "1.1"' not in before


@pytest.mark.client("uv project", "install", "auth")
def test_uv_in_a_project_without_credentials_says_which_are_missing(acme: Server, desk: Desk) -> None:
    publish(acme, wheel("uv-closed", "1.0"))
    _project(desk, acme)
    said = desk.uv("add", "uv-closed")
    assert said.returncode != 0
    assert "401 Unauthorized" in said.stderr
    assert "credentials" in said.stderr
    assert not (desk.folder / "uv.lock").exists()


@pytest.mark.client("uv publish", "publish")
def test_a_project_built_and_published_by_uv_is_installed_by_uv(
    acme: Server, bob: str, desk: Desk, venv: Path, site: Path
) -> None:
    release = desk.uv("--version").stdout.split()[1].split(".")
    backend = f"uv_build>={release[0]}.{release[1]},<{release[0]}.{int(release[1]) + 1}"
    desk.write(
        "pyproject.toml",
        '[project]\nname = "bob-built"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
        f'[build-system]\nrequires = ["{backend}"]\nbuild-backend = "uv_build"\n',
    )
    desk.write("src/bob_built/__init__.py", "word = 'built'\n")
    built = desk.uv("build", "--quiet")
    assert built.returncode == 0, built.stderr
    published = desk.uv("publish", "--publish-url", acme.upload_url, env={"UV_PUBLISH_TOKEN": bob})
    assert published.returncode == 0, published.stderr
    said = desk.uv("pip", "install", "--default-index", acme.index_url(bob), "--target", site, "bob-built")
    assert said.returncode == 0, said.stderr
    ran = desk.run([venv, "-c", "import bob_built; print(bob_built.word)"], {"PYTHONPATH": str(site)})
    assert ran.stdout == "built\n", ran.stderr
