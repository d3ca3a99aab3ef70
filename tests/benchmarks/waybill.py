"""Waybill itself: a private registry, served by the command that a user types."""

import json
from pathlib import Path

import registry
from tests.benchmarks.client import basic, send
from tests.benchmarks.filling import fill
from tests.benchmarks.machine import Unmeasured, need
from tests.benchmarks.servers import Server, Setup
from tests.running import WAYBILL, new_server


class Waybill(Server):
    """Every request brings a token; nothing is public."""

    name = "waybill"

    def __init__(self, setup: Setup, workers: int | None = None) -> None:
        super().__init__(setup)
        self._workers = workers or setup.workers

    def install(self) -> str:
        need("git")
        return registry.__version__

    def create(self) -> None:
        (self.folder / "token").write_text(new_server(self.folder).token)

    def fill(self) -> None:
        fill(self.folder / "data", self.setup.corpus)

    def command(self) -> list[str | Path]:
        bind = f"127.0.0.1:{self.port}"
        return [*WAYBILL, "serve", self.folder / "data", "--bind", bind, "--workers", str(self._workers)]

    @property
    def index_url(self) -> str:
        return f"{self.url}/python/simple/"

    @property
    def upload_url(self) -> str:
        return f"{self.url}/python/"

    @property
    def account(self) -> tuple[str, str]:
        return "__token__", (self.folder / "token").read_text()

    @property
    def credentials(self) -> dict[str, str]:
        return basic(*self.account)

    def heads(self, count: int) -> list[dict[str, str]]:
        """Give every one of them a token of its own, as every pipeline has."""
        return [{**head, **basic("__token__", self._new_token())} for head in super().heads(count)]

    def _new_token(self) -> str:
        wanted = json.dumps({"role": "read"}).encode()
        headers = {**self.credentials, "Content-Type": "application/json"}
        answer = send("POST", f"{self.url}/-/api/v1/tokens", wanted, headers)
        if answer.status != 201:
            raise Unmeasured(f"no token: {answer.status} {answer.body[:100].decode(errors='replace')}")
        return str(json.loads(answer.body)["secret"])
