"""Bitbucket Pipelines; its tokens have ids and no names, no commit and no tag.

https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/
"""

from collections.abc import Mapping

from registry.pipelines.base import PLUGIN as _PLUGIN
from registry.pipelines.base import Source, Wanted, filled
from registry.publishers import bitbucket
from registry.publishers.base import Written

NAME = bitbucket.NAME
FILE = "bitbucket-pipelines.yml"
ENVIRONMENT = "production"  # one of those that every Bitbucket repository has
PLUGIN = "docker://IMAGE@sha256:DIGEST"
_PAGE = "Repository settings, OpenID Connect"
KEYS: Mapping[str, str] = {
    "repository": "WORKSPACE/NAME",
    "workspace_uuid": f"{_PAGE}: with braces",
    "repository_uuid": f"{_PAGE}: with braces",
    "deployment_environment_uuid": f"{_PAGE}: of the environment, with braces",
}
MASK: str | tuple[str, ...] = ""  # Bitbucket hides only secured variables of its settings


def emitted(wanted: Wanted, style: str) -> str:
    """Write the pipeline."""
    return filled("bitbucket-plugin.yml" if style == _PLUGIN else "bitbucket-plain.yml", wanted)


def statement(wanted: Wanted) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline, by what its tokens will say."""
    written = bitbucket.statement(
        {
            "workspaceUuid": wanted.of("workspace_uuid"),
            "repositoryUuid": wanted.of("repository_uuid"),
            "deploymentEnvironmentUuid": wanted.of("deployment_environment_uuid"),
        }
    )
    return {"provider": NAME, "repository": wanted.of("repository"), **written}


def identity(environment: Mapping[str, str], _audience: str) -> Source | None:
    """Tell how a step gets its identity token: in a variable, if it asks for one by `oidc`."""
    return environment.get("BITBUCKET_STEP_OIDC_TOKEN") or None


def declared(environment: Mapping[str, str]) -> dict[str, str]:
    """Tell what a step knows of itself that its token does not prove."""
    known = {"commit": environment.get("BITBUCKET_COMMIT", "")}
    if environment.get("BITBUCKET_TAG"):
        known["ref"] = f"refs/tags/{environment['BITBUCKET_TAG']}"
    name, number = environment.get("BITBUCKET_REPO_FULL_NAME"), environment.get("BITBUCKET_BUILD_NUMBER")
    if name and number:
        known["job"] = f"https://bitbucket.org/{name}/pipelines/results/{number}"
    return {key: value for key, value in known.items() if value}
