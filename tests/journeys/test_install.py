"""What people type to install with pip, and what they read when it fails.

Where releases of pip differ, both the one Python brings and the newest one are tried.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.archives import BACKEND, BUILD_SYSTEM, sdist, wheel
from tests.journeys.clients import Desk, Pip, listed, pair, publish, requests
from tests.running import Server, waybill

Tell = Callable[[Desk, Server, str], tuple[list[str], dict[str, str]]]


def _option(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    return ["--index-url", server.index_url(token)], {}


def _environment(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    return [], {"PIP_INDEX_URL": server.index_url(token)}


def _config_file(desk: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    path = desk.write("pip.conf", f"[global]\nindex-url = {server.index_url(token)}\n")
    return [], {"PIP_CONFIG_FILE": str(path)}


def _requirements(desk: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    desk.write("index.txt", f"--index-url {server.index_url(token)}\n")
    return ["-r", "index.txt"], {}


def _netrc(desk: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    desk.write(".netrc", f"machine 127.0.0.1\nlogin __token__\npassword {token}\n").chmod(0o600)
    return ["--index-url", f"{server.url}/python/simple/"], {}


def _slashless(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    return ["--index-url", server.index_url(token).rstrip("/")], {}


@pytest.fixture(scope="module")
def tools(acme: Server) -> str:
    """A project with two releases."""
    publish(acme, *pair("tools", "1.0"), *pair("tools", "1.1"))
    return "tools"


@pytest.mark.parametrize("tell", [_option, _environment, _config_file, _requirements, _netrc, _slashless])
@pytest.mark.client("pip", "install", "auth")
def test_pip_finds_the_newest_release_however_it_is_told_where_and_who(
    acme: Server, bob: str, desk: Desk, pip: Pip, tools: str, tell: Tell
) -> None:
    options, env = tell(desk, acme, bob)
    assert pip.chosen(desk, *options, tools, env=env) == ["tools==1.1"]


@pytest.mark.client("pip", "install")
def test_pip_installs_what_then_can_be_imported(acme: Server, bob: str, desk: Desk, pip: Pip) -> None:
    name = f"greeter-{pip.version[0]}"
    module = name.replace("-", "_")
    needs = ["Requires-Dist: Tools<1.1"]
    publish(acme, wheel(name, files={f"{module}.py": b"import tools\nword = 'hello'\n"}, headers=needs))
    publish(acme, *pair("tools", "1.0"))
    said = pip.run(desk, "install", "--target", "site", "--index-url", acme.index_url(bob), name)
    assert said.returncode == 0, said.stderr
    ran = desk.run([pip.command[0], "-c", f"import {module}; print({module}.word)"], {"PYTHONPATH": "site"})
    assert ran.stdout == "hello\n", ran.stderr
    assert (desk.folder / "site" / "tools-1.0.dist-info").is_dir()


@pytest.mark.client("pip", "install")
def test_pip_builds_and_installs_an_sdist(acme: Server, bob: str, desk: Desk, newest_pip: Pip) -> None:
    filename, made = wheel("from-source")
    inside = {"pyproject.toml": BUILD_SYSTEM.encode(), "backend.py": BACKEND.encode(), f"made/{filename}": made}
    publish(acme, sdist("from-source", files=inside))
    said = newest_pip.run(desk, "install", "--target", "site", "--index-url", acme.index_url(bob), "from-source")
    assert said.returncode == 0, said.stdout + said.stderr
    assert (desk.folder / "site" / "from_source.py").exists()


@pytest.mark.client("pip", "install", "auth")
def test_pip_needs_no_credentials_for_a_public_registry(acme: Server, desk: Desk, newest_pip: Pip) -> None:
    publish(acme, *pair("commons"), registry="community")
    assert newest_pip.chosen(desk, "--index-url", f"{acme.url}/community/simple/", "commons") == ["commons==1.0"]


@pytest.mark.client("pip", "install", "auth")
def test_pip_with_a_wrong_token_installs_nothing_and_says_so(acme: Server, desk: Desk, pip: Pip, tools: str) -> None:
    publish(acme, *pair("commons"), registry="community")
    for registry, project in (("python", tools), ("community", "commons")):
        index = acme.index_url("hunter2", registry)
        said = pip.run(desk, "install", "--target", "site", "--index-url", index, project)
        assert said.returncode == 1
        if pip.version >= (26, 3):  # older ones keep the reason to themselves
            assert "401 Error, Credentials not correct" in said.stderr
        assert f"No matching distribution found for {project}" in said.stderr
        assert "hunter2" not in said.stdout + said.stderr
        assert not (desk.folder / "site").exists()


@pytest.mark.client("pip", "install")
def test_pip_without_a_token_gets_nothing_from_a_private_registry(
    acme: Server, desk: Desk, pip: Pip, tools: str
) -> None:
    mark = len(acme.log())
    said = pip.run(desk, "install", "--target", "site", "--index-url", f"{acme.url}/python/simple/", tools)
    assert said.returncode == 1
    assert "No matching distribution found for tools" in said.stderr
    assert {line["status"] for line in requests(acme, mark)} == {401}


@pytest.mark.client("pip", "install")
def test_pip_without_the_right_to_read_gets_nothing(acme: Server, bob: str, desk: Desk, newest_pip: Pip) -> None:
    publish(acme, *pair("crown"), registry="vault")
    said = newest_pip.run(desk, "install", "--target", "site", "--index-url", acme.index_url(bob, "vault"), "crown")
    assert said.returncode == 1
    assert newest_pip.chosen(desk, "--index-url", acme.index_url(registry="vault"), "crown") == ["crown==1.0"]


@pytest.mark.client("pip", "install")
def test_pip_skips_a_yanked_release_unless_it_is_pinned(acme: Server, bob: str, desk: Desk, pip: Pip) -> None:
    publish(acme, *pair("yanky", "1.0"), *pair("yanky", "2.0"))
    data = str(acme.data)
    waybill("yank", "--data", data, "yanky==2.0", "--reason", "corrupts <the> cache; use 1.0")
    index = ["--index-url", acme.index_url(bob)]
    assert pip.chosen(desk, *index, "yanky") == ["yanky==1.0"]
    pinned = pip.run(desk, "install", "--dry-run", *index, "yanky==2.0")
    assert pinned.returncode == 0
    assert "Would install yanky-2.0" in pinned.stdout
    assert "Reason for being yanked: corrupts <the> cache; use 1.0" in pinned.stderr
    waybill("unyank", "--data", data, "yanky==2.0")
    assert pip.chosen(desk, *index, "yanky") == ["yanky==2.0"]


@pytest.mark.client("pip", "install")
def test_pip_checks_pinned_hashes(acme: Server, bob: str, desk: Desk, pip: Pip, tools: str) -> None:
    index = ["--require-hashes", "--index-url", acme.index_url(bob), "--target", "site"]
    right = [file["hashes"]["sha256"] for file in listed(acme, tools).values()]
    desk.write("right.txt", "tools==1.1 " + " ".join(f"--hash=sha256:{each}" for each in right))
    desk.write("wrong.txt", f"tools==1.1 --hash=sha256:{'0' * 64}")
    wrong = pip.run(desk, "install", *index, "-r", "wrong.txt")
    assert wrong.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in wrong.stderr
    assert not (desk.folder / "site").exists()
    said = pip.run(desk, "install", *index, "-r", "right.txt")
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("spelling", ["My.Package", "my_package", "MY--PACKAGE", "my-package"])
@pytest.mark.client("pip", "install")
def test_pip_finds_a_project_in_every_spelling(
    acme: Server, bob: str, desk: Desk, newest_pip: Pip, spelling: str
) -> None:
    publish(acme, *pair("My.Package"))
    assert newest_pip.chosen(desk, "--index-url", acme.index_url(bob), spelling) == ["My.Package==1.0"]


@pytest.mark.client("pip", "install")
def test_pip_skips_a_release_for_other_pythons(acme: Server, bob: str, desk: Desk, pip: Pip) -> None:
    publish(acme, wheel("futuristic", "1.0", requires_python=">=3.8"))
    publish(acme, wheel("futuristic", "2.0", requires_python=">=99"))
    index = ["--index-url", acme.index_url(bob)]
    assert pip.chosen(desk, *index, "futuristic") == ["futuristic==1.0"]
    said = pip.run(desk, "install", "--dry-run", *index, "futuristic==2.0")
    assert said.returncode == 1
    assert "Requires-Python >=99" in said.stderr


@pytest.mark.client("pip", "install")
def test_pip_resolves_by_core_metadata_without_downloading_a_wheel(
    acme: Server, bob: str, desk: Desk, pip: Pip
) -> None:
    publish(acme, wheel("leaf", "1.0"), wheel("branch", "1.0", headers=["Requires-Dist: leaf"]))
    mark = len(acme.log())
    index = ["--index-url", acme.index_url(bob)]
    assert pip.chosen(desk, *index, "branch") == ["branch==1.0", "leaf==1.0"]
    files = [line["path"].rpartition("/")[2] for line in requests(acme, mark) if "/files/" in line["path"]]
    assert set(files) >= {"branch-1.0-py3-none-any.whl.metadata", "leaf-1.0-py3-none-any.whl.metadata"}
    if pip.version >= (23, 3):  # since then a dry run downloads nothing
        assert not [name for name in files if name.endswith(".whl")]


@pytest.mark.client("pip", "install")
def test_pip_downloads_wheels_and_sdists(acme: Server, bob: str, desk: Desk, newest_pip: Pip, tools: str) -> None:
    index = ["--index-url", acme.index_url(bob), "--dest", "wheelhouse"]
    said = newest_pip.run(desk, "download", *index, tools)
    assert said.returncode == 0, said.stderr
    assert (desk.folder / "wheelhouse" / "tools-1.1-py3-none-any.whl").read_bytes() == wheel(tools, "1.1")[1]


@pytest.mark.client("pip", "install")
def test_pip_lists_versions(acme: Server, bob: str, desk: Desk, newest_pip: Pip, tools: str) -> None:
    said = newest_pip.run(desk, "index", "versions", "--index-url", acme.index_url(bob), tools)
    assert said.returncode == 0, said.stderr
    assert "Available versions: 1.1, 1.0" in said.stdout


@pytest.mark.client("pip", "install")
def test_pip_sees_an_upload_at_its_next_call(acme: Server, bob: str, desk: Desk, pip: Pip) -> None:
    name = f"fresh-{pip.version[0]}"
    index = ["--index-url", acme.index_url(bob), "--trusted-host", "127.0.0.1"]  # pip caches only what it trusts
    publish(acme, wheel(name, "1.0"))
    assert pip.chosen(desk, *index, name) == [f"{name}==1.0"]
    publish(acme, wheel(name, "1.1"))
    assert pip.chosen(desk, *index, name) == [f"{name}==1.1"]


@pytest.mark.client("pip", "install")
def test_pip_leaves_out_what_was_uploaded_after_a_moment(acme: Server, bob: str, desk: Desk, newest_pip: Pip) -> None:
    newest_pip.at_least(26, 0)
    publish(acme, wheel("aged", "1.0"))
    time.sleep(1.1)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    publish(acme, wheel("aged", "1.1"))
    index = ["--index-url", acme.index_url(bob)]
    assert newest_pip.chosen(desk, *index, "--uploaded-prior-to", moment, "aged") == ["aged==1.0"]
    assert newest_pip.chosen(desk, *index, "aged") == ["aged==1.1"]
