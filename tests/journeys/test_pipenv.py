"""What people type to install, lock and sync with pipenv."""

import json
from collections.abc import Callable

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, listed, pair, publish, requests
from tests.journeys.projects import for_pipenv
from tests.running import Server, waybill

Tell = Callable[[Desk, Server, str], tuple[str, dict[str, str]]]


def _in_url(_: Desk, server: Server, token: str) -> tuple[str, dict[str, str]]:
    return server.index_url(token), {}


def _by_variable(_: Desk, server: Server, token: str) -> tuple[str, dict[str, str]]:
    return f"http://__token__:${{ACME_TOKEN}}@127.0.0.1:{server.port}/python/simple", {"ACME_TOKEN": token}


def _by_netrc(desk: Desk, server: Server, token: str) -> tuple[str, dict[str, str]]:
    desk.write(".netrc", f"machine 127.0.0.1\nlogin __token__\npassword {token}\n").chmod(0o600)
    return f"{server.url}/python/simple/", {}


@pytest.mark.client("pipenv", "install", "auth")
@pytest.mark.parametrize("tell", [pytest.param(_in_url, marks=pytest.mark.long), _by_variable, _by_netrc])
def test_pipenv_locks_however_it_is_told_who(acme: Server, bob: str, desk: Desk, tell: Tell) -> None:
    publish(acme, *pair("Pe.Leaf"), wheel("pe-branch", headers=["Requires-Dist: pe_leaf"]))
    url, env = tell(desk, acme, bob)
    for_pipenv(desk, url)
    desk.write("Pipfile", (desk.folder / "Pipfile").read_text() + 'PE_Branch = "*"\n')
    said = desk.tool("pipenv", "lock", env=env)
    assert said.returncode == 0, said.stdout + said.stderr
    locked = json.loads((desk.folder / "Pipfile.lock").read_text())["default"]
    page = listed(acme, "pe-leaf")
    assert set(locked["pe-leaf"]["hashes"]) == {f"sha256:{one['hashes']['sha256']}" for one in page.values()}


@pytest.mark.client("pipenv", "install")
def test_pipenv_syncs_from_its_lock_and_raises_it_only_when_asked(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("pe-kept", "1.0"), wheel("pe-kept", "2.0", requires_python=">=99"), wheel("pe-kept", "1.2"))
    waybill("yank", "--data", str(acme.data), "pe-kept==1.2", "--reason", "crashes")
    url, env = _by_variable(desk, acme, bob)
    for_pipenv(desk, url)
    desk.write("Pipfile", (desk.folder / "Pipfile").read_text() + 'pe-kept = "*"\n')
    locked = desk.tool("pipenv", "lock", env=env)
    assert locked.returncode == 0, locked.stdout + locked.stderr
    text = (desk.folder / "Pipfile.lock").read_text()
    assert json.loads(text)["default"]["pe-kept"]["version"] == "==1.0"
    assert bob not in text
    publish(acme, wheel("pe-kept", "1.1"))
    synced = desk.tool("pipenv", "sync", env=env)
    assert synced.returncode == 0, synced.stderr
    assert (next((desk.folder / ".venv" / "lib").iterdir()) / "site-packages" / "pe_kept-1.0.dist-info").is_dir()
    assert desk.tool("pipenv", "lock", env=env).returncode == 0
    raised = json.loads((desk.folder / "Pipfile.lock").read_text())["default"]
    assert raised["pe-kept"]["version"] == "==1.1"


@pytest.mark.client("pipenv", "auth")
def test_pipenv_with_a_wrong_token_locks_nothing(acme: Server, desk: Desk) -> None:
    publish(acme, wheel("pe-closed"))
    for_pipenv(desk, acme.index_url("hunter2"))
    mark = len(acme.log())
    said = desk.tool("pipenv", "install", "pe-closed")
    assert said.returncode != 0
    assert "No matching distribution found for pe-closed" in said.stderr  # pipenv keeps the reason to itself
    assert {line["status"] for line in requests(acme, mark)} == {401}
    assert not desk.imports("pe_closed")
