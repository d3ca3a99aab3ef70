"""A release from its first day to its last, as people see it: with the commands, pip and uv."""

import hashlib
import json
import subprocess

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, Pip, ask, listed, pair, publish
from tests.running import Server, run_git, waybill

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def operate(acme: Server) -> "Operate":
    """The operator's commands."""
    return Operate(acme)


class Operate:
    """Runs a command on the host, or as its admin from elsewhere."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def on_the_host(self, *arguments: str, check: bool = True) -> Done:
        return waybill(*arguments, "--data", str(self.server.data), check=check)

    def from_elsewhere(self, *arguments: str, token: str | None = None, check: bool = True) -> Done:
        return waybill(*arguments, "--url", self.server.url, token=token or self.server.token, check=check)


def uv_install(desk: Desk, acme: Server, what: str, *options: str, registry: str = "python") -> Done:
    """Let uv say what it would install."""
    index = acme.index_url(registry=registry)
    return desk.uv("pip", "install", "--target", "site", "--dry-run", "--index-url", index, *options, what)


def test_a_deleted_release_is_not_installed_and_its_pin_says_why_until_it_is_restored(
    acme: Server, desk: Desk, newest_pip: Pip, operate: Operate
) -> None:
    publish(acme, *pair("gone", "1.0"), *pair("gone", "2.0"))
    index = ["--index-url", acme.index_url()]
    locked = f"gone==2.0 --hash=sha256:{listed(acme, 'gone')['gone-2.0-py3-none-any.whl']['hashes']['sha256']}\n"
    desk.write("locked.txt", locked)
    said = operate.on_the_host("delete", "gone==2.0", "--reason", "a secret was in it", "--json")
    assert {file["filename"] for file in json.loads(said.stdout)["files"]} == {name for name, _ in pair("gone", "2.0")}
    assert "deleted gone-2.0-py3-none-any.whl in registry python\n" in said.stderr
    assert "'waybill restore' brings it back for 7 days" in said.stderr
    assert newest_pip.chosen(desk, *index, "gone") == ["gone==1.0"]
    assert "gone==1.0" in uv_install(desk, acme, "gone").stderr
    assert newest_pip.run(desk, "install", "--dry-run", *index, "--require-hashes", "-r", "locked.txt").returncode == 1
    assert uv_install(desk, acme, "gone==2.0").returncode == 1
    back = operate.from_elsewhere("restore", "gone==2.0")
    assert "restored gone-2.0-py3-none-any.whl in registry python\n" in back.stderr
    said = newest_pip.run(desk, "install", "--target", "s", *index, "--require-hashes", "--no-deps", "-r", "locked.txt")
    assert said.returncode == 0, said.stderr
    assert (
        "is not deleted in registry python; nothing was changed"
        in operate.from_elsewhere("restore", "gone==2.0").stderr
    )


def test_a_deleted_project_is_empty_and_only_who_administers_it_deletes_it(
    acme: Server, desk: Desk, bob: str, operate: Operate, newest_pip: Pip
) -> None:
    publish(acme, *pair("bob-whole", "1.0"))
    refused = operate.from_elsewhere("delete", "bob-whole", token=bob, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "403 bob may not administer bob-whole" in refused.stderr
    operate.from_elsewhere("delete", "bob-whole", "--reason", "never used")
    said = newest_pip.run(desk, "install", "--dry-run", "--index-url", acme.index_url(), "bob-whole")
    assert "No matching distribution found for bob-whole" in said.stderr
    assert ask(f"{acme.url}/python/simple/bob-whole/", acme.token)[0] == 200  # so no client looks elsewhere


def test_an_archived_project_still_installs_and_a_quarantined_one_does_not(
    acme: Server, desk: Desk, newest_pip: Pip, operate: Operate
) -> None:
    publish(acme, *pair("settled", "1.0"))
    index = ["--index-url", acme.index_url()]
    said = operate.from_elsewhere("status", "settled", "archived", "--reason", "use settled2", "--json")
    assert json.loads(said.stdout)["status"] == "archived"
    assert "settled is archived in registry python; it takes no uploads, and offers its files" in said.stderr
    refused = desk.twine(
        "--repository-url", acme.upload_url, "-u", "__token__", "-p", acme.token, desk.save(wheel("settled", "1.1"))
    )
    assert refused.returncode == 1
    assert "Project settled is archived and takes no uploads (use settled2)" in refused.stdout + refused.stderr
    assert newest_pip.chosen(desk, *index, "settled") == ["settled==1.0"]
    assert "settled==1.0" in uv_install(desk, acme, "settled").stderr
    operate.on_the_host("status", "settled", "quarantined", "--reason", "malware")
    assert "No matching distribution" in newest_pip.run(desk, "install", "--dry-run", *index, "settled").stderr
    assert uv_install(desk, acme, "settled").returncode == 1
    operate.on_the_host("status", "settled", "active")
    assert newest_pip.chosen(desk, *index, "settled") == ["settled==1.0"]


def test_a_promoted_release_installs_from_its_new_registry_with_the_hashes_of_the_old_one(
    acme: Server, desk: Desk, newest_pip: Pip, operate: Operate
) -> None:
    filename, content = wheel("promoted", "1.0")
    publish(acme, (filename, content))
    digest = hashlib.sha256(content).hexdigest()
    desk.write("locked.txt", f"promoted==1.0 --hash=sha256:{digest}\n")
    route = ("promote", "promoted==1.0", "--from", "python", "--to", "vault")
    said = operate.from_elsewhere(*route, "--json")
    assert [file["sha256"] for file in json.loads(said.stdout)["files"]] == [digest]
    assert f"promoted {filename} from python to vault\n" in said.stderr
    assert f"{filename} is in vault already, with the same content" in operate.on_the_host(*route).stderr
    operate.on_the_host("delete", "promoted==1.0")
    index = ["--index-url", acme.index_url(registry="vault")]
    said = newest_pip.run(desk, "install", "--target", "s", *index, "--require-hashes", "-r", "locked.txt")
    assert said.returncode == 0, said.stderr
    assert "promoted==1.0" in uv_install(desk, acme, "promoted", registry="vault").stderr
    shown = operate.on_the_host("log", "promoted", "--registry", "vault").stdout
    assert "promoted-from python" in shown
    assert "published-by alice" in shown


def test_twine_is_told_that_a_name_is_reserved_and_the_prefix_s_owner_publishes_it(
    acme: Server, desk: Desk, bob: str
) -> None:
    archive = desk.save(wheel("bob-reserved", "1.0"))
    reserve = "namespaces: [{prefix: bob-reserved, owners: [carol]}]\n"
    before = run_git(acme.git, "show", "main:waybill.yaml")
    acme.set_policy({"waybill.yaml": before + reserve})
    try:
        said = desk.twine("--repository-url", acme.upload_url, "-u", "__token__", "-p", bob, archive)
        assert said.returncode == 1
        assert "The name 'bob-reserved' is reserved" in " ".join((said.stdout + said.stderr).split())
        question = ("explain", "bob", "publish", "bob-reserved", "--registry", "python")
        explained = waybill(*question, "--data", str(acme.data))
        assert explained.stdout.startswith("yes: ")
        assert "only where the project exists already: The name 'bob-reserved' is reserved" in explained.stdout
    finally:
        acme.set_policy({"waybill.yaml": before})
    said = desk.twine("--repository-url", acme.upload_url, "-u", "__token__", "-p", bob, archive)
    assert said.returncode == 0, said.stdout + said.stderr
