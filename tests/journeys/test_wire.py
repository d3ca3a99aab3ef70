"""What clients and server say to each other on the way: forms of answers, credentials, ranges, retries, large forms."""

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import BACKEND, BUILD_SYSTEM, sdist, wheel
from tests.journeys.between import Between, between
from tests.journeys.clients import Desk, Done, Pip, listed, pair, publish
from tests.journeys.projects import for_flit, for_pdm, for_pipenv
from tests.running import Server, run_git

JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def place(acme: Server) -> Iterator[Between]:
    with between(acme) as made:
        yield made


def _index(place: Between, token: str) -> str:
    return f"{place.url(f'__token__:{token}')}/python/simple/"


def pip(desk: Desk, url: str, name: str, newest_pip: Pip) -> Done:
    return newest_pip.run(desk, "install", "--target", "site", "--index-url", url, name)


def uv(desk: Desk, url: str, name: str, _: Pip) -> Done:
    return desk.uv("pip", "install", "--target", "site", "--default-index", url, name)


def poetry(desk: Desk, url: str, name: str, _: Pip) -> Done:
    text = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n[tool.poetry]\npackage-mode = false\n'
    desk.write("pyproject.toml", f'{text}[[tool.poetry.source]]\nname = "acme"\nurl = "{url}"\npriority = "primary"\n')
    desk.python()
    return desk.tool("poetry", "add", "-n", name)


def pdm(desk: Desk, url: str, name: str, _: Pip) -> Done:
    for_pdm(desk, url)
    return desk.tool("pdm", "add", name)


def pipenv(desk: Desk, url: str, name: str, _: Pip) -> Done:
    for_pipenv(desk, url)
    return desk.tool("pipenv", "install", name)


Install = Callable[[Desk, str, str, Pip], Done]
INSTALL: dict[str, Install] = {"pip": pip, "uv pip": uv, "Poetry": poetry, "PDM": pdm, "pipenv": pipenv}
INSTALLERS = [pytest.param(run, marks=pytest.mark.client(name, "install"), id=name) for name, run in INSTALL.items()]


@pytest.mark.parametrize("install", INSTALLERS)
def test_an_installer_sends_its_token_at_once_and_reads_json_without_a_redirect(
    place: Between, bob: str, acme: Server, desk: Desk, newest_pip: Pip, install: Install
) -> None:
    publish(acme, *pair("wi-leaf"), wheel("Wi.Branch", headers=["Requires-Dist: wi_leaf"]))
    said = install(desk, _index(place, bob), "WI_branch", newest_pip)
    assert said.returncode == 0, said.stdout + said.stderr
    pages = place.of("GET", "/simple/")
    assert {one.path for one in pages} >= {"/python/simple/wi-leaf/", "/python/simple/wi-branch/"}
    for one in pages:
        wanted = JSON if JSON in one.asked["accept"] else "text/html; charset=utf-8"
        assert one.answered.get("content-type", wanted) == wanted  # a 304 has none
    assert JSON in pages[0].asked["accept"]
    assert {one.status for one in place.seen} <= {200, 206, 304}
    assert all("authorization" in one.asked for one in place.seen)
    assert all(one.answered.get("content-encoding") is None for one in place.seen if "/files/" in one.path)


@pytest.mark.parametrize(
    "install",
    [
        pytest.param(uv, marks=pytest.mark.client("uv pip", "install"), id="uv"),
        pytest.param(poetry, marks=pytest.mark.client("Poetry", "install"), id="Poetry"),
        pytest.param(pdm, marks=pytest.mark.client("PDM", "install"), id="PDM"),
    ],
)
def test_an_sdist_arrives_as_it_is_and_is_built(
    place: Between, bob: str, acme: Server, desk: Desk, newest_pip: Pip, install: Install
) -> None:
    filename, made = wheel("wi-source")
    inside = {"pyproject.toml": BUILD_SYSTEM.encode(), "backend.py": BACKEND.encode(), f"made/{filename}": made}
    publish(acme, sdist("wi-source", files=inside))
    said = install(desk, _index(place, bob), "wi-source", newest_pip)
    assert said.returncode == 0, said.stdout + said.stderr
    [got] = {one.path.rpartition("/")[2] for one in place.of("GET", ".tar.gz") if not one.path.endswith(".metadata")}
    assert got == "wi_source-1.0.tar.gz"
    assert all("content-encoding" not in one.answered for one in place.of("GET", got) if "metadata" not in one.path)


def _large(name: str) -> tuple[str, bytes]:
    """Build a wheel of which a part is a part."""
    noise = random.Random(name).randbytes(300_000)  # noqa: S311 - what does not compress
    return wheel(name, files={f"{name.replace('-', '_')}.py": b"", "noise.bin": noise}, headers=["Summary: Large"])


def fast_deps(desk: Desk, url: str, name: str, newest_pip: Pip) -> Done:
    options = ["--use-feature", "fast-deps", "--dry-run", "--no-cache-dir"]
    return newest_pip.run(desk, "install", *options, "--index-url", url, name)


def compile_(desk: Desk, url: str, name: str, _: Pip) -> Done:
    desk.write("wanted.in", name)
    return desk.uv("pip", "compile", "--no-cache", "--default-index", url, "wanted.in")


@pytest.mark.parametrize(
    "resolve",
    [
        pytest.param(fast_deps, marks=pytest.mark.client("pip", "install"), id="pip --use-feature=fast-deps"),
        pytest.param(compile_, marks=pytest.mark.client("uv pip", "install"), id="uv"),
        pytest.param(poetry, marks=pytest.mark.client("Poetry", "install"), id="Poetry"),
    ],
)
def test_metadata_is_read_from_a_part_of_a_wheel_where_nothing_else_has_it(
    place: Between, bob: str, acme: Server, desk: Desk, newest_pip: Pip, resolve: Install
) -> None:
    publish(acme, _large("wi-large"))
    place.page = lambda text: re.sub(r', *"core-metadata": *\{[^}]*\}', "", text)
    said = resolve(desk, _index(place, bob), "wi-large", newest_pip)
    assert said.returncode == 0, said.stdout + said.stderr
    files = [one for one in place.seen if "/files/" in one.path]
    assert not [one for one in files if one.path.endswith(".metadata")]
    parts = [one for one in files if one.status == 206]
    assert parts
    assert all(one.answered["content-range"].endswith(f"/{len(_large('wi-large')[1])}") for one in parts)


@pytest.mark.client("pip", "install")
def test_pip_goes_on_with_a_download_that_broke_off(
    place: Between, bob: str, acme: Server, desk: Desk, newest_pip: Pip
) -> None:
    newest_pip.at_least(25, 1)
    publish(acme, _large("wi-broken"))
    place.cut = 1
    said = newest_pip.run(desk, "download", "-d", "got", "--index-url", _index(place, bob), "wi-broken")
    assert said.returncode == 0, said.stdout + said.stderr
    first, second = [one for one in place.of("GET", "/files/") if not one.path.endswith(".metadata")]
    assert second.asked["if-range"] == first.answered["etag"]
    assert (first.status, second.status) == (200, 206)
    assert (desk.folder / "got" / "wi_broken-1.0-py3-none-any.whl").read_bytes() == _large("wi-broken")[1]


@pytest.mark.client("pip", "install")
def test_pip_asks_whether_what_it_has_is_still_true(
    place: Between, bob: str, acme: Server, desk: Desk, newest_pip: Pip
) -> None:
    publish(acme, *pair("wi-kept"))
    options = ["--index-url", _index(place, bob), "--trusted-host", "127.0.0.1"]  # pip keeps only what it trusts
    for _ in range(2):
        assert newest_pip.chosen(desk, *options, "wi-kept") == ["wi-kept==1.0"]
    first, second = place.of("GET", "/simple/wi-kept/")
    assert second.asked["if-none-match"] == first.answered["etag"]
    assert not first.answered["etag"].startswith("W/")
    assert second.status == 304


Upload = Callable[[Desk, str, str], Done]


def by_twine(desk: Desk, url: str, token: str) -> Done:
    return desk.twine("--repository-url", url, "-u", "__token__", "-p", token, "dist/*")


def by_uv(desk: Desk, url: str, token: str) -> Done:
    return desk.uv("publish", "--publish-url", url, "--token", token, "dist/*")


def by_poetry(desk: Desk, url: str, token: str) -> Done:
    env = {"POETRY_REPOSITORIES_ACME_URL": url, "POETRY_PYPI_TOKEN_ACME": token}
    return desk.tool("poetry", "publish", "-n", "--repository", "acme", env=env)


def by_pdm(desk: Desk, url: str, token: str) -> Done:
    desk.python()
    env = {"PDM_PUBLISH_REPO": url, "PDM_PUBLISH_USERNAME": "__token__", "PDM_PUBLISH_PASSWORD": token}
    return desk.tool("pdm", "publish", "--no-build", env=env)


def by_hatch(desk: Desk, url: str, token: str) -> Done:
    env = {"HATCH_INDEX_REPO": url, "HATCH_INDEX_USER": "__token__", "HATCH_INDEX_AUTH": token}
    return desk.tool("hatch", "publish", "-n", env=env)


def by_flit(desk: Desk, url: str, token: str) -> Done:
    env = {"FLIT_INDEX_URL": url, "FLIT_USERNAME": "__token__", "FLIT_PASSWORD": token}
    return desk.tool("flit", "publish", "--format", "wheel", env=env)


UPLOAD: dict[str, Upload] = {"twine": by_twine, "uv publish": by_uv, "Poetry": by_poetry, "PDM": by_pdm}
UPLOAD |= {"Hatch": by_hatch, "Flit": by_flit}
UPLOADERS = [pytest.param(run, marks=pytest.mark.client(name, "publish"), id=name) for name, run in UPLOAD.items()]


@pytest.mark.parametrize("upload", UPLOADERS)
def test_a_readme_of_a_megabyte_and_a_thousand_fields_are_uploaded_in_one_request(
    place: Between, bob: str, acme: Server, desk: Desk, upload: Upload
) -> None:
    name = f"bob-wi-{upload.__name__.replace('_', '-')}"
    readme, needs = "A long story.\n" * 80_000, [f"needed-{number}" for number in range(1100)]
    for_flit(desk, name)
    text = (desk.folder / "pyproject.toml").read_text()
    text = text.replace("dependencies = []", f'dependencies = {json.dumps(needs)}\nreadme = "README.md"')
    desk.write("pyproject.toml", text)
    desk.write("README.md", readme)
    if upload is not by_flit:  # which builds for itself
        desk.save(wheel(name, headers=[f"Requires-Dist: {each}" for each in needs], body=readme))
    said = upload(desk, f"{place.url()}/python", bob)
    assert said.returncode == 0, said.stdout + said.stderr
    assert list(listed(acme, name)) == [f"{name.replace('-', '_')}-1.0-py3-none-any.whl"]
    [post] = place.of("POST")
    assert (post.path, post.status) == ("/python", 200)
    assert int(post.asked["content-length"]) > 1_100_000
    assert post.asked["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("upload", "instead"),
    [
        pytest.param(by_twine, 503, marks=pytest.mark.client("twine", "publish"), id="twine"),
        pytest.param(by_uv, 0, marks=pytest.mark.client("uv publish", "publish"), id="uv"),
    ],
)
def test_an_upload_whose_answer_got_lost_is_sent_again_and_stored_once(
    place: Between, bob: str, acme: Server, desk: Desk, upload: Upload, instead: int
) -> None:
    name = f"bob-wi-lost-{upload.__name__.removeprefix('by_')}"
    path: Path = desk.save(wheel(name))
    place.lose, place.instead = 1, instead
    said = upload(desk, f"{place.url()}/python/", bob)
    assert said.returncode == 0, said.stdout + said.stderr
    assert [one.status for one in place.of("POST")] == [200, 200]
    assert run_git(acme.git, "log", "--format=%s", "ledger").count(f"publish: {name} ") == 1
    assert path.name in listed(acme, name)


@pytest.mark.client("uv publish", "publish")
def test_uv_finds_in_the_index_that_an_upload_arrived_whose_answer_was_an_error(
    place: Between, bob: str, desk: Desk
) -> None:
    desk.save(wheel("bob-wi-arrived"))
    place.lose, place.instead = 1, 400
    options = ["--publish-url", f"{place.url()}/python/", "--check-url", _index(place, bob)]
    said = desk.uv("publish", *options, "--token", bob)
    assert said.returncode == 0, said.stderr
    assert "already exists" in said.stderr
    assert len(place.of("POST")) == 1


@pytest.mark.client("uv publish", "publish", "auth")
def test_uv_checks_the_index_with_the_token_that_it_uploads_with(
    place: Between, bob: str, desk: Desk, acme: Server
) -> None:
    there, new = pair("bob-wi-check")
    publish(acme, there, token=bob)
    for archive in (there, new):
        desk.save(archive)
    limited = acme.token_for("bob", "--role", "publish", "--project", "bob-wi-check")
    options = ["--publish-url", f"{place.url()}/python/", "--check-url", f"{place.url()}/python/simple/"]
    for _ in range(2):
        said = desk.uv("publish", *options, "--token", limited)
        assert said.returncode == 0, said.stderr
    assert set(listed(acme, "bob-wi-check")) == {there[0], new[0]}
    assert {one.status for one in place.of("GET", "/simple/")} <= {200, 401}


@pytest.mark.client("twine", "publish")
def test_twine_itself_skips_nothing_outside_pypi_and_needs_not(
    place: Between, bob: str, acme: Server, desk: Desk
) -> None:
    there, new = pair("bob-wi-skip")
    publish(acme, there, token=bob)
    for archive in (there, new):
        desk.save(archive)
    where = ["--repository-url", f"{place.url()}/python/", "-u", "__token__", "-p", bob]
    refused = desk.twine(*where, "--skip-existing", "dist/*")
    assert refused.returncode != 0
    assert "UnsupportedConfiguration" in refused.stdout + refused.stderr
    assert place.seen == []
    assert desk.twine(*where, "dist/*").returncode == 0
    assert set(listed(acme, "bob-wi-skip")) == {there[0], new[0]}
