"""Bitbucket Pipelines: one issuer per workspace, ids without names, no commit, no tag, no `jti`.

https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/
The workspace's slug in the issuer can be given to others later; its UUID cannot, so both are compared.
"""

from collections.abc import Collection, Iterator, Mapping

from registry.policy.case import Claims
from registry.policy.files import Issuer
from registry.publishers.base import Condition, Fields, Written, facts_of, joined, like, same_uuid, text

NAME = "bitbucket"
ISSUERS: tuple[str, ...] = ()
ISSUER_OF = "https://api.bitbucket.org/2.0/workspaces/{}/pipelines-config/identity/oidc"  # a workspace
SELF_HOSTED = False
REQUIRED: tuple[str, ...] = ("workspaceUuid", "repositoryUuid", "pipelineUuid", "stepUuid")
HINTS: Mapping[str, str] = {
    "deploymentEnvironmentUuid": "give the step a deployment",
    "branchName": "a tag's pipeline has no branch",
}


def conditions(fields: Fields, _claims: Claims) -> Iterator[Condition]:
    """List what a statement asks of a token."""
    yield same_uuid("workspaceUuid", fields["workspace_uuid"], "workspace_uuid", identifies=True)
    yield same_uuid("repositoryUuid", fields["repository_uuid"], "repository_uuid", identifies=True)
    environment = "deployment_environment_uuid"
    if environment in fields:
        yield same_uuid("deploymentEnvironmentUuid", fields[environment], environment)
    if "branch" in fields:
        yield like("branchName", fields["branch"], "branch")


def guards(claims: Claims, _named: Collection[str], accepted: Issuer) -> Iterator[Condition]:
    """Ask for the workspace that `waybill.yaml` means."""
    if "workspaceUuid" in claims and accepted.workspace_uuid:
        yield same_uuid("workspaceUuid", accepted.workspace_uuid)


def title(claims: Claims, fields: Fields) -> str:
    """Name the publisher for people: as the policy does, because the token has no names."""
    return fields.get("repository") or text(claims.get("repositoryUuid"))


def facts(claims: Claims) -> dict[str, str]:
    """Give what the claims prove, by the trailer that will say it."""
    return facts_of(
        Repository=joined(claims, "https://bitbucket.org/{}/{}", "workspaceUuid", "repositoryUuid"),
        Repository_Id=joined(claims, "bitbucket:{}", "repositoryUuid"),
        Ref=joined(claims, "refs/heads/{}", "branchName"),
        Pipeline=joined(claims, "bitbucket:{}/pipelines/{}", "repositoryUuid", "pipelineUuid"),
        Environment=text(claims.get("deploymentEnvironmentUuid")),
    )


def statement(claims: Claims) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline."""
    keys = {
        "provider": NAME,
        "workspace_uuid": _braced(claims, "workspaceUuid"),
        "repository_uuid": _braced(claims, "repositoryUuid"),
    }
    if "deploymentEnvironmentUuid" in claims:
        keys["deployment_environment_uuid"] = _braced(claims, "deploymentEnvironmentUuid")
    elif "branchName" in claims:
        keys["branch"] = text(claims["branchName"])
    return keys


def _braced(claims: Claims, name: str) -> str:
    return "{" + text(claims.get(name)).strip("{}") + "}"
