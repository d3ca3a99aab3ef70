"""One registry behind TLS for all jobs, and CI systems' issuers under the names they have in the world."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import claim_sets
from tests.ci_plugins.jobs import SYSTEMS, Ground, giving_tokens
from tests.ci_plugins.outcome import trusting
from tests.issuer import AUDIENCE, issuing, trusted_file
from tests.running import new_server
from tests.tls import tls_before, world

_ISSUERS = {
    "github": claim_sets.GITHUB["iss"],
    "gitlab": claim_sets.GITLAB["iss"],
    "bitbucket": claim_sets.BITBUCKET["iss"],
    "buildkite": claim_sets.BUILDKITE["iss"],
    "circleci": claim_sets.CIRCLECI["iss"],
    "jenkins": claim_sets.JENKINS["iss"],
}
_ACCEPTED = f"""\
organization: acme
audience: {AUDIENCE}
admins: [alice]
issuers:
  github: true
  gitlab: true
  bitbucket: {{workspace: acme, workspace_uuid: "{claim_sets.WORKSPACE}"}}
  buildkite: true
  circleci: true
  jenkins: ["{claim_sets.JENKINS["iss"]}"]
"""


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A registry that accepts the issuers of all CI systems, by their own names."""
    folder = tmp_path_factory.mktemp("ci")
    with ExitStack() as stack:
        issuers, ports = {}, {}
        for system in SYSTEMS:
            url = str(_ISSUERS[system])
            host = url.split("/")[2]
            issuer = stack.enter_context(issuing(host))
            ports[host] = int(issuer.url.rpartition(":")[2])
            issuer.serve_as(url)
            issuers[system] = issuer
        server = new_server(folder)
        authority = trusted_file(folder)
        server.environment = {"SSL_CERT_FILE": str(authority), "HTTPS_PROXY": stack.enter_context(world(ports))}
        stack.callback(server.kill)
        server.start()
        url = f"https://localhost:{stack.enter_context(tls_before(server.port))}"
        server.set_policy({"waybill.yaml": _ACCEPTED, **trusting(url)})
        made = Ground(server, url, authority, issuers)
        made.tokens = stack.enter_context(giving_tokens(made))
        yield made
    assert "Traceback" not in server.log()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a job runs."""
    return tmp_path / "job"
