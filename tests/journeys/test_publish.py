"""What people type to publish, and what they read when it is refused."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.archives import sdist, wheel
from tests.journeys.clients import Desk, Done, ask, listed, pair, publish
from tests.running import Server, run_git
from tests.tracing import lacking

Tell = Callable[[Desk, Server, str], tuple[list[str], dict[str, str]]]


def _config_file(desk: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    servers = "[distutils]\nindex-servers =\n    waybill\n"
    section = f"[waybill]\nrepository = {server.url}/python\nusername = bob@acme.example\npassword = {token}\n"
    desk.write(".pypirc-here", servers + section)
    return ["--repository", "waybill", "--config-file", ".pypirc-here"], {}


def _home(desk: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    desk.write(".pypirc", f"[distutils]\nindex-servers =\n    acme\n[acme]\nrepository = {server.url}/python/legacy/\n")
    return ["--repository", "acme"], {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}


def _environment(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    env = {"TWINE_REPOSITORY_URL": server.upload_url, "TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}
    return [], env


def _options(_: Desk, server: Server, token: str) -> tuple[list[str], dict[str, str]]:
    return ["--repository-url", f"{server.url}/python/legacy", "-u", "__token__", "-p", token], {}


@pytest.mark.parametrize("tell", [_config_file, _home, _environment, _options])
@pytest.mark.client("twine", "publish", "auth")
def test_twine_publishes_wheel_and_sdist_however_it_is_told_where_and_who(
    acme: Server, bob: str, desk: Desk, tell: Tell
) -> None:
    project = f"bob-twine-{tell.__name__.strip('_').replace('_', '-')}"
    paths = [desk.save(archive) for archive in pair(project)]
    options, env = tell(desk, acme, bob)
    said = desk.twine(*options, *paths, env=env)
    assert said.returncode == 0, said.stdout + said.stderr
    assert set(listed(acme, project)) == {path.name for path in paths}


def _twine(desk: Desk, server: Server, token: str, *paths: Path) -> Done:
    return desk.twine("--repository-url", server.upload_url, "-u", "__token__", "-p", token, *paths)


@pytest.mark.client("twine", "publish")
def test_twine_may_run_again_over_the_same_files_and_nothing_is_written(acme: Server, bob: str, desk: Desk) -> None:
    paths = [desk.save(archive) for archive in pair("bob-again")]
    assert _twine(desk, acme, bob, *paths).returncode == 0
    before = run_git(acme.git, "rev-parse", "ledger")
    again = _twine(desk, acme, bob, *paths)
    assert again.returncode == 0, again.stdout + again.stderr
    assert run_git(acme.git, "rev-parse", "ledger") == before


@pytest.mark.client("twine", "publish")
def test_twine_publishes_the_second_file_of_a_release_whose_first_is_there(acme: Server, bob: str, desk: Desk) -> None:
    first, second = (desk.save(archive) for archive in pair("bob-half"))
    assert _twine(desk, acme, bob, first).returncode == 0
    assert _twine(desk, acme, bob, first, second).returncode == 0
    assert set(listed(acme, "bob-half")) == {first.name, second.name}


def _refused(said: Done) -> str:
    """Give the line a person reads; a refusal is never a traceback."""
    assert said.returncode == 1
    text = said.stdout + said.stderr
    assert "Traceback" not in text
    return re.sub(r"\s+", " ", text)


@pytest.mark.client("twine", "publish")
def test_twine_prints_that_a_name_is_taken_by_other_bytes(acme: Server, bob: str, desk: Desk) -> None:
    filename, data = wheel("bob-taken")
    publish(acme, (filename, data), token=bob)
    other = desk.save(wheel("bob-taken", files={"bob_taken.py": b"changed = True\n"}))
    text = _refused(_twine(desk, acme, bob, other))
    assert f"File already exists: '{filename}' has sha256" in text
    assert "raise the version" in text


@pytest.mark.parametrize("token", ["hunter2", "wb_aaaaaaaaaa_" + "0" * 38])
@pytest.mark.client("twine", "publish", "auth")
def test_twine_prints_that_a_password_is_no_token(acme: Server, desk: Desk, token: str) -> None:
    text = _refused(_twine(desk, acme, token, desk.save(wheel("bob-wrong-token"))))
    assert "401 Unauthorized" in text
    assert "The password is not a Waybill token, which begins with wb_" in text
    assert token not in text


@pytest.mark.client("twine", "publish", "auth")
def test_twine_prints_which_line_of_the_policy_gives_too_little(acme: Server, bob: str, desk: Desk) -> None:
    text = _refused(_twine(desk, acme, bob, desk.save(wheel("payments-api"))))
    assert "403 Forbidden" in text
    assert "bob may not publish payments-api in python" in text
    assert "registries/python/registry.yaml:7 gives publish only on bob-*" in text
    assert ask(f"{acme.url}/python/simple/payments-api/", acme.token)[0] == 404


@pytest.mark.client("twine", "publish", "auth")
def test_twine_prints_what_a_limited_token_is_limited_to(acme: Server, desk: Desk) -> None:
    limited = acme.token_for("bob", "--project", "bob-other-*")
    text = _refused(_twine(desk, acme, limited, desk.save(wheel("bob-limited"))))
    assert "is limited to projects bob-other-*; use another token" in text
    assert _twine(desk, acme, limited, desk.save(wheel("bob-other-one"))).returncode == 0


@pytest.mark.client("twine", "publish")
def test_twine_prints_that_a_renamed_file_is_another_project(acme: Server, bob: str, desk: Desk) -> None:
    _, data = wheel("bob-real")
    text = _refused(_twine(desk, acme, bob, desk.save(("bob_renamed-1.0-py3-none-any.whl", data))))
    assert "name: the form says 'bob-real', the filename says 'bob-renamed'" in text


@pytest.mark.client("twine", "publish")
def test_twine_prints_how_a_file_should_be_named(acme: Server, bob: str, desk: Desk) -> None:
    _, data = sdist("bob-dots")
    text = _refused(_twine(desk, acme, bob, desk.save(("bob.dots-1.0.tar.gz", data))))
    assert "it should be named 'bob_dots-1.0.tar.gz'" in text


@pytest.mark.client("twine", "publish")
def test_twine_at_the_index_url_is_told_where_uploads_go(acme: Server, bob: str, desk: Desk) -> None:
    path = desk.save(wheel("bob-lost"))
    said = desk.twine("--repository-url", f"{acme.url}/python/simple/", "-u", "__token__", "-p", bob, path)
    assert "Uploads go to the registry's own URL, without /simple/" in _refused(said)


@pytest.mark.client("uv publish", "publish", "auth")
def test_uv_publishes_with_a_token(acme: Server, bob: str, desk: Desk) -> None:
    paths = [desk.save(archive) for archive in pair("bob-uv-token")]
    said = desk.uv("publish", "--publish-url", acme.upload_url, "--token", bob)
    assert said.returncode == 0, said.stderr
    assert set(listed(acme, "bob-uv-token")) == {path.name for path in paths}


@pytest.mark.client("uv publish", "publish", "auth")
def test_uv_publishes_with_user_name_and_password(acme: Server, bob: str, desk: Desk) -> None:
    path = desk.save(wheel("bob-uv-password"))
    env = {"UV_PUBLISH_USERNAME": "bob", "UV_PUBLISH_PASSWORD": bob}
    said = desk.uv("publish", "--publish-url", f"{acme.url}/python", path, env=env)
    assert said.returncode == 0, said.stderr
    assert path.name in listed(acme, "bob-uv-password")


def _project(server: Server) -> str:
    return f"""\
[project]
name = "bob-uv-index"
version = "1.0"
[[tool.uv.index]]
name = "acme"
url = "{server.url}/python/simple/"
publish-url = "{server.upload_url}"
explicit = true
"""


@pytest.mark.client("uv publish", "publish")
def test_uv_publishes_to_the_index_a_project_names_and_skips_what_is_there(acme: Server, bob: str, desk: Desk) -> None:
    desk.write("pyproject.toml", _project(acme))
    path = desk.save(wheel("bob-uv-index"))
    env = {"UV_PUBLISH_TOKEN": bob, "UV_INDEX_ACME_USERNAME": "__token__", "UV_INDEX_ACME_PASSWORD": bob}
    first = desk.uv("publish", "--index", "acme", env=env)
    assert first.returncode == 0, first.stderr
    assert path.name in listed(acme, "bob-uv-index")
    again = desk.uv("publish", "--index", "acme", env=env)
    assert again.returncode == 0, again.stderr
    assert "already exists, skipping" in again.stderr


@pytest.mark.client("uv publish", "publish")
def test_uv_skips_what_is_there_when_given_a_check_url(acme: Server, bob: str, desk: Desk) -> None:
    there, new = pair("bob-uv-check")
    publish(acme, there, token=bob)
    desk.save(there)
    desk.save(new)
    checked = ("--check-url", acme.index_url(bob))
    said = desk.uv("publish", "--publish-url", acme.upload_url, "--token", bob, *checked)
    assert said.returncode == 0, said.stderr
    assert f"File {there[0]} already exists, skipping" in said.stderr
    assert set(listed(acme, "bob-uv-check")) == {there[0], new[0]}


@pytest.mark.client("uv publish", "publish")
def test_uv_may_run_again_over_the_same_file_also_without_a_check_url(acme: Server, bob: str, desk: Desk) -> None:
    path = desk.save(wheel("bob-uv-again"))
    for _ in range(2):
        said = desk.uv("publish", "--publish-url", acme.upload_url, "--token", bob, path)
        assert said.returncode == 0, said.stderr


@pytest.mark.client("uv publish", "publish", "auth")
def test_uv_shows_our_words_when_refused(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, wheel("bob-uv-taken"), token=bob)
    other = desk.save(wheel("bob-uv-taken", files={"changed.py": b""}))
    said = desk.uv("publish", "--publish-url", acme.upload_url, "--token", bob, other)
    assert said.returncode != 0
    assert "File already exists: 'bob_uv_taken-1.0-py3-none-any.whl' has sha256" in said.stderr
    foreign = desk.save(wheel("payments-uv"))
    said = desk.uv("publish", "--publish-url", acme.upload_url, "--token", bob, foreign)
    assert said.returncode != 0
    assert "bob may not publish payments-uv in python" in said.stderr
    wrong = desk.uv("publish", "--publish-url", acme.upload_url, "--token", "hunter2", foreign)
    assert wrong.returncode != 0
    assert "The password is not a Waybill token" in wrong.stderr


@pytest.fixture
def curl() -> str:
    found = shutil.which("curl")
    if found is None:
        lacking("curl is not on the path")
    return found


@pytest.mark.client("curl", "publish", "auth")
def test_curl_publishes_a_lone_file_and_prints_the_ledger_commit(acme: Server, bob: str, desk: Desk, curl: str) -> None:
    path = desk.save(wheel("bob-curl"))
    as_bob = ("-H", f"Authorization: Bearer {bob}")
    said = desk.run([curl, "-sS", "--fail-with-body", "-F", f"file=@{path}", *as_bob, acme.upload_url])
    assert said.returncode == 0, said.stdout
    commit = said.stdout.split()[-1]
    assert run_git(acme.git, "log", "-1", "--format=%an %s", commit).strip() == f"bob publish: bob-curl 1.0 {path.name}"
    again = desk.run([curl, "-sS", "-F", f"file=@{path}", "-u", f"__token__:{bob}", acme.upload_url])
    assert "is here already with the same content" in again.stdout


@pytest.mark.client("curl", "publish", "auth")
def test_curl_without_a_token_is_told_to_give_one(acme: Server, desk: Desk, curl: str) -> None:
    path = desk.save(wheel("bob-curl-nobody"))
    said = desk.run([curl, "-sS", "-F", f"file=@{path}", "-w", "%{http_code}", acme.upload_url])
    assert said.stdout.endswith("401")
    assert "give a token as password, with user name __token__" in said.stdout
