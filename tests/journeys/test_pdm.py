"""What people type to publish, install, lock and sync with PDM."""

import tomllib
from collections.abc import Callable

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, Done, listed, pair, publish, requests
from tests.journeys.projects import for_pdm
from tests.running import Server, run_git, waybill

Tell = Callable[[Desk, Server, str], tuple[list[str], dict[str, str]]]


def _variables(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    env = {"PDM_PUBLISH_REPO": server.upload_url, "PDM_PUBLISH_USERNAME": "__token__", "PDM_PUBLISH_PASSWORD": token}
    return [], env


def _options(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    return ["--repository", f"{server.url}/python/legacy", "--username", "bob@acme.example", "--password", token], {}


def _config(desk: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    for name, value in (("url", server.upload_url), ("username", "__token__"), ("password", token)):
        said = desk.tool("pdm", "config", f"repository.acme.{name}", value)
        assert said.returncode == 0, said.stderr
    return ["--repository", "acme"], {}


def _publish(desk: Desk, options: list[str], env: dict[str, str]) -> Done:
    return desk.tool("pdm", "publish", "--no-build", *options, env=env)


def _built(desk: Desk, name: str) -> list[str]:
    desk.write("pyproject.toml", f'[project]\nname = "{name}"\nversion = "1.0"\n')
    desk.python()
    return [desk.save(archive).name for archive in pair(name)]


@pytest.mark.client("PDM", "publish", "auth")
@pytest.mark.parametrize("tell", [_variables, _options, pytest.param(_config, marks=pytest.mark.long)])
def test_pdm_publishes_wheel_and_sdist_and_may_run_again(acme: Server, bob: str, desk: Desk, tell: Tell) -> None:
    files = _built(desk, f"bob-pdm{tell.__name__.replace('_', '-')}")
    options, env = tell(desk, acme, bob)
    said = _publish(desk, options, env)
    assert said.returncode == 0, said.stdout + said.stderr
    assert set(listed(acme, files[0].partition("-")[0])) == set(files)
    before = run_git(acme.git, "rev-parse", "ledger")
    assert _publish(desk, options, env).returncode == 0
    assert run_git(acme.git, "rev-parse", "ledger") == before


@pytest.mark.client("PDM", "publish")
def test_pdm_says_that_a_name_is_taken_and_skips_it_when_told_to(acme: Server, bob: str, desk: Desk) -> None:
    _built(desk, "bob-pdm-taken")
    publish(acme, wheel("bob-pdm-taken", files={"other.py": b""}), token=bob)
    options, env = _variables(desk, acme, bob)
    refused = _publish(desk, options, env)
    assert refused.returncode != 0
    assert "File already exists: 'bob_pdm_taken-1.0-py3-none-any.whl' has sha256" in refused.stderr
    skipped = _publish(desk, [*options, "--skip-existing"], env)
    assert skipped.returncode == 0, skipped.stderr
    assert "Skipping bob_pdm_taken-1.0-py3-none-any.whl because it appears to already exist" in (
        skipped.stdout + skipped.stderr
    )


@pytest.mark.client("PDM", "publish", "auth")
def test_pdm_says_what_is_wrong_with_a_token(acme: Server, desk: Desk) -> None:
    _built(desk, "bob-pdm-wrong")
    said = _publish(desk, *_variables(desk, acme, "hunter2"))
    assert said.returncode != 0
    assert "401 The password is not a Waybill token" in said.stderr


def _in_url(_: Desk, server: Server, token: str) -> tuple[str, dict[str, str]]:
    return server.index_url(token), {}


def _by_variables(_: Desk, server: Server, token: str) -> tuple[str, dict[str, str]]:
    return server.index_url().replace(f"__token__:{server.token}@", ""), {
        "PDM_PYPI_USERNAME": "__token__",
        "PDM_PYPI_PASSWORD": token,
    }


def _in_url_by_variable(_: Desk, server: Server, token: str) -> tuple[str, dict[str, str]]:
    return f"http://__token__:${{ACME_TOKEN}}@127.0.0.1:{server.port}/python/simple/", {"ACME_TOKEN": token}


def _by_config(desk: Desk, server: Server, token: str) -> tuple[str, dict[str, str]]:
    desk.tool("pdm", "config", "pypi.username", "__token__")
    desk.tool("pdm", "config", "pypi.password", token)
    return f"{server.url}/python/simple/", {}


def _by_netrc(desk: Desk, server: Server, token: str) -> tuple[str, dict[str, str]]:
    desk.write(".netrc", f"machine 127.0.0.1\nlogin __token__\npassword {token}\n").chmod(0o600)
    return f"{server.url}/python/simple/", {}


@pytest.mark.client("PDM", "install", "auth")
@pytest.mark.parametrize(
    "tell",
    [
        _in_url,
        _by_variables,
        _by_netrc,
        pytest.param(_in_url_by_variable, marks=pytest.mark.long),
        pytest.param(_by_config, marks=pytest.mark.long),
    ],
)
def test_pdm_finds_what_it_locks_however_it_is_told_who(
    acme: Server, bob: str, desk: Desk, tell: Callable[[Desk, Server, str], tuple[str, dict[str, str]]]
) -> None:
    publish(acme, *pair("pd-told"))
    url, env = tell(desk, acme, bob)
    for_pdm(desk, url)
    said = desk.tool("pdm", "add", "--no-sync", "pd-told", env=env)
    assert said.returncode == 0, said.stdout + said.stderr
    locked = tomllib.loads((desk.folder / "pdm.lock").read_text())["package"]
    assert [(one["name"], one["version"]) for one in locked] == [("pd-told", "1.0")]


@pytest.mark.client("PDM", "install")
def test_pdm_adds_locks_and_syncs(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, *pair("Pd.Leaf"), wheel("pd-branch", headers=["Requires-Dist: pd_leaf"]))
    url, env = _by_variables(desk, acme, bob)
    for_pdm(desk, url)
    mark = len(acme.log())
    added = desk.tool("pdm", "add", "PD_Branch", env=env)
    assert added.returncode == 0, added.stdout + added.stderr
    assert desk.imports("pd_leaf", "pd_branch")
    asked = [line["path"].rpartition("/")[2] for line in requests(acme, mark)]
    assert "pd_branch-1.0-py3-none-any.whl.metadata" in asked
    text = (desk.folder / "pdm.lock").read_text()
    assert bob not in text
    [leaf] = [one for one in tomllib.loads(text)["package"] if one["name"] == "pd-leaf"]
    page = listed(acme, "pd-leaf")
    assert {f["file"]: f["hash"] for f in leaf["files"]} == {
        name: f"sha256:{one['hashes']['sha256']}" for name, one in page.items()
    }

    publish(acme, wheel("pd-leaf", "1.1"))
    again = desk.tool("pdm", "sync", "--reinstall", env=env)
    assert "pd-leaf 1.0" in again.stdout.lower(), again.stderr
    raised = desk.tool("pdm", "update", "--no-sync", "--update-all", env=env)
    assert raised.returncode == 0, raised.stderr
    assert 'version = "1.1"' in (desk.folder / "pdm.lock").read_text()


@pytest.mark.client("PDM", "install")
def test_pdm_skips_yanked_unfitting_and_too_new_releases(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("pd-choice", "1.0"), wheel("pd-choice", "1.1"))
    publish(acme, wheel("pd-choice", "2.0", requires_python=">=99"))
    waybill("yank", "--data", str(acme.data), "pd-choice==1.1", "--reason", "crashes")
    url, env = _by_variables(desk, acme, bob)
    for_pdm(desk, url)
    said = desk.tool("pdm", "add", "--no-sync", "pd-choice", env=env)
    assert said.returncode == 0, said.stderr
    assert 'version = "1.0"' in (desk.folder / "pdm.lock").read_text()
    old = desk.tool("pdm", "lock", "--exclude-newer", "2020-01-01", env=env)
    assert old.returncode != 0
    assert "pd-choice" in old.stderr


@pytest.mark.client("PDM", "auth")
@pytest.mark.parametrize("token", ["", "hunter2"])
def test_pdm_without_a_good_token_finds_nothing(acme: Server, desk: Desk, token: str) -> None:
    publish(acme, wheel("pd-closed"))
    url, env = _by_variables(desk, acme, token)
    for_pdm(desk, url)
    mark = len(acme.log())
    said = desk.tool("pdm", "add", "pd-closed", env=env if token else {})
    assert said.returncode != 0
    assert "Unable to find candidates for pd-closed" in said.stderr  # PDM keeps the reason to itself
    assert {line["status"] for line in requests(acme, mark)} == {401}
    assert not desk.imports("pd_closed")
