"""Publishing from CI without a stored secret: unmodified uv where each CI system says it is, over TLS."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.archives import wheel
from tests.claim_sets import BUILDKITE, CIRCLECI, GITHUB, GITLAB, ORGANIZATION, PROJECT
from tests.issuer import AUDIENCE, Issuer, issuing, trusted_file
from tests.journeys.clients import Desk, Pip, requests
from tests.registry.web.pipelines import trusting
from tests.running import Server, new_server, run_git
from tests.tls import tls_before

CLAIMS = {"github": GITHUB, "gitlab": GITLAB, "buildkite": BUILDKITE, "circleci": CIRCLECI}
STATEMENTS = {
    "gitlab": 'provider: gitlab, project_id: "123456", namespace_id: "42", ci_config: .gitlab-ci.yml, '
    "ref_protected: true, issuer: ISSUER",
    "buildkite": 'provider: buildkite, organization_id: "0a1b", pipeline_id: "7f", tag: "v*"',
    "circleci": f'provider: circleci, organization_id: "{ORGANIZATION}", project_id: "{PROJECT}"',
}


@dataclass(frozen=True)
class Acme:
    """A registry behind TLS, one CI system of each kind, and a project of each that trusts one pipeline."""

    server: Server
    url: str
    trusted: Path  # the certificate of whom everybody trusts
    issuers: Mapping[str, Issuer]

    def token(self, provider: str, number: str = "1", **changes: object) -> str:
        """Make the identity token of a job."""
        issuer = self.issuers[provider]
        if provider == "gitlab":
            file = f"{urlsplit(issuer.url).netloc}/acme/payments//.gitlab-ci.yml@refs/tags/v1.4.0"
            changes = {"ci_config_ref_uri": file, **changes}
        return issuer.token(CLAIMS[provider], **{"jti": f"{provider}-{number}", **changes})


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acme]:
    """An organization of its own: its projects are protected, so nobody publishes them by a stored token."""
    folder = tmp_path_factory.mktemp("trusting")
    trusted = trusted_file(folder)
    server = new_server(folder)
    server.environment = {"SSL_CERT_FILE": str(trusted)}
    with ExitStack() as stack:
        issuers = {name: stack.enter_context(issuing()) for name in CLAIMS}
        stack.callback(server.kill)
        server.start()
        accepted = ", ".join(f'{name}: ["{issuer.url}"]' for name, issuer in issuers.items())
        waybill = f"organization: acme\naudience: {AUDIENCE}\nadmins: [alice]\nissuers: {{{accepted}}}\n"
        files = {"waybill.yaml": waybill, f"{project('github')}.yaml": trusting(issuers["github"].url)}
        for name, statement in STATEMENTS.items():
            one = statement.replace("ISSUER", f'"{issuers[name].url}"')
            files[f"{project(name)}.yaml"] = f"protected: true\npublishers:\n- {{{one}}}\n"
        server.set_policy(files)
        port = stack.enter_context(tls_before(server.port))
        yield Acme(server, f"https://localhost:{port}", trusted, issuers)


def project(provider: str) -> str:
    name = "payments-api" if provider == "github" else f"from-{provider}"
    return f"registries/python/projects/{name}"


def in_github(acme: Acme, _desk: Desk, token: str) -> dict[str, str]:
    """Be a job with `id-token: write`: it may ask the runner's service for tokens."""
    issuer = acme.issuers["github"]
    issuer.answers[f"/job?version=2&audience={AUDIENCE}"] = 200, {}, json.dumps({"value": token}).encode()
    return {
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/job?version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
    }


def in_gitlab(_acme: Acme, _desk: Desk, token: str) -> dict[str, str]:
    """Be a job with `id_tokens`."""
    return {"GITLAB_CI": "true", f"{AUDIENCE.upper().replace('.', '_')}_ID_TOKEN": token}


def in_buildkite(_acme: Acme, desk: Desk, token: str) -> dict[str, str]:
    return {"BUILDKITE": "true", "PATH": command(desk, "buildkite-agent", "oidc request-token --audience", token)}


def in_circleci(_acme: Acme, desk: Desk, token: str) -> dict[str, str]:
    return {"CIRCLECI": "true", "PATH": command(desk, "circleci", "run oidc get --root-issuer --claims", token)}


def command(desk: Desk, name: str, asked: str, token: str) -> str:
    """Put a CI system's own command on the path: it gives a token to whoever asks as its documentation says."""
    path = desk.write(
        f"bin/{name}",
        f'#!/bin/sh\ncase "$*" in {shlex.quote(asked)}*{AUDIENCE}*) printf %s {token};; *) exit 9;; esac\n',
    )
    path.chmod(0o755)
    return f"{path.parent}:/usr/bin:/bin"


SYSTEMS: Mapping[str, Callable[[Acme, Desk, str], dict[str, str]]] = {
    "github": in_github,
    "gitlab": in_gitlab,
    "buildkite": in_buildkite,
    "circleci": in_circleci,
}
PROVEN = {  # besides Trust and Issuer
    "github": {
        "Publisher": "github/acme/payments",
        "Commit": "a" * 40,
        "Pipeline": "ISSUER/acme/payments/actions/runs/77/attempts/1",
    },
    "gitlab": {
        "Publisher": "gitlab/acme/payments",
        "Commit": "a" * 40,
        "Pipeline": "ISSUER/acme/payments/-/pipelines/77",
    },
    "buildkite": {
        "Publisher": "buildkite/acme/payments",
        "Commit": "a" * 40,
        "Pipeline": "https://buildkite.com/acme/payments/builds/77",
    },
    "circleci": {
        "Publisher": "circleci/github.com/acme/payments",
        "Repository": "https://github.com/acme/payments",
    },
}


def uv_publish(acme: Acme, desk: Desk, env: Mapping[str, str]) -> tuple[int, str]:
    """Run uv as the pipeline does, with nothing but what the CI system gives."""
    address = ["--publish-url", f"{acme.url}/python/", "dist/*"]
    done = desk.uv(
        "publish", "--trusted-publishing", "always", *address, env={"SSL_CERT_FILE": str(acme.trusted), **env}
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("provider", SYSTEMS)
@pytest.mark.client("uv publish", "publish", "auth")
def test_uv_publishes_from_ci_and_git_log_names_the_pipeline(
    acme: Acme, desk: Desk, newest_pip: Pip, provider: str
) -> None:
    name = Path(project(provider)).name
    archive = wheel(name, "1.4.0")
    desk.save(archive)
    mark = len(acme.server.log())
    code, said = uv_publish(acme, desk, SYSTEMS[provider](acme, desk, acme.token(provider)))
    assert code == 0, said

    form, path = "--format=%(trailers:only,unfold)", f"python/*/{name}/*"
    trailers = run_git(acme.server.git, "log", "-1", form, "ledger", "--", path)
    facts = dict(line.split(": ", 1) for line in trailers.splitlines() if line)
    issuer = acme.issuers[provider].url
    proven = {key: value.replace("ISSUER", issuer) for key, value in PROVEN[provider].items()}
    assert facts["File"] == archive[0]
    assert {key: facts[key] for key in ("Trust", "Issuer", *proven)} == {"Trust": "oidc", "Issuer": issuer, **proven}
    assert facts["Allowed-By"] == f"{project(provider)}.yaml#publishers/0"

    index = f"{acme.url.replace('//', f'//__token__:{acme.server.token}@')}/python/simple/"
    asked = ["--target", str(desk.folder / "site"), "--no-deps", "--index-url", index, f"{name}==1.4.0"]
    installed = newest_pip.run(desk, "install", *asked, env={"REQUESTS_CA_BUNDLE": str(acme.trusted)})
    assert installed.returncode == 0, installed.stderr

    paths = [line["path"] for line in requests(acme.server, mark) if line["principal"] == facts["Publisher"]]
    assert "/_/oidc/mint-token" in paths
    assert [line["status"] for line in requests(acme.server, mark) if line["path"] == "/_/oidc/burn-token"] == [202]


@pytest.mark.client("uv publish", "publish", "auth")
def test_uv_shows_why_it_is_refused_and_what_to_write(acme: Acme, desk: Desk) -> None:
    desk.save(wheel("payments-api", "2.0.0"))
    token = acme.token("github", "2", environment="staging")
    code, said = uv_publish(acme, desk, in_github(acme, desk, token))
    assert code != 0
    assert "the token says environment 'staging'; environment: pypi" in said
    assert "invalid-publisher" in said


def test_uv_publishes_only_what_its_pipeline_may(acme: Acme, desk: Desk) -> None:
    desk.save(wheel("from-gitlab", "9.0.0"))
    code, said = uv_publish(acme, desk, in_github(acme, desk, acme.token("github", "3")))
    assert code != 0
    assert "github/acme/payments may not publish from-gitlab" in said


def test_a_stored_token_publishes_no_protected_project(acme: Acme, desk: Desk) -> None:
    desk.save(wheel("payments-api", "3.0.0"))
    done = desk.twine("--repository-url", acme.server.upload_url, "-u", "__token__", "-p", acme.server.token, "dist/*")
    assert done.returncode != 0
    assert "only a trusted publisher publishes" in done.stdout + done.stderr
