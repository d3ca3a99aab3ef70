"""What a CI system's API says of a run whose identity token says too little: asked only with an operator's credential.

Bitbucket's tokens name no commit. What its API answers is kept apart as resolved: it is true as far as the API is, and
was so when it was asked, but no signature says it.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from registry.errors import Invalid, Unavailable
from registry.fetch import document
from registry.policy.case import Claims
from registry.publishers import bitbucket
from registry.publishers.base import facts_of, text

Fetch = Callable[[str, float, str | None], bytes]

BITBUCKET = "https://api.bitbucket.org"
PATIENCE = 1.5  # seconds; clients wait 5 for the whole exchange
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_PLAIN = re.compile(r"[!-~]{1,200}")  # what stands in a URL or names a ref


class Resolver:
    """Asks CI systems about runs. Any thread may use it."""

    def __init__(self, token: str | None = None, api: str = BITBUCKET, fetch: Fetch = document) -> None:
        """Nobody is asked yet.

        Args:
            token: for Bitbucket's API, an access token that may read pipelines; None: it is not asked.
            api: where that is.
            fetch: gets a document.
        """
        self._token, self._api, self._fetch = token, api, fetch

    def resolved(self, provider: str, claims: Claims) -> dict[str, str]:
        """Ask where a run comes from, by trailer; empty where nobody is to be asked, or the API gives no answer.

        Args:
            provider: the CI system.
            claims: of an identity token that was verified.

        Raises:
            Invalid: the API speaks of another run than the token.
        """
        if provider != bitbucket.NAME or self._token is None:
            return {}
        ids = [text(claims[name]) for name in ("workspaceUuid", "repositoryUuid", "pipelineUuid")]
        workspace, repository, pipeline = (quote(id_, safe="") for id_ in ids)
        url = f"{self._api}/2.0/repositories/{workspace}/{repository}/pipelines/{pipeline}"
        try:
            said = json.loads(self._fetch(url, PATIENCE, self._token))
            found, target = said["repository"], said["target"]
            if (_bare(found["uuid"]), _bare(said["uuid"])) != (_bare(ids[1]), _bare(ids[2])):
                raise Invalid("Bitbucket's API speaks of another run than the identity token; ask its administrators")
            return _facts(said, found["full_name"], target)
        except (Unavailable, ValueError, RecursionError, LookupError, TypeError, AttributeError):
            return {}  # a release does not wait for what is nice to know


def _facts(said: Mapping[str, Any], name: Any, target: Mapping[str, Any]) -> dict[str, str]:
    commit = target.get("commit") or {}
    kind = {"branch": "heads", "tag": "tags"}.get(target.get("ref_type", ""))
    home = f"https://bitbucket.org/{name}"
    number = said.get("build_number")
    facts = facts_of(
        Repository=home,
        Commit=commit.get("hash", "") if _COMMIT.fullmatch(commit.get("hash", "")) else "",
        Ref=f"refs/{kind}/{target['ref_name']}" if kind else "",
        Pipeline=f"{home}/pipelines/results/{number}" if isinstance(number, int) else "",
    )
    return {name: value for name, value in facts.items() if _PLAIN.fullmatch(value)}


def _bare(uuid: str) -> str:
    return uuid.strip("{}").lower()
