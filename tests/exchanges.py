"""A real server of several processes that trusts one pipeline, and what that pipeline and others send it."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.claim_sets import GITHUB
from tests.issuer import Issuer, issuing, trusted_file
from tests.journeys.clients import ask
from tests.registry.web.pipelines import PROJECT, accepting, trusting
from tests.running import Server, new_server

MINT, BURN = "/_/oidc/mint-token", "/_/oidc/burn-token"


@dataclass(frozen=True)
class Exchanges:
    """The server, and the CI system it trusts."""

    server: Server
    issuer: Issuer

    def token(self, number: int) -> str:
        """Make the identity token of a job."""
        return self.issuer.token(GITHUB, jti=f"job-{number}")

    def mint(self, token: str) -> str | None:
        """Exchange an identity token; None if the answer is that it was used before."""
        status, text = self.post(MINT, token)
        if status == 200:
            return str(json.loads(text)["token"])
        assert (status, json.loads(text)["errors"][0]["code"]) == (422, "invalid-reuse-token"), text
        return None

    def post(self, path: str, token: str) -> tuple[int, str]:
        """Send a token."""
        return ask(self.server.url + path, data=json.dumps({"token": token}).encode())

    def reads(self, secret: str) -> int:
        """Ask for the project's page with an upload token, and give the status."""
        return ask(f"{self.server.url}/python/simple/payments-api/", secret)[0]

    def each_worker(self) -> Iterator[int]:
        """Let each process of the server answer alone in turn."""
        pids = [int(pid) for pid in self.server.worker_pids()]
        for chosen in pids:
            others = [pid for pid in pids if pid != chosen]
            for pid in others:
                os.kill(pid, signal.SIGSTOP)
            try:
                yield chosen
            finally:
                for pid in others:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)


@contextmanager
def exchanging(folder: Path, workers: int = 3) -> Iterator[Exchanges]:
    """Serve a new installation that trusts a pipeline, for the time of a block."""
    server = new_server(folder, workers)
    server.environment = {"SSL_CERT_FILE": str(trusted_file(folder))}
    with issuing() as issuer:
        try:
            server.start()
            server.set_policy({"waybill.yaml": accepting(issuer.url), PROJECT: trusting(issuer.url)})
            yield Exchanges(server, issuer)
        finally:
            server.kill()
