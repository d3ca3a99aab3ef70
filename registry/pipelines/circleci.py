"""CircleCI: https://circleci.com/docs/openid-connect-tokens/."""

import json
from collections.abc import Mapping

from registry.pipelines.base import Command, Source, Wanted, filled
from registry.publishers import circleci
from registry.publishers.base import Written

NAME = circleci.NAME
FILE = ".circleci/config.yml"
ENVIRONMENT = "release"  # a context: who may use it is set at CircleCI
PLUGIN = ""
KEYS: Mapping[str, str] = {
    "organization_id": "Organization settings: its id",
    "project_id": "Project settings: its id",
    "vcs_origin": "such as github.com/OWNER/NAME",
}
MASK: str | tuple[str, ...] = ""


def emitted(wanted: Wanted, _style: str) -> str:
    """Write the pipeline."""
    return filled("circleci-plain.yml", wanted)


def statement(wanted: Wanted) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline, by what its tokens will say."""
    written = circleci.statement(
        {
            "oidc.circleci.com/org-id": wanted.of("organization_id"),
            "oidc.circleci.com/project-id": wanted.of("project_id"),
        }
    )
    origin = {"oidc.circleci.com/vcs-origin": wanted.of("vcs_origin")}
    return {**written, "claims": {**origin, "oidc.circleci.com/vcs-ref": {"matches": "refs/tags/v*"}}}


def identity(environment: Mapping[str, str], audience: str) -> Source | None:
    """Tell how a job gets its identity token: from CircleCI's program, because the variables have another audience."""
    if environment.get("CIRCLECI") != "true":
        return None
    claims = json.dumps({"aud": audience})
    return Command(("circleci", "run", "oidc", "get", "--root-issuer", "--claims", claims))


def declared(environment: Mapping[str, str]) -> dict[str, str]:
    """Tell what a job knows of itself that its token does not prove."""
    commit = environment.get("CIRCLE_SHA1")
    return {"commit": commit} if commit else {}
