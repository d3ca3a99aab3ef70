"""Artifact Keeper: "PyPI Repository Guide", A1 to A12."""

import hashlib
from pathlib import Path

from tests.running import Server
from tests.seeds.replay import PEOPLE, Desk, Rows, policy_of

PYPROJECT = '[project]\nname = "{name}"\nversion = "{version}"\nrequires-python = ">=3.11"\ndescription = "x"\n'
SOURCES = """\
[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "artifact-keeper"
url = "{host}/pypi/simple"
priority = "primary"

[[tool.poetry.source]]
name = "empty"
url = "{host}/empty/simple/"
priority = "supplemental"
"""


def make(server: Server) -> None:
    """A public registry, which is meant where none is named, and a private one beside it."""
    policy_of(
        server,
        {
            "people.yaml": PEOPLE,
            "waybill.yaml": "organization: acme\nadmins: [alice]\ndefault_registry: pypi-local\n",
            "registries/pypi-local/registry.yaml": "kind: source\nvisibility: public\nprojects: open\n"
            "grants:\n- {role: publish, to: [bob]}\n",
            "registries/team/registry.yaml": "kind: source\nvisibility: private\nprojects: open\n"
            "grants:\n- {role: read, to: [dave]}\n",
        },
    )


ARTIFACT_KEEPER_ROWS = Rows(make)
row = ARTIFACT_KEEPER_ROWS.row


def login(desk: Desk) -> dict[str, str]:
    return {"TWINE_USERNAME": "bob", "TWINE_PASSWORD": desk.world.token("bob")}


def pypirc(desk: Desk, user: str = "your-username") -> None:
    desk.write(
        ".pypirc",
        f"[distutils]\nindex-servers =\n    artifact-keeper\n\n[artifact-keeper]\nrepository = {desk.host}/pypi\n"
        f"username = {user}\npassword = {desk.world.token('bob')}\n",
    )


def installs(desk: Desk, line: str, wanted: str, name: str = "my-package", **env: str) -> None:
    """Type a line that installs, into an empty environment."""
    desk.run(line, **env)
    assert desk.installed(name) == wanted, line
    desk.uninstall()


@row("A1", "the index is at /pypi/simple, uploads go to /pypi")
def endpoint(desk: Desk) -> None:
    desk.build("endpoint", "1.0")
    desk.run(f"twine upload --repository-url {desk.host}/pypi dist/*", **login(desk))
    assert desk.versions("/pypi/simple/", "endpoint") == ["1.0"]
    assert desk.versions("/pypi/pypi-local/simple/", "endpoint") == ["1.0"]


@row("A2", "pip.conf, variables, the command line, or requirements.txt say where")
def configured(desk: Desk) -> None:
    desk.publish("my-package", "1.0.0", "pypi-local")
    desk.publish("another-package", "2.1", "pypi-local")
    config = f"[global]\nindex-url = {desk.host}/pypi/simple\ntrusted-host = 127.0.0.1\n"
    desk.write(".config/pip/pip.conf", config)
    with_files = {"PIP_CONFIG_FILE": ""}
    installs(desk, "pip install my-package==1.0.0", "1.0.0", **with_files)
    desk.run("rm .config/pip/pip.conf")
    desk.write("pip.conf", config)
    installs(desk, "pip install my-package==1.0.0", "1.0.0", PIP_CONFIG_FILE="pip.conf")
    exported = f"export PIP_INDEX_URL={desk.host}/pypi/simple; export PIP_TRUSTED_HOST=127.0.0.1; "
    installs(desk, f"{exported}pip install my-package==1.0.0", "1.0.0")
    installs(desk, f"pip install --index-url {desk.host}/pypi/simple my-package==1.0.0", "1.0.0")
    lines = (
        f"--index-url {desk.host}/pypi/simple\n--trusted-host 127.0.0.1\n\nmy-package==1.0.0\nanother-package>=2.0.0\n"
    )
    desk.write("requirements.txt", lines)
    installs(desk, "pip install -r requirements.txt", "1.0.0")


@row("A3", "==, >=, ~=, != and ranges")
def specifiers(desk: Desk) -> None:
    for version in ("1.0.0", "1.0.1", "1.4.0", "2.0.0"):
        desk.publish("specified", version, "pypi-local")
    desk.env = {"PIP_INDEX_URL": f"{desk.host}/pypi/simple"}
    for asked, wanted in (
        ("==1.0.0", "1.0.0"),
        (">=1.0.0", "2.0.0"),
        ("~=1.0.0", "1.0.1"),
        (">=1.0.0,<2.0.0", "1.4.0"),
        ("<=1.0.1,!=1.0.1", "1.0.0"),
    ):
        said = desk.run(f'pip install --dry-run "specified{asked}"')
        assert f"Would install specified-{wanted}" in said


@row("A4", "twine with .pypirc, with options, with single files, and wheels of a platform")
def twine(desk: Desk) -> None:
    pypirc(desk)
    wheel, _ = desk.build("uploaded", "1.0.0")
    desk.run(f"twine upload --repository artifact-keeper dist/{wheel}")
    assert desk.versions("/pypi/simple/", "uploaded") == ["1.0.0"]
    desk.run("twine upload --repository artifact-keeper dist/*")
    desk.build("uploaded", "1.0.1")
    desk.run(
        f"twine upload \\\n  --repository-url {desk.host}/pypi \\\n  --username your-username \\\n"
        f"  --password {desk.world.token('bob')} \\\n  dist/*"
    )
    desk.build("uploaded", "1.0.2", tag="cp311-cp311-manylinux_2_17_x86_64")
    desk.run("twine upload --repository artifact-keeper dist/*1.0.2*")
    assert desk.versions("/pypi/simple/", "uploaded") == ["1.0.0", "1.0.1", "1.0.2"]


@row("A5", "several indexes", note="pip takes the highest version of all: better one index, or uv's explicit ones")
def several(desk: Desk) -> None:
    desk.publish("in-one", "1.0", "pypi-local")
    desk.publish("in-team", "1.0", "team")
    installs(
        desk,
        f"pip install --index-url {desk.host}/pypi/simple --extra-index-url {desk.host}/empty/simple/ in-one",
        "1.0",
        "in-one",
    )
    team = f"{desk.at('dave', desk.world.token('dave'))}/pypi/team/simple"
    desk.write(
        "pip.conf",
        f"[global]\nindex-url = {desk.host}/pypi/simple\nextra-index-url = {team} {desk.host}/empty/simple/\n",
    )
    installs(desk, "pip install in-team in-one", "1.0", "in-team", PIP_CONFIG_FILE="pip.conf")


@row("A6", "Basic authentication in the URL, __token__ with an API token, keyring")
def authentication(desk: Desk) -> None:
    desk.publish("guarded", "1.0", "team")
    installs(
        desk,
        f"pip install --index-url {desk.at('username', desk.world.token('dave'))}/pypi/team/simple guarded",
        "1.0",
        "guarded",
    )
    pypirc(desk, "__token__")
    desk.build("my-token-package", "1.0")
    desk.run("twine upload --repository artifact-keeper dist/*")
    desk.env = {
        "PYTHON_KEYRING_BACKEND": "keyfile.Keyfile",
        "PYTHONPATH": str(Path(__file__).parent.parent / "journeys" / "keyrings"),
        "KEYFILE": str(desk.folder / "keys.json"),
    }
    desk.build("my-keyring-package", "1.0")
    desk.run(f"keyring set {desk.host}/pypi username", stdin=desk.world.token("bob"))
    desk.run(f"twine upload --repository-url {desk.host}/pypi --username username dist/my_keyring*")


@row("A7", "Poetry: repositories, http-basic, sources, add, publish")
def poetry(desk: Desk) -> None:
    desk.publish("my-package", "7.0", "pypi-local")
    token = desk.world.token("bob")
    desk.run(f"poetry config repositories.artifact-keeper {desk.host}/pypi")
    desk.run(f"poetry config http-basic.artifact-keeper username {token}")
    desk.write("pyproject.toml", PYPROJECT.format(name="app", version="1.0") + SOURCES.format(host=desk.host))
    installs(desk, "poetry add my-package@7.0 --source artifact-keeper", "7.0")
    desk.build("by-poetry", "1.0")
    desk.write("pyproject.toml", PYPROJECT.format(name="by-poetry", version="1.0"))
    desk.run("poetry publish --repository artifact-keeper")
    assert desk.versions("/pypi/simple/", "by-poetry") == ["1.0"]


@row("A8", "PDM: pypi.url, add, publish")
def pdm(desk: Desk) -> None:
    desk.publish("my-package", "8.0", "pypi-local")
    desk.run(f"pdm config pypi.url {desk.host}/pypi/simple")
    desk.write("pyproject.toml", PYPROJECT.format(name="app", version="1.0") + "[tool.pdm]\ndistribution = false\n")
    installs(desk, "pdm add my-package==8.0", "8.0")
    desk.build("by-pdm", "1.0")
    desk.write("pyproject.toml", PYPROJECT.format(name="by-pdm", version="1.0"))
    variables = {"PDM_PUBLISH_USERNAME": "username", "PDM_PUBLISH_PASSWORD": desk.world.token("bob")}
    desk.run(f"pdm publish --no-build --repository {desk.host}/pypi", **variables)
    assert desk.versions("/pypi/simple/", "by-pdm") == ["1.0"]


@row(
    "A9",
    "the jobs of GitHub Actions, GitLab CI and Jenkins",
    note="from what a build left; the build itself asks no registry",
)
def jobs(desk: Desk) -> None:
    desk.build("from-ci", "1.0")
    token = desk.world.token("bob")
    github = {"TWINE_USERNAME": "ci", "TWINE_PASSWORD": token, "TWINE_REPOSITORY_URL": f"{desk.host}/pypi"}
    desk.run("twine upload dist/*", **github)
    gitlab = {"PYPI_REPOSITORY_URL": f"{desk.host}/pypi", "PYPI_USERNAME": "ci", "PYPI_PASSWORD": token}
    desk.build("from-ci", "1.1")
    desk.run("twine upload --repository-url $PYPI_REPOSITORY_URL -u $PYPI_USERNAME -p $PYPI_PASSWORD dist/*", **gitlab)
    desk.build("from-ci", "1.2")
    jenkins = (
        f"twine upload \\\n --repository-url {desk.host}/pypi \\\n -u $PYPI_USERNAME \\\n -p $PYPI_PASSWORD \\\n dist/*"
    )
    desk.run(jenkins, PYPI_USERNAME="ci", PYPI_PASSWORD=token)
    assert desk.versions("/pypi/simple/", "from-ci") == ["1.0", "1.1", "1.2"]


@row("A10", "hash pins, twine check, --verbose, trusted-host and cert, cache purge, --force-reinstall")
def checks(desk: Desk) -> None:
    pypirc(desk)
    wheel, _ = desk.build("my-hashed-package", "1.0.0")
    desk.run("twine check dist/*")
    desk.run("twine upload --verbose --repository artifact-keeper dist/*")
    said = desk.run(f"pip hash dist/{wheel}")
    sha256 = hashlib.sha256((desk.folder / "dist" / wheel).read_bytes()).hexdigest()
    assert f"--hash=sha256:{sha256}" in said
    desk.env = {"PIP_INDEX_URL": f"{desk.host}/pypi/simple"}
    desk.write("requirements.txt", f"my-hashed-package==1.0.0 \\\n    --hash=sha256:{sha256}\n")
    desk.run("pip install -r requirements.txt")
    desk.write("wrong.txt", f"my-hashed-package==1.0.0 \\\n    --hash=sha256:{'0' * 64}\n")
    desk.run("pip install --force-reinstall -r wrong.txt", refused="DO NOT MATCH THE HASHES")
    desk.run("pip cache purge")
    desk.run("pip install --verbose --force-reinstall my-hashed-package")
    desk.run("pip list")
    desk.run("pip show my-hashed-package")


@row("A11", "pre-, post- and development releases")
def releases(desk: Desk) -> None:
    for version in ("1.0.0a1", "1.0.0b1", "1.0.0rc1", "1.0.0", "1.0.0.post1", "1.0.0.dev1"):
        desk.publish("released", version, "pypi-local")
    desk.env = {"PIP_INDEX_URL": f"{desk.host}/pypi/simple"}
    assert "Would install released-1.0.0.post1" in desk.run("pip install --dry-run released")
    for version in ("1.0.0a1", "1.0.0b1", "1.0.0rc1", "1.0.0.dev1"):
        assert f"Would install released-{version}" in desk.run(f"pip install --dry-run released=={version}")


ARTIFACT_KEEPER_ROWS.later(
    "A12",
    "scanning of packages, and policies that block vulnerable ones",
    "rules of the validator refuse uploads; no scanner is asked yet",
)
