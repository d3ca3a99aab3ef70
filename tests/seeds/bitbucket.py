"""Bitbucket Packages: "Working with the PyPI registry", B1 to B19."""

import json

from tests.claim_sets import BITBUCKET, WORKSPACE
from tests.issuer import AUDIENCE, Issuer, public, rsa_key
from tests.journeys.clients import ask
from tests.running import Server
from tests.seeds.replay import Desk, Rows, policy_of

MAIL = "bob@acme.example"
UUID = '"{0b2d6a52-90f5-4a4b-8b5a-3c9d5f1e7a10}"'
PYPROJECT = '[project]\nname = "{name}"\nversion = "{version}"\nrequires-python = ">=3.11"\ndescription = "x"\n'
SOURCE = '[[tool.poetry.source]]\nname = "bitbucket"\nurl = "{host}/acme"\npriority = "explicit"\n'
CI = "my-package-ci"


def make(server: Server) -> None:
    """The workspace `acme`, which has a package linked to a repository; bob writes there, carol is its admin."""
    issuer = str(BITBUCKET["iss"])
    keys = json.dumps({issuer: [public(rsa_key(0), "first")]})
    accepted = f"issuers: {{bitbucket: {{workspace: acme, workspace_uuid: '{WORKSPACE}'}}}}\nkeys: {keys}\n"
    claims = "{workspaceUuid: '" + WORKSPACE + "', repositoryUuid: '" + str(BITBUCKET["repositoryUuid"]) + "'}"
    policy_of(
        server,
        {
            "waybill.yaml": "organization: acme\nadmins: [alice]\ndefault_registry: acme\n"
            f"audience: {AUDIENCE}\n{accepted}",
            "repositories/acme-tools.yaml": f"forge: bitbucket\npath: acme/tools\nworkspace_uuid: {UUID}\n"
            f"repository_uuid: {UUID}\ngrants:\n- {{role: write, to: [bob]}}\n- {{role: admin, to: [carol]}}\n",
            "registries/acme/registry.yaml": "kind: source\nvisibility: private\nprojects: declared\n",
            "registries/acme/projects/my-package.yaml": "repository: acme-tools\n",
            f"registries/acme/projects/{CI}.yaml": "repository: acme-tools\npublishers:\n"
            f"- issuer: {issuer}\n  scopes: [read, publish]\n  claims: {claims}\n",
        },
    )


BITBUCKET_ROWS = Rows(make)
row = BITBUCKET_ROWS.row


def pypirc(desk: Desk, name: str = ".pypirc") -> None:
    """Write the file as the document has it."""
    desk.write(
        name,
        f"[distutils]\nindex-servers =\n    bitbucket\n[bitbucket]\nrepository = {desk.host}/acme\n"
        f"username = {MAIL}\npassword = {desk.world.token('bob')}\n",
    )


def login(desk: Desk) -> dict[str, str]:
    return {"TWINE_USERNAME": MAIL, "TWINE_PASSWORD": desk.world.token("bob")}


def uv_project(desk: Desk, more: str) -> None:
    index = '[tool.uv.sources]\nmy-package = { index = "bitbucket" }\n[[tool.uv.index]]\nname = "bitbucket"\n'
    desk.write("pyproject.toml", PYPROJECT.format(name="app", version="1.0") + index + f"{more}explicit = true\n")


def poetry_project(desk: Desk) -> None:
    head = PYPROJECT.format(name="app", version="1.0") + "[tool.poetry]\npackage-mode = false\n"
    desk.write("pyproject.toml", head + SOURCE.format(host=desk.host))


@row("B1", "a package is created before its first publish", page=True, note="by a reviewed file, not on a page")
def created_first(desk: Desk) -> None:
    desk.build("new-package", "1.0")
    upload = f"twine upload --repository-url {desk.host}/acme dist/*"
    desk.run(
        upload, refused="new-package.yaml does not exist", TWINE_USERNAME="x", TWINE_PASSWORD=desk.world.server.token
    )
    desk.world.server.set_policy({"registries/acme/projects/new-package.yaml": "repository: acme-tools\n"})
    desk.commands.append("git commit (registries/acme/projects/new-package.yaml: 'repository: acme-tools')")
    desk.run(upload, **login(desk))
    assert desk.versions("/acme/simple/", "new-package") == ["1.0"]


@row("B2", "a package has the permissions of its one linked repository")
def linked(desk: Desk) -> None:
    desk.build("my-package", "0.2")
    upload = f"twine upload --repository-url {desk.host}/acme dist/*"
    desk.run(upload, refused="403", TWINE_USERNAME="dave@acme.example", TWINE_PASSWORD=desk.world.token("dave"))
    desk.run(upload, **login(desk))
    assert ask(f"{desk.host}/acme/my-package/", desk.world.token("carol"))[0] == 200
    assert ask(f"{desk.host}/acme/my-package/", desk.world.token("dave"))[0] == 403


@row("B3", "a repository admin administers only what is linked to own repositories", page=True)
def own_repositories(desk: Desk) -> None:
    ask_may = "waybill explain carol administer {} --registry acme --data ../data"
    desk.run(ask_may.format("my-package"))
    desk.run(ask_may.format("elsewhere"), refused="carol")


@row("B4", "twine, pip, uv and Poetry are supported")
def clients(desk: Desk) -> None:
    for client in ("twine", "pip", "uv", "poetry"):
        desk.run(f"{client} --version")


@row("B5", "credentials are an e-mail address and an API token, by HTTP Basic")
def credentials(desk: Desk) -> None:
    desk.publish("my-package", "0.5", "acme")
    said = desk.run(f"curl -sf -u {MAIL}:{desk.world.token('bob')} {desk.host}/acme/simple/my-package/")
    assert "my_package-0.5-py3-none-any.whl" in said
    desk.run(f"curl -sSf {desk.host}/acme/simple/my-package/", refused="401")


@row("B6", "a step has BITBUCKET_PACKAGES_USERNAME and BITBUCKET_PACKAGES_TOKEN")
def step(desk: Desk) -> None:
    desk.build("my-package", "0.6")
    variables = {"BITBUCKET_PACKAGES_USERNAME": MAIL, "BITBUCKET_PACKAGES_TOKEN": desk.world.token("bob")}
    desk.run(
        f'twine upload --repository-url {desk.host}/acme -u "$BITBUCKET_PACKAGES_USERNAME" '
        '-p "$BITBUCKET_PACKAGES_TOKEN" dist/*',
        **variables,
    )
    assert "0.6" in desk.versions("/acme/", "my-package")


@row("B7", ".pypirc with a section [bitbucket]")
def pypirc_at_home(desk: Desk) -> None:
    pypirc(desk)
    desk.build("my-package", "0.7")
    desk.run("twine upload --repository bitbucket dist/*")
    assert "0.7" in desk.versions("/acme/", "my-package")


@row("B8", "uv auth login stores the credentials")
def uv_login(desk: Desk) -> None:
    desk.publish("my-package", "0.8", "acme")
    desk.run(f"echo '{desk.world.token('bob')}' | uv auth login {desk.host}/acme --username {MAIL} --password -")
    uv_project(desk, f'url = "{desk.host}/acme"\n')
    desk.run("uv add my-package==0.8")
    assert desk.installed("my-package") == "0.8"
    desk.run(f"uv auth logout {desk.host}/acme --username {MAIL}")


@row("B9", "poetry config http-basic.bitbucket")
def poetry_login(desk: Desk) -> None:
    desk.publish("my-package", "0.9", "acme")
    poetry_project(desk)
    desk.run(f"poetry config http-basic.bitbucket {MAIL} {desk.world.token('bob')}")
    desk.run("poetry add --source bitbucket my-package==0.9")
    assert desk.installed("my-package") == "0.9"


@row("B10", "a version that a pipeline published shows the pipeline", page=True)
def pipeline(desk: Desk) -> None:
    audience = [AUDIENCE, f"ari:cloud:bitbucket::workspace/{WORKSPACE.strip('{}')}"]
    identity = Issuer().token(BITBUCKET, iss=BITBUCKET["iss"], aud=audience, jti=None)
    minted = desk.run(f"waybill mint --url {desk.host}", BITBUCKET_STEP_OIDC_TOKEN=identity).splitlines()[-1]
    desk.world.tokens["pipeline"] = minted
    desk.build(CI, "1.0")
    variables = {"BITBUCKET_PACKAGES_USERNAME": "pipeline", "BITBUCKET_PACKAGES_TOKEN": minted}
    desk.run(
        f'twine upload --repository-url {desk.host}/acme -u "$BITBUCKET_PACKAGES_USERNAME" '
        '-p "$BITBUCKET_PACKAGES_TOKEN" dist/*',
        **variables,
    )
    shown = desk.api(f"/-/api/v1/registries/acme/projects/{CI}/releases/1.0")
    pipeline = str(BITBUCKET["pipelineUuid"])
    assert all(pipeline in file["provenance"]["verified"]["pipeline"] for file in shown["files"])
    assert desk.run(f"waybill log {CI} --registry acme --data ../data")


@row("B11", "twine upload --repository bitbucket --config-file .pypirc")
def config_file(desk: Desk) -> None:
    pypirc(desk, "here/.pypirc")
    desk.build("my-package", "0.11")
    desk.run("twine upload --repository bitbucket --config-file here/.pypirc dist/*")
    assert "0.11" in desk.versions("/acme/", "my-package")


@row("B12", "uv publish --index bitbucket", note="uv wants a url beside the publish-url; the document leaves it out")
def uv_publish(desk: Desk) -> None:
    desk.build("my-package", "0.12")
    desk.run(f"echo '{desk.world.token('bob')}' | uv auth login {desk.host}/acme --username {MAIL} --password -")
    uv_project(desk, f'url = "{desk.host}/acme"\npublish-url = "{desk.host}/acme"\n')
    desk.run("uv publish --index bitbucket")
    assert "0.12" in desk.versions("/acme/", "my-package")


@row("B13", "poetry publish --repository bitbucket")
def poetry_publish(desk: Desk) -> None:
    desk.build("my-package", "0.13")
    desk.write("pyproject.toml", PYPROJECT.format(name="my-package", version="0.13") + SOURCE.format(host=desk.host))
    desk.run(f"poetry config http-basic.bitbucket {MAIL} {desk.world.token('bob')}")
    desk.run("poetry publish --repository bitbucket")
    assert "0.13" in desk.versions("/acme/", "my-package")


@row("B14", "pip install --index-url of the host, with e-mail address and token")
def pip_install(desk: Desk) -> None:
    desk.publish("my-package", "0.14", "acme")
    desk.run(f"pip install --index-url {desk.at(MAIL, desk.world.token('bob'))} my-package==0.14")
    assert desk.installed("my-package") == "0.14"
    desk.uninstall()
    desk.run(f"pip install --index-url {desk.at(MAIL, desk.world.token('bob'))}/acme my-package==0.14")
    assert desk.installed("my-package") == "0.14"


@row("B15", "uv add and poetry add take the package from the index that is named for it")
def add(desk: Desk) -> None:
    desk.publish("my-package", "0.15", "acme")
    uv_project(desk, f'url = "{desk.host}/acme"\n')
    basic = {"UV_INDEX_BITBUCKET_USERNAME": MAIL, "UV_INDEX_BITBUCKET_PASSWORD": desk.world.token("bob")}
    desk.run("uv add my-package==0.15", **basic)
    assert desk.installed("my-package") == "0.15"
    desk.uninstall()
    poetry_project(desk)
    basic = {
        "POETRY_HTTP_BASIC_BITBUCKET_USERNAME": MAIL,
        "POETRY_HTTP_BASIC_BITBUCKET_PASSWORD": desk.world.token("bob"),
    }
    desk.run("poetry add --source bitbucket my-package==0.15", **basic)
    assert desk.installed("my-package") == "0.15"


@row("B16", "lists of packages of a workspace, project and repository", page=True)
def lists(desk: Desk) -> None:
    desk.publish("my-package", "0.16", "acme")
    said = desk.run(f"curl -sf -u {MAIL}:{desk.world.token('bob')} {desk.host}/acme/simple/")
    assert ">my-package</a>" in said


@row("B17", "a package's page, and a version's", page=True)
def pages(desk: Desk) -> None:
    desk.publish("my-package", "0.17", "acme")
    shown = desk.api("/-/api/v1/registries/acme/projects/my-package/releases/0.17", "bob")
    assert [file["filename"] for file in shown["files"]] == [
        "my_package-0.17-py3-none-any.whl",
        "my_package-0.17.tar.gz",
    ]


@row("B18", "a version is deleted by who writes or administers, and is not installed any more", page=True)
def delete_version(desk: Desk) -> None:
    desk.publish("my-package", "0.18", "acme")
    delete = f"waybill delete my-package==0.18 --registry acme --url {desk.host}"
    desk.run(delete, refused="403", WAYBILL_TOKEN=desk.world.token("dave"))
    desk.run(delete, WAYBILL_TOKEN=desk.world.token("bob"))
    url = desk.at(MAIL, desk.world.token("bob"))
    desk.run(f"pip install --index-url {url} my-package==0.18", refused="No matching distribution")
    assert "0.18" not in desk.versions("/acme/", "my-package")


@row("B19", "a package is deleted with all versions by admins alone", page=True)
def delete_package(desk: Desk) -> None:
    desk.world.server.set_policy({"registries/acme/projects/old-package.yaml": "repository: acme-tools\n"})
    desk.publish("old-package", "1.0", "acme")
    delete = f"waybill delete old-package --registry acme --url {desk.host}"
    desk.run(delete, refused="403", WAYBILL_TOKEN=desk.world.token("bob"))
    desk.run(delete, WAYBILL_TOKEN=desk.world.token("carol"))
    assert desk.versions("/acme/", "old-package") == []
