"""GitLab: "PyPI packages in the package registry", G1 to G14."""

import json
from typing import Any

from packaging.version import Version

from tests.running import Server
from tests.seeds.replay import PEOPLE, Desk, Rows, commits_of, policy_of

PROJECT = "/api/v4/projects/123/packages/pypi"
GROUP = "/api/v4/groups/42/-/packages/pypi"
REGISTRY = """\
kind: source
visibility: private
projects: open
known_as: {{gitlab: [{{id: "{id}", path: acme/{path}, groups: ["42"]}}]}}
grants:
- {{role: publish, to: [bob, deployer, gitlab-ci]}}
- {{role: read, to: [dave]}}
"""
MACHINES = "deployer: {service: true, owner: alice}\ngitlab-ci: {service: true, owner: alice}\n"
# What GitLab's own expression takes, in every one of its parts.
VERSIONS = ("1.0", "1.0a1", "1.0.b2", "1.0-rc.3", "v1.0.post1", "1.0-2", "1.0.rev4", "2!1.0", "1.0.dev5", "1.0+local.1")


def make(server: Server) -> None:
    """Two projects of one group, each a registry."""
    policy_of(
        server,
        {
            "people.yaml": PEOPLE + MACHINES,
            "waybill.yaml": "organization: acme\nadmins: [alice]\n",
            "registries/payments/registry.yaml": REGISTRY.format(id=123, path="payments"),
            "registries/tools/registry.yaml": REGISTRY.format(id=124, path="deep/tools"),
        },
    )


GITLAB_ROWS = Rows(make)
row = GITLAB_ROWS.row


@row("G1", "twine upload and pip install")
def commands(desk: Desk) -> None:
    desk.build("mypypipackage", "0.0.1")
    desk.run(f"python3 -m twine upload --repository-url {desk.host}{PROJECT} dist/*", **login(desk, "bob", "bob"))
    desk.run(f"pip install mypypipackage==0.0.1 --no-deps --index-url {simple(desk, PROJECT)}")
    assert desk.installed("mypypipackage") == "0.0.1"


@row(
    "G2",
    "unknown packages are asked for at PyPI",
    later=True,
    note="unknown is 404 and no redirect; upstreams come later",
)
def forwarding(desk: Desk) -> None:
    for base in (PROJECT, GROUP):
        said = desk.run(
            f"curl -s -o said -w '%{{http_code}} %{{redirect_url}}' -u dave:{desk.world.token('dave')} "
            f"{desk.host}{base}/simple/requests/"
        )
        assert said.strip() == "404"


@row("G3", "personal access, deploy and job tokens as TWINE_PASSWORD")
def three_tokens(desk: Desk) -> None:
    desk.build("mypypipackage", "0.0.3")
    for name, person in (
        ("my-token-name", "bob"),
        ("gitlab+deploy-token-1", "deployer"),
        ("gitlab-ci-token", "gitlab-ci"),
    ):
        desk.run(f"python -m twine upload --repository-url {desk.host}{PROJECT} dist/*", **login(desk, name, person))


@row("G4", "the upload URL, also as a job's variables have it")
def upload_url(desk: Desk) -> None:
    desk.build("mypypipackage", "0.0.4")
    variables = {"CI_API_V4_URL": f"{desk.host}/api/v4", "CI_PROJECT_ID": "123"}
    desk.run(
        "python -m twine upload --repository-url ${CI_API_V4_URL}/projects/${CI_PROJECT_ID}/packages/pypi dist/*",
        **variables, **login(desk, "gitlab-ci-token", "gitlab-ci"),
    )  # fmt: skip
    desk.build("mypypipackage", "0.0.4.1")
    desk.run(
        f"python -m twine upload --repository-url {desk.host}/api/v4/projects/acme%2Fpayments/packages/pypi "
        "dist/mypypipackage-0.0.4.1*",
        **login(desk, "gitlab-ci-token", "gitlab-ci"),
    )
    assert {"0.0.4", "0.0.4.1"} <= set(desk.versions(f"{PROJECT}/simple/", "mypypipackage"))


@row("G5", "a group reads the packages of all its projects")
def group(desk: Desk) -> None:
    desk.publish("in-payments", "1.0", "payments")
    desk.publish("in-tools", "1.0", "tools")
    for base in (GROUP, "/api/v4/groups/acme/-/packages/pypi"):
        said = desk.run(f"curl -sSf -u dave:{desk.world.token('dave')} {desk.host}{base}/simple/")
        assert ">in-payments</a>" in said
        assert ">in-tools</a>" in said


@row("G6", ".pypirc with [gitlab], or everything in one line")
def pypirc(desk: Desk) -> None:
    desk.build("mypypipackage", "0.0.6")
    desk.write(".pypirc", f"[distutils]\nindex-servers =\n    gitlab\n\n[gitlab]\nrepository = {desk.host}{PROJECT}\n")
    desk.run("python3 -m twine upload --repository gitlab dist/*", **login(desk, "bob", "bob"))
    desk.build("mypypipackage", "0.0.6.1")
    desk.run(
        f"TWINE_PASSWORD={desk.world.token('bob')} \\\nTWINE_USERNAME=bob \\\n"
        f"python3 -m twine upload --repository-url {desk.host}{PROJECT} dist/*"
    )
    assert "0.0.6.1" in desk.versions(f"{PROJECT}/simple/", "mypypipackage")


@row("G7", "what was published is on the page of the registry", page=True)
def listed(desk: Desk) -> None:
    desk.publish("shown-package", "1.0", "payments")
    shown, files = package(desk, "shown-package", "dave")
    assert (shown["version"], shown["package_type"]) == ("1.0", "pypi")
    assert len(files) == 2


@row(
    "G8",
    "the same package again is 400",
    note="the same bytes again are no error; other bytes are 400, also once deleted",
)
def again(desk: Desk) -> None:
    [file, _] = desk.build("mypypipackage", "0.0.8")
    upload = f"python3 -m twine upload --repository-url {desk.host}{PROJECT} dist/{file}"
    desk.run(upload, **login(desk, "bob", "bob"))
    desk.run(upload, **login(desk, "bob", "bob"))
    assert len(commits_of(desk.world.server, file)) == 1
    desk.build("mypypipackage", "0.0.8", files={"other.py": b""})
    desk.run(f"{upload} --disable-progress-bar", refused="File already exists", **login(desk, "bob", "bob"))
    shown, _ = package(desk, "mypypipackage&package_version=0.0.8", "alice")
    desk.run(
        f"curl -sSf --request DELETE --header 'PRIVATE-TOKEN: {desk.world.token('alice')}' {packages(desk, shown)}"
    )
    desk.run(upload, refused="400", **login(desk, "bob", "bob"))


@row("G9", "pip install from a project or a group")
def install(desk: Desk) -> None:
    desk.publish("mypypipackage", "0.0.9", "payments")
    for base in (PROJECT, GROUP):
        desk.run(f"pip install --index-url {simple(desk, base)} --no-deps mypypipackage==0.0.9")
        assert desk.installed("mypypipackage") == "0.0.9"
        desk.uninstall()
    desk.run(f"pip install --extra-index-url {simple(desk, GROUP)} --no-deps mypypipackage==0.0.9", **empty(desk))
    assert desk.installed("mypypipackage") == "0.0.9"


@row("G10", "a file's URL has its hash in it")
def hashed(desk: Desk) -> None:
    desk.publish("mypypipackage", "0.0.10", "payments")
    for base in (PROJECT, GROUP):
        to = base.count("/")
        options = f"-v --no-deps --no-cache-dir -d {to} --index-url {simple(desk, base)}"
        said = desk.run(f"pip download {options} mypypipackage==0.0.10")
        found = {file["filename"]: file for file in desk.files(f"{base}/simple/", "mypypipackage")}
        file = found["mypypipackage-0.0.10-py3-none-any.whl"]
        assert f"{base}/files/{file['hashes']['sha256']}/{file['filename']}" in said


@row("G11", "a name is found in all spellings")
def spellings(desk: Desk) -> None:
    desk.publish("my-package", "1.0", "payments")
    for name in ("my.package", "my_package", "my....package", "My-Package"):
        desk.run(f"pip install --dry-run --no-deps --index-url {simple(desk, PROJECT)} {name}")


@row("G12", "requirements.txt with --extra-index-url, and .netrc or credentials in the URL")
def requirements(desk: Desk) -> None:
    desk.publish("package-name", "1.0.0", "payments")
    desk.write("requirements.txt", f"--extra-index-url {desk.host}{PROJECT}/simple\npackage-name==1.0.0\n")
    desk.write(".netrc", f"machine 127.0.0.1\nlogin dave\npassword {desk.world.token('dave')}\n")
    desk.run("chmod 600 .netrc && pip install -r requirements.txt", **empty(desk))
    assert desk.installed("package-name") == "1.0.0"
    desk.run("rm .netrc")
    desk.uninstall()
    desk.write("requirements.txt", f"--extra-index-url {simple(desk, PROJECT)}\npackage-name==1.0.0\n")
    desk.run("pip install -r requirements.txt", **empty(desk))
    assert desk.installed("package-name") == "1.0.0"


@row("G13", "versions are those of PEP 440")
def versions(desk: Desk) -> None:
    curl = f"curl -sS --fail-with-body -u bob:{desk.world.token('bob')} {desk.host}{PROJECT}"
    for number, version in enumerate(VERSIONS):
        file, _ = desk.build(f"version-{number}", str(Version(version)))
        fields = f"-F name=version-{number} -F version={version}"
        desk.run(f"{curl} {fields} -F 'content=@dist/{file}'")
    file, _ = desk.build("version-0", "1.0")
    for version in ("1.0.x", "one", "1..0"):
        desk.run(f"{curl} -F name=version-0 -F version={version} -F 'content=@dist/{file}'", refused='{"message":')


@row("G14", "pip cache purge; one token for all indexes of a host")
def trouble(desk: Desk) -> None:
    desk.publish("mypypipackage", "0.0.14", "payments")
    desk.publish("in-tools", "0.0.14", "tools")
    desk.run("pip cache purge")
    desk.run(
        f"pip install --no-deps --index-url {simple(desk, PROJECT)} "
        f"--extra-index-url {simple(desk, '/api/v4/projects/124/packages/pypi')} mypypipackage==0.0.14 in-tools==0.0.14"
    )
    assert (desk.installed("mypypipackage"), desk.installed("in-tools")) == ("0.0.14", "0.0.14")


def packages(desk: Desk, package: dict[str, Any]) -> str:
    return f"{desk.host}/api/v4/projects/123/packages/{package['id']}"


def package(desk: Desk, name: str, person: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give the one package of a name, and its files, as GitLab's packages API has them."""
    curl = f"curl -sSf --header 'PRIVATE-TOKEN: {desk.world.token(person)}'"
    [found] = json.loads(desk.run(f"{curl} '{desk.host}/api/v4/projects/123/packages?package_name={name}'"))
    return found, json.loads(desk.run(f"{curl} {packages(desk, found)}/package_files"))


def login(desk: Desk, name: str, person: str) -> dict[str, str]:
    return {"TWINE_USERNAME": name, "TWINE_PASSWORD": desk.world.token(person)}


def simple(desk: Desk, base: str) -> str:
    return f"{desk.at('dave', desk.world.token('dave'))}{base}/simple"


def empty(desk: Desk) -> dict[str, str]:
    """Let a registry without packages stand for PyPI, where these tests do not look."""
    return {"PIP_INDEX_URL": f"{desk.host}/empty/simple/"}
