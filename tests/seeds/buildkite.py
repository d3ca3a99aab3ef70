"""Buildkite Package Registries: "Python", in two editions of its documentation, K1 to K13."""

import hashlib
import json
from pathlib import Path

from tests.claim_sets import BUILDKITE
from tests.issuer import AUDIENCE, Issuer, public, rsa_key
from tests.running import Server
from tests.seeds.replay import Desk, Rows, policy_of

ORG, SLUG = "my-organization", "my-python-packages"
API = f"/v2/packages/organizations/{ORG}/registries/{SLUG}"
INDEX = f"/{ORG}/{SLUG}/pypi/simple"
REGISTRY = f"""\
kind: source
visibility: private
projects: open
known_as: {{buildkite: {ORG}/{SLUG}}}
grants:
- {{role: publish, to: [bob]}}
- {{role: read, to: [dave]}}
publishers:
- provider: buildkite
  organization_id: "{BUILDKITE["organization_id"]}"
  pipeline_id: "{BUILDKITE["pipeline_id"]}"
"""
OTHER = "kind: source\nvisibility: private\nprojects: open\n"
TOGETHER = f"""\
kind: composite
visibility: internal
known_as: {{buildkite: {ORG}/my-composite}}
upstreams:
- registry: python
- registry: stable
"""


def make(server: Server) -> None:
    """One registry that is known by its old slugs, one that is public, one to promote to."""
    keys = json.dumps({str(BUILDKITE["iss"]): [public(rsa_key(0), "first")]})
    waybill = f"organization: acme\nadmins: [alice]\naudience: {AUDIENCE}\nissuers: {{buildkite: true}}\nkeys: {keys}\n"
    policy_of(
        server,
        {
            "waybill.yaml": waybill,
            "registries/python/registry.yaml": REGISTRY,
            "registries/stable/registry.yaml": f"{OTHER}grants: [{{role: read, to: [dave]}}]\n",
            "registries/together/registry.yaml": TOGETHER,
            "registries/open/registry.yaml": "kind: source\nvisibility: public\nprojects: open\n",
        },
    )


BUILDKITE_ROWS = Rows(make)
row = BUILDKITE_ROWS.row


def curl(desk: Desk, path: str, more: str = "") -> str:
    """Write the document's curl command."""
    return f'curl -sSf -X POST {desk.host}{path} -H "Authorization: Bearer $REGISTRY_WRITE_TOKEN" {more}'.strip()


@row(
    "K1",
    "a registry has a slug, and organization and slug address everything",
    page=True,
    note="made by a reviewed file",
)
def slugs(desk: Desk) -> None:
    desk.publish("my-python-package", "0.1", "python")
    for path in (f"{API}/packages", f"{INDEX}/my-python-package/", "/acme/python/pypi/simple/my-python-package/"):
        desk.run(f"curl -sSf -u buildkite:{desk.world.token('dave')} {desk.host}{path}")


@row("K2", "curl publishes a package by one field, file, with a Bearer token")
def curl_publish(desk: Desk) -> None:
    files = desk.build("my-python-package", "0.9.7b1")
    for file in files:
        line = curl(desk, f"{API}/packages", f'-F "file=@dist/{file}"')
        answer = json.loads(desk.run(line, REGISTRY_WRITE_TOKEN=desk.world.token("bob")))
        data = (desk.folder / "dist" / file).read_bytes()
        assert answer["digests"] == {kind: hashlib.new(kind, data).hexdigest() for kind in ("sha256", "sha512")}
        assert answer["name"] == "my-python-package"
    assert "0.9.7b1" in desk.versions(f"{INDEX}/", "my-python-package")


@row("K3", "tokens may read, or read and write, and reach all registries of their owner")
def scopes(desk: Desk) -> None:
    [file, _] = desk.build("my-python-package", "0.3")
    line = curl(desk, f"{API}/packages", f'-F "file=@dist/{file}"')
    reads = desk.world.token("bob", "--role", "read")
    desk.run(line, refused="403", REGISTRY_WRITE_TOKEN=reads)
    desk.run(line, REGISTRY_WRITE_TOKEN=desk.world.token("bob", "--role", "publish"))
    desk.run(f"pip install --index-url {desk.at('buildkite', reads)}{INDEX} my-python-package==0.3")
    both = desk.world.token("alice")
    for slug in (f"{ORG}/registries/{SLUG}", "acme/registries/stable"):
        desk.run(
            curl(desk, f"/v2/packages/organizations/{slug}/packages", f'-F "file=@dist/{file}"'),
            REGISTRY_WRITE_TOKEN=both,
        )


@row("K4", "an OIDC token that meets the registry's policy publishes, too", note="exchanged first: it counts once")
def oidc(desk: Desk) -> None:
    [file, _] = desk.build("my-python-package", "0.4")
    identity = Issuer().token(BUILDKITE, iss=BUILDKITE["iss"], aud=AUDIENCE, jti=None)
    sent = json.dumps({"token": identity})
    desk.write("identity.json", sent)
    minted = json.loads(desk.run(f"curl -sSf {desk.host}/_/oidc/mint-token -d @identity.json"))["token"]
    desk.world.tokens["pipeline"] = minted
    line = curl(desk, f"{API}/packages", f'-F "file=@dist/{file}"')
    desk.run(line, REGISTRY_WRITE_TOKEN=minted)
    desk.run(line, refused="401", REGISTRY_WRITE_TOKEN=identity)


@row("K5", "publish instructions with a temporary token", page=True)
def temporary(desk: Desk) -> None:
    [file, _] = desk.build("my-python-package", "0.5")
    token = desk.run("waybill token create --person bob --role publish --registry python --expires 15m --data ../data")
    desk.world.tokens["temporary"] = token.split()[0]
    desk.run(curl(desk, f"{API}/packages", f'-F "file=@dist/{file}"'), REGISTRY_WRITE_TOKEN=token.split()[0])


@row("K6", "a command of its own pushes a file", note="waybill push, in place of bk package push")
def push(desk: Desk) -> None:
    file, other = desk.build("my-python-package", "0.6")
    desk.run(f"waybill push python dist/{file} --url {desk.host}", WAYBILL_TOKEN=desk.world.token("bob"))
    desk.run(
        f"waybill push python dist/{file} dist/{other}", WAYBILL_URL=desk.host, WAYBILL_TOKEN=desk.world.token("bob")
    )
    assert "0.6" in desk.versions(f"{INDEX}/", "my-python-package")


@row("K7", "a registry's list of packages, and a package's page", page=True)
def releases(desk: Desk) -> None:
    desk.publish("listed", "1.0", "python")
    [_, first] = desk.api(f"{API}/packages?name=listed", "dave")["items"]
    assert desk.api(f"{API}/packages/{first['id']}", "dave")["name"] == "listed"


@row("K8", "a package's installation, contents, checksums and description", page=True)
def details(desk: Desk) -> None:
    desk.publish("details", "1.0", "python")
    release = desk.api("/-/api/v1/registries/python/projects/details/releases/1.0", "dave")
    assert len(release["files"]) == 2
    shown = desk.api(f"{API}/packages/{release['files'][0]['filename']}", "dave")
    assert shown["digests"]["sha256"] == release["files"][0]["sha256"]
    at = f"/-/api/v1/registries/python/projects/details/releases/1.0/files/{release['files'][0]['filename']}"
    assert {"md5", "sha1", "sha256", "sha512"} <= desk.api(f"{at}/checksums", "dave").keys()
    members = desk.api(f"{at}/contents", "dave")["members"]
    assert any("details" in member["name"] for member in members)


@row("K9", "who, when, how large: the block beside them", page=True)
def beside(desk: Desk) -> None:
    desk.publish("beside", "1.0", "python")
    release = desk.api("/-/api/v1/registries/python/projects/beside/releases/1.0", "dave")
    assert release["version"] == "1.0"
    assert all(file["size"] > 0 and file["uploaded"] for file in release["files"])
    project = "/-/api/v1/registries/python/projects/beside"
    at = f"{project}/releases/1.0/files/{release['files'][0]['filename']}"
    assert desk.api(f"{at}/dependencies", "dave")["dependencies"] == []
    assert desk.api(f"{project}/downloads", "dave")["total"] == 0


@row("K10", "a package is downloaded", page=True)
def download(desk: Desk) -> None:
    desk.publish("downloaded", "1.0", "python")
    auth = f"-u buildkite:{desk.world.token('dave')}"
    page = desk.run(f"curl -sSf {auth} {desk.host}{INDEX}/downloaded/")
    path = page.split('href="../../')[1].split("#")[0].split('"')[0]
    desk.run(f"curl -sSf -O {auth} {desk.host}/{ORG}/{SLUG}/pypi/{path}")
    sha256 = path.split("/")[1]
    assert hashlib.sha256((desk.folder / Path(path).name).read_bytes()).hexdigest() == sha256


@row(
    "K11",
    "pip.conf or requirements.txt with extra-index-url",
    note="without the quotes, which pip takes for part of the URL",
)
def configured(desk: Desk) -> None:
    desk.publish("package-name", "1.11", "python")
    url = f"{desk.at('buildkite', desk.world.token('dave'))}{INDEX}"
    desk.env = {"PIP_INDEX_URL": f"{desk.host}/empty/simple/"}
    desk.write("pip.conf", f"[global]\nextra-index-url={url}\n")
    desk.run("pip install package-name==1.11", PIP_CONFIG_FILE="pip.conf")
    assert desk.installed("package-name") == "1.11"
    desk.uninstall()
    desk.write("requirements.txt", f'package-name==1.11\n--extra-index-url="{url}"\n')
    desk.run("pip install -r requirements.txt")
    assert desk.installed("package-name") == "1.11"


@row("K12", "the user name buildkite with an API or registry token; none at all for a public registry")
def registry_tokens(desk: Desk) -> None:
    desk.publish("package-name", "1.12", "python")
    desk.publish("open-package", "1.0", "open")
    made = curl(desk, f"{API}/tokens", '-H "Content-Type: application/json" -d \'{"description": "laptops"}\'')
    answer = json.loads(desk.run(made, REGISTRY_WRITE_TOKEN=desk.world.token("dave")))
    desk.world.tokens["registry"] = answer["token"]
    desk.run(f"pip install --index-url {desk.at('buildkite', answer['token'])}{INDEX} package-name==1.12")
    desk.run(f"pip install --index-url {desk.host}/acme/open/pypi/simple open-package==1.0")
    desk.run(
        f'curl -sSf -X DELETE {desk.host}{API}/tokens/{answer["id"]} -H "Authorization: Bearer $TOKEN"',
        TOKEN=desk.world.token("dave"),
    )
    desk.run(f"curl -sSf -u buildkite:{answer['token']} {desk.host}{INDEX}/package-name/", refused="401")


@row(
    "K13",
    "several registries behind one URL, for pip and uv",
    note="written as upstreams in a reviewed file; it opens no registry to who may not read it",
)
def composite(desk: Desk) -> None:
    desk.publish("package-name", "1.13", "python")
    desk.publish("other-package", "2.0", "stable")
    desk.env = {"PIP_INDEX_URL": f"{desk.host}/empty/simple/", "UV_DEFAULT_INDEX": f"{desk.host}/empty/simple/"}
    url = f"{desk.at('buildkite', desk.world.token('dave'))}/{ORG}/my-composite/pypi/simple"
    for option in ("--index-url", "--extra-index-url"):
        desk.run(f"pip install {option}={url} package-name==1.13 other-package")
        assert desk.installed("other-package") == "2.0"
        desk.uninstall()
    desk.write("pip.conf", f"[global]\nindex-url = {url}\n")
    desk.run("env -u PIP_INDEX_URL pip install package-name==1.13", PIP_CONFIG_FILE="pip.conf")
    desk.uninstall()
    desk.write("requirements.txt", f'--index-url="{url}"\npackage-name==1.13\nother-package\n')
    desk.run("pip install -r requirements.txt")
    project = '[project]\nname = "mine"\nversion = "1"\ndependencies = ["package-name==1.13", "other-package"]\n'
    for option in ("--index-url", "--extra-index-url"):
        desk.uninstall()
        desk.write("pyproject.toml", project)
        desk.run(f"env -u UV_DEFAULT_INDEX uv sync {option}={url}")
        assert desk.installed("other-package") == "2.0"
    desk.uninstall()
    desk.write("pyproject.toml", f'{project}[tool.uv]\nindex-url = "{url}"\n')
    desk.run("env -u UV_DEFAULT_INDEX uv sync")
    assert desk.installed("package-name") == "1.13"
    listed = desk.api("/-/api/v1/registries", "dave")["registries"]
    assert {one["name"]: one["upstreams"] for one in listed}["together"] == ["python", "stable"]
