"""What people type to publish, install and lock with Poetry."""

import tomllib
from collections.abc import Callable

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, Done, listed, pair, publish, requests
from tests.journeys.projects import for_poetry
from tests.running import Server, run_git, waybill

Tell = Callable[[Desk, Server, str], dict[str, str]]


def _variables(_: Desk, _server: Server, token: str) -> dict[str, str]:
    return {"POETRY_HTTP_BASIC_ACME_USERNAME": "__token__", "POETRY_HTTP_BASIC_ACME_PASSWORD": token}


def _config(desk: Desk, _: Server, token: str) -> dict[str, str]:
    said = desk.tool("poetry", "config", "-n", "http-basic.acme", "bob@acme.example", token)
    assert said.returncode == 0, said.stderr
    return {}


def _publish(desk: Desk, server: Server, env: dict[str, str], *options: str) -> Done:
    where = {"POETRY_REPOSITORIES_ACME_URL": server.upload_url}
    return desk.tool("poetry", "publish", "-n", "--repository", "acme", *options, env={**where, **env})


def _built(desk: Desk, name: str) -> list[str]:
    desk.write("pyproject.toml", f'[project]\nname = "{name}"\nversion = "1.0"\ndescription = "What it is"\n')
    return [desk.save(archive).name for archive in pair(name)]


@pytest.mark.client("Poetry", "publish", "auth")
@pytest.mark.parametrize("tell", [_variables, pytest.param(_config, marks=pytest.mark.long)])
def test_poetry_publishes_wheel_and_sdist_and_may_run_again(acme: Server, bob: str, desk: Desk, tell: Tell) -> None:
    files = _built(desk, f"bob-poetry{tell.__name__.replace('_', '-')}")
    env = tell(desk, acme, bob)
    said = _publish(desk, acme, env)
    assert said.returncode == 0, said.stdout + said.stderr
    assert set(listed(acme, files[0].partition("-")[0])) == set(files)
    before = run_git(acme.git, "rev-parse", "ledger")
    again = _publish(desk, acme, env)
    assert again.returncode == 0, again.stdout + again.stderr
    assert run_git(acme.git, "rev-parse", "ledger") == before


@pytest.mark.client("Poetry", "publish", "auth")
def test_poetry_publishes_with_a_token_of_its_repository(acme: Server, bob: str, desk: Desk) -> None:
    files = _built(desk, "bob-poetry-token")
    said = _publish(desk, acme, {"POETRY_PYPI_TOKEN_ACME": bob})
    assert said.returncode == 0, said.stdout + said.stderr
    assert set(listed(acme, "bob-poetry-token")) == set(files)


@pytest.mark.client("Poetry", "publish")
def test_poetry_says_that_a_name_is_taken_and_skips_it_when_told_to(acme: Server, bob: str, desk: Desk) -> None:
    _, other = _built(desk, "bob-poetry-taken")
    publish(acme, wheel("bob-poetry-taken", files={"other.py": b""}), token=bob)
    refused = _publish(desk, acme, _variables(desk, acme, bob))
    assert refused.returncode != 0
    assert "File already exists: 'bob_poetry_taken-1.0-py3-none-any.whl' has sha256" in refused.stdout + refused.stderr
    assert other in listed(acme, "bob-poetry-taken")  # sent before it
    skipped = _publish(desk, acme, _variables(desk, acme, bob), "--skip-existing")
    assert skipped.returncode == 0, skipped.stderr
    assert "bob_poetry_taken-1.0-py3-none-any.whl File exists. Skipping" in skipped.stderr


@pytest.mark.client("Poetry", "publish", "auth")
def test_poetry_says_what_is_wrong_with_a_token(acme: Server, desk: Desk) -> None:
    _built(desk, "bob-poetry-wrong")
    said = _publish(desk, acme, _variables(desk, acme, "hunter2"))
    assert said.returncode != 0
    assert "HTTP Error 401: The password is not a Waybill token" in said.stdout + said.stderr


@pytest.mark.client("Poetry", "install", "auth")
@pytest.mark.parametrize("tell", [_variables, pytest.param(_config, marks=pytest.mark.long)])
def test_poetry_adds_locks_and_installs(acme: Server, bob: str, desk: Desk, tell: Tell) -> None:
    publish(acme, *pair("Po.Leaf"), wheel("po-branch", headers=["Requires-Dist: po_leaf"]))
    for_poetry(desk, acme)
    env = tell(desk, acme, bob)
    mark = len(acme.log())
    added = desk.tool("poetry", "add", "-n", "PO_Branch", env=env)
    assert added.returncode == 0, added.stdout + added.stderr
    assert desk.imports("po_leaf", "po_branch")
    text = (desk.folder / "poetry.lock").read_text()
    assert bob not in text
    [leaf] = [each for each in tomllib.loads(text)["package"] if each["name"].lower() == "po-leaf"]
    page = listed(acme, "po-leaf")
    assert {f["file"]: f["hash"] for f in leaf["files"]} == {
        name: f"sha256:{one['hashes']['sha256']}" for name, one in page.items()
    }
    asked = [line["path"].rpartition("/")[2] for line in requests(acme, mark)]
    assert "po_branch-1.0-py3-none-any.whl.metadata" in asked
    assert asked.count("po_branch-1.0-py3-none-any.whl") == 1  # to install it, not to resolve


@pytest.mark.client("Poetry", "install")
def test_poetry_installs_from_its_lock_and_raises_it_only_when_asked(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("po-kept", "1.0"))
    for_poetry(desk, acme)
    env = _variables(desk, acme, bob)
    assert desk.tool("poetry", "add", "-n", "--lock", "po-kept", env=env).returncode == 0
    publish(acme, wheel("po-kept", "1.1"))
    kept = desk.tool("poetry", "lock", "-n", env=env)
    assert kept.returncode == 0, kept.stderr
    installed = desk.tool("poetry", "install", "-n", env=env)
    assert "Installing po-kept (1.0)" in installed.stdout, installed.stderr
    raised = desk.tool("poetry", "update", "-n", "--lock", env=env)
    assert raised.returncode == 0, raised.stderr
    assert 'version = "1.1"' in (desk.folder / "poetry.lock").read_text()


@pytest.mark.client("Poetry", "install")
def test_poetry_skips_yanked_and_unfitting_releases(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("po-choice", "1.0"), wheel("po-choice", "1.1"))
    publish(acme, wheel("po-choice", "2.0", requires_python=">=99"))
    waybill("yank", "--data", str(acme.data), "po-choice==1.1", "--reason", "crashes")
    for_poetry(desk, acme)
    said = desk.tool("poetry", "add", "-n", "--lock", "po-choice>=1", env=_variables(desk, acme, bob))
    assert said.returncode == 0, said.stderr
    assert 'version = "1.0"' in (desk.folder / "poetry.lock").read_text()


@pytest.mark.client("Poetry", "install")
def test_poetry_leaves_out_what_is_not_old_enough(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("po-young"))
    for_poetry(desk, acme)
    env = _variables(desk, acme, bob)
    said = desk.tool("poetry", "add", "-n", "--lock", "po-young", env={**env, "POETRY_SOLVER_MIN_RELEASE_AGE": "7"})
    assert said.returncode != 0
    assert "Could not find a matching version of package po-young" in said.stderr
    assert desk.tool("poetry", "add", "-n", "--lock", "po-young", env=env).returncode == 0


@pytest.mark.client("Poetry", "auth")
@pytest.mark.parametrize("token", ["", "hunter2"])
def test_poetry_without_a_good_token_finds_nothing_and_says_why(acme: Server, desk: Desk, token: str) -> None:
    publish(acme, wheel("po-closed"))
    for_poetry(desk, acme)
    said = desk.tool("poetry", "add", "-n", "po-closed", env=_variables(desk, acme, token) if token else {})
    assert said.returncode != 0
    assert "Source (acme): Authorization error accessing" in said.stderr
    assert not desk.imports("po_closed")


@pytest.mark.client("Poetry", "auth")
def test_poetry_takes_credentials_from_netrc(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("po-netrc"))
    for_poetry(desk, acme)
    desk.write(".netrc", f"machine 127.0.0.1\nlogin __token__\npassword {bob}\n").chmod(0o600)
    said = desk.tool("poetry", "add", "-n", "--lock", "po-netrc")
    assert said.returncode == 0, said.stdout + said.stderr
