"""A site that trusts one pipeline, and what that pipeline does."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from registry.records import read_message
from registry.store import LEDGER
from tests.claim_sets import GITHUB
from tests.issuer import AUDIENCE, Issuer
from tests.registry.web.site import Site, basic

PROJECT = "registries/python/projects/payments-api.yaml"
_number = itertools.count()


def trusting(issuer: str) -> str:
    """Write the file of a project that one GitHub workflow publishes."""
    return f"""\
protected: true
publishers:
  - provider: github
    repository: acme/payments
    repository_id: "123456"
    owner_id: "42"
    workflow: release.yml
    environment: pypi
    issuer: {issuer}
"""


def accepting(issuer: str, rest: str = "") -> str:
    """Write the organization's file that accepts one issuer as GitHub's."""
    return f"organization: acme\naudience: {AUDIENCE}\nadmins: [alice]\nissuers: {{github: [{issuer}{rest}]}}\n"


@dataclass
class Ci:
    """A CI system, and the site that trusts one pipeline of it."""

    site: Site
    issuer: Issuer

    def token(self, **changes: Any) -> str:
        """Make an identity token that no other job has."""
        return self.issuer.token(GITHUB, **{"jti": f"job-{next(_number)}", **changes})

    def mint(self, token: object, **more: Any) -> TestResponse:
        """Exchange an identity token."""
        return self.site.app.test_client().post("/_/oidc/mint-token", json={"token": token, **more})

    def secret(self, **changes: Any) -> str:
        """Get an upload token, which must be given."""
        answer = self.mint(self.token(**changes))
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["token"])

    def refusal(self, token: object, **more: Any) -> tuple[str, str]:
        """Get the code and the text of a refusal, which must be one."""
        answer = self.mint(token, **more)
        assert answer.status_code == 422, answer.text
        assert answer.get_json()["message"] == "Token request failed"
        (error,) = answer.get_json()["errors"]
        return error["code"], error["description"]


def facts(site: Site) -> dict[str, str]:
    """Read the trailers of the newest commit of the ledger."""
    store = site.installation.store
    return read_message(next(iter(store.history(store.head(LEDGER)))).message)[1]


def bearing(secret: str) -> Mapping[str, str]:
    """Write the header of a client that has a token."""
    return {"Authorization": basic("__token__", secret)}
