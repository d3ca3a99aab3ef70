"""Publishing as GitHub's action and PDM do it in a job: an identity token is exchanged, and nothing is stored."""

import itertools
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.claim_sets import GITHUB
from tests.exchanges import Exchanges, exchanging
from tests.issuer import AUDIENCE
from tests.journeys.clients import Desk, Done, listed, pair, requests
from tests.journeys.projects import for_pdm
from tests.running import run_git
from tests.tls import tls_before

_number = itertools.count(100)


@dataclass(frozen=True)
class Github:
    """A registry behind TLS, and jobs that it trusts."""

    exchanges: Exchanges
    url: str
    trusted: Path

    def job(self, **changes: object) -> dict[str, str]:
        """Give the variables of a job with `id-token: write`."""
        issuer = self.exchanges.issuer
        token = issuer.token(GITHUB, **{"jti": f"action-{next(_number)}", **changes})
        issuer.answers[f"/job?version=2&audience={AUDIENCE}"] = 200, {}, json.dumps({"value": token}).encode()
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/job?version=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
            "REQUESTS_CA_BUNDLE": str(self.trusted),
            "SSL_CERT_FILE": str(self.trusted),
        }


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    folder = tmp_path_factory.mktemp("action")
    with ExitStack() as stack:
        exchanges = stack.enter_context(exchanging(folder, workers=2))
        port = stack.enter_context(tls_before(exchanges.server.port))
        yield Github(exchanges, f"https://localhost:{port}/python/", folder / "authority.pem")


def action(github: Github, desk: Desk, env: dict[str, str], *arguments: str) -> Done:
    """Run the action's exchange."""
    return desk.run([sys.executable, Path(__file__).with_name("gh_action.py"), github.url, *arguments], env)


@pytest.mark.client("gh-action", "publish", "auth")
@pytest.mark.parametrize("path", [[], ["/_/oidc/github/mint-token"]])
def test_the_action_publishes_and_the_ledger_names_its_run(github: Github, desk: Desk, path: list[str]) -> None:
    version = f"1.{len(path)}"
    files = [desk.save(archive).name for archive in pair("payments-api", version)]
    said = action(github, desk, github.job(), *path)
    assert said.returncode == 0, said.stdout + said.stderr
    server = github.exchanges.server
    assert set(files) <= set(listed(server, "payments-api"))
    form = "--format=%(trailers:key=Publisher,valueonly)%(trailers:key=Trust,valueonly)"
    assert run_git(server.git, "log", "-1", form, "ledger").split() == ["github/acme/payments", "oidc"]


@pytest.mark.client("gh-action", "publish")
def test_the_action_may_run_again_over_the_same_files(github: Github, desk: Desk) -> None:
    desk.save(wheel("payments-api", "2.0"))
    assert action(github, desk, github.job()).returncode == 0
    before = run_git(github.exchanges.server.git, "rev-parse", "ledger")
    again = action(github, desk, github.job())
    assert again.returncode == 0, again.stdout + again.stderr
    assert run_git(github.exchanges.server.git, "rev-parse", "ledger") == before


@pytest.mark.client("gh-action", "auth")
def test_the_action_shows_why_it_is_refused(github: Github, desk: Desk) -> None:
    desk.save(wheel("payments-api", "3.0"))
    said = action(github, desk, github.job(environment="staging"))
    assert said.returncode == 1
    assert "`invalid-publisher`" in said.stderr
    assert "the token says environment 'staging'; environment: pypi" in said.stderr
    again = action(github, desk, github.job(jti="once"))
    assert again.returncode == 0, again.stderr
    replayed = action(github, desk, github.job(jti="once"))
    assert replayed.returncode == 1
    assert "`invalid-reuse-token`" in replayed.stderr


@pytest.mark.client("PDM", "publish", "auth")
def test_pdm_publishes_from_a_job_without_any_credentials(github: Github, desk: Desk) -> None:
    path = desk.save(wheel("payments-api", "4.0"))
    for_pdm(desk, github.url)
    mark = len(github.exchanges.server.log())
    env = {**github.job(), "PDM_PUBLISH_REPO": github.url, "PDM_PUBLISH_CA_CERTS": str(github.trusted)}
    said = desk.tool("pdm", "publish", "--no-build", env=env)
    assert said.returncode == 0, said.stdout + said.stderr
    assert path.name in listed(github.exchanges.server, "payments-api")
    asked = [line["path"] for line in requests(github.exchanges.server, mark)]
    assert asked[:3] == ["/_/oidc/audience", "/_/oidc/mint-token", "/python/"]
