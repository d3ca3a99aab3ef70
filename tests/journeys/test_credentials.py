"""Every way in which a token reaches pip, uv and twine: in the URL, in files, in variables, in uv's own store."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, Pip, listed, pair, publish, requests
from tests.journeys.projects import for_flit, for_pdm, for_pipenv, for_uv
from tests.running import Server

# What stands before the host in a URL. The user name is not looked at: the token says whose it is.
USERINFO: dict[str, Callable[[str], str]] = {
    "__token__": lambda token: f"__token__:{token}",
    "a person": lambda token: f"bob:{token}",
    "an address": lambda token: f"bob@acme.example:{token}",
    "an address, quoted": lambda token: f"{quote('bob@acme.example', safe='')}:{token}",
    "quoted letters": lambda token: f"b%C3%B6b%20%40%2B:{token}",
    "another system's": lambda token: f"buildkite:{token}",
    "the token as user name": lambda token: f"{token}:",
    "the token as user name, bare": lambda token: token,
}


# One that pip reads as uv does is tried with pip only in long runs.
LIKE_ANOTHER = {"a person", "another system's", "the token as user name, bare"}
FOR_PIP = [pytest.param(form, marks=pytest.mark.long if form in LIKE_ANOTHER else ()) for form in USERINFO]


@pytest.fixture(scope="module")
def known(acme: Server) -> str:
    publish(acme, *pair("cr-known"))
    return "cr-known"


def _url(server: Server, userinfo: str) -> str:
    return f"http://{userinfo}@127.0.0.1:{server.port}/python/simple/"


@pytest.mark.client("pip", "auth")
@pytest.mark.parametrize("userinfo", FOR_PIP)
def test_pip_takes_every_form_of_credentials_in_the_url(
    acme: Server, bob: str, desk: Desk, newest_pip: Pip, known: str, userinfo: str
) -> None:
    url = _url(acme, USERINFO[userinfo](bob))
    assert newest_pip.chosen(desk, "--index-url", url, known) == ["cr-known==1.0"]


@pytest.mark.client("uv pip", "auth")
@pytest.mark.parametrize("userinfo", USERINFO)
def test_uv_takes_every_form_of_credentials_in_the_url(
    acme: Server, bob: str, desk: Desk, known: str, userinfo: str
) -> None:
    url = _url(acme, USERINFO[userinfo](bob))
    said = desk.uv("pip", "install", "--target", "site", "--default-index", url, known)
    assert said.returncode == 0, said.stderr


@pytest.mark.client("PDM", "auth")
@pytest.mark.parametrize("userinfo", ["an address, quoted", "the token as user name"])
def test_pdm_takes_forms_of_credentials_in_the_url(
    acme: Server, bob: str, desk: Desk, known: str, userinfo: str
) -> None:
    for_pdm(desk, _url(acme, USERINFO[userinfo](bob)))
    said = desk.tool("pdm", "add", "--no-sync", known)
    assert said.returncode == 0, said.stderr


@pytest.mark.client("pipenv", "auth")
@pytest.mark.parametrize("userinfo", ["an address, quoted"])
def test_pipenv_takes_forms_of_credentials_in_the_url(
    acme: Server, bob: str, desk: Desk, known: str, userinfo: str
) -> None:
    for_pipenv(desk, _url(acme, USERINFO[userinfo](bob)))
    desk.write("Pipfile", (desk.folder / "Pipfile").read_text() + f'{known} = "*"\n')
    said = desk.tool("pipenv", "lock")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "sha256:" in (desk.folder / "Pipfile.lock").read_text()


@pytest.mark.client("uv pip", "auth")
def test_uv_takes_credentials_from_netrc(acme: Server, bob: str, desk: Desk, known: str) -> None:
    path = desk.write("of-bob", f"machine 127.0.0.1\nlogin bob@acme.example\npassword {bob}\n")
    url = f"{acme.url}/python/simple/"
    said = desk.uv("pip", "install", "--target", "site", "--default-index", url, known, env={"NETRC": str(path)})
    assert said.returncode == 0, said.stderr


@pytest.mark.client("twine", "auth")
@pytest.mark.parametrize("user", ["__token__", "bob@acme.example", "buildkite"])
def test_twine_publishes_under_any_user_name(acme: Server, bob: str, desk: Desk, user: str) -> None:
    path = desk.save(wheel(f"bob-cr-{len(user)}"))
    said = desk.twine("--repository-url", acme.upload_url, "-u", user, "-p", bob, path)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.client("twine", "auth")
def test_a_wrong_password_is_refused_also_where_the_user_name_is_a_token(acme: Server, bob: str, desk: Desk) -> None:
    path = desk.save(wheel("bob-cr-both"))
    said = desk.twine("--repository-url", acme.upload_url, "-u", bob, "-p", "hunter2", path)
    assert said.returncode != 0
    assert "401 Unauthorized" in said.stdout + said.stderr


# Each client's command without a password, and what it says; twine's is in `test_keyring.py`, Hatch's with its others.
SILENT: dict[str, tuple[list[str], dict[str, str], str]] = {
    "uv publish": (
        ["uv", "publish", "--publish-url", "{url}", "--trusted-publishing", "never"],
        {},
        "Missing credentials for",
    ),
    "Poetry": (
        ["poetry", "publish", "-n", "--repository", "acme"],
        {"POETRY_REPOSITORIES_ACME_URL": "{url}"},
        "HTTP Error 401: To publish in registry python, give a token as password",
    ),
    "PDM": (["pdm", "publish", "--no-build", "--repository", "{url}"], {}, "Username and password are required"),
    "Flit": (["flit", "publish"], {"FLIT_INDEX_URL": "{url}", "FLIT_USERNAME": "x"}, "Could not find password"),
}


@pytest.mark.parametrize("client", [pytest.param(name, marks=pytest.mark.client(name, "auth")) for name in SILENT])
def test_without_a_password_nobody_waits_for_an_answer(acme: Server, desk: Desk, client: str) -> None:
    command, env, words = SILENT[client]
    for_flit(desk, "bob-cr-nobody")
    desk.python()
    desk.save(wheel("bob-cr-nobody"))
    tool, *arguments = (part.format(url=acme.upload_url) for part in command)
    given = {name: value.format(url=acme.upload_url) for name, value in env.items()}
    said = desk.tool(tool, *arguments, env=given)
    assert said.returncode != 0
    assert words in said.stdout + said.stderr


@pytest.mark.client("uv project", "install", "auth")
@pytest.mark.parametrize("user", ["__token__", "bob@acme.example"])
def test_uv_takes_what_uv_auth_login_has_stored_until_logout(
    acme: Server, bob: str, desk: Desk, known: str, user: str
) -> None:
    for_uv(desk, acme)
    before = desk.uv("add", "--no-sync", known)
    assert before.returncode != 0
    assert "401 Unauthorized" in before.stderr
    index = f"{acme.url}/python/simple/"
    given = ["--token", bob] if user == "__token__" else ["--username", user, "--password", bob]
    stored = desk.uv("auth", "login", index, *given)
    assert stored.returncode == 0, stored.stderr
    said = desk.uv("add", "--no-sync", known)
    assert said.returncode == 0, said.stderr
    assert bob not in (desk.folder / "uv.lock").read_text()
    assert desk.uv("auth", "logout", index, "--username", user).returncode == 0
    after = desk.uv("lock", "--upgrade", "--no-cache")
    assert after.returncode != 0
    assert "401 Unauthorized" in after.stderr


@pytest.mark.client("uv publish", "auth")
def test_uv_publishes_with_what_uv_auth_login_has_stored(acme: Server, bob: str, desk: Desk) -> None:
    path = desk.save(wheel("bob-cr-login"))
    stored = desk.uv("auth", "login", acme.upload_url, "--token", bob)
    assert stored.returncode == 0, stored.stderr
    said = desk.uv("publish", "--publish-url", acme.upload_url, "--username", "__token__", path)
    assert said.returncode == 0, said.stderr
    assert path.name in listed(acme, "bob-cr-login")


@pytest.mark.client("uv project", "install", "auth")
def test_uv_sends_credentials_of_variables_at_once(acme: Server, bob: str, desk: Desk, known: str) -> None:
    for_uv(desk, acme)
    mark = len(acme.log())
    env = {"UV_INDEX_ACME_USERNAME": "bob@acme.example", "UV_INDEX_ACME_PASSWORD": bob}
    said = desk.uv("add", "--no-sync", known, env=env)
    assert said.returncode == 0, said.stderr
    assert {line["status"] for line in requests(acme, mark)} == {200}
