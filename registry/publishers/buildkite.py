"""Buildkite: one issuer for all its customers; the immutable ids are in a token only if the step asks for them.

https://buildkite.com/docs/agent/cli/reference/oidc
No claim tells a build of a fork's pull request from one of the same branch name: prefer `tag`, and agents of a queue
that builds no pull requests.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from registry.policy.case import Claims
from registry.policy.files import Issuer
from registry.publishers.base import Condition, Fields, Written, equal, facts_of, joined, like, text

NAME = "buildkite"
ISSUERS: tuple[str, ...] = ("https://agent.buildkite.com",)
SELF_HOSTED = False
REQUIRED: tuple[str, ...] = (
    "organization_slug",
    "pipeline_slug",
    "build_number",
    "build_branch",
    "build_commit",
    "job_id",
)
_ASK = "set BUILDKITE_OIDC_TOKEN_CLAIMS: organization_id,pipeline_id in the pipeline's env, and try again"
HINTS: Mapping[str, str] = {"organization_id": _ASK, "pipeline_id": _ASK, "build_tag": "only builds of a tag have it"}

_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")  # a build asked for by hand may say HEAD


def conditions(fields: Fields, _claims: Claims) -> Iterator[Condition]:
    """List what a statement asks of a token."""
    yield equal("organization_id", fields["organization_id"], "organization_id", identifies=True)
    yield equal("pipeline_id", fields["pipeline_id"], "pipeline_id", identifies=True)
    if "branch" in fields:
        yield like("build_branch", fields["branch"], "branch")
    if "tag" in fields:
        yield like("build_tag", fields["tag"], "tag")


def guards(_claims: Claims, _named: Collection[str], _accepted: Issuer) -> Iterator[Condition]:
    """Ask for nothing more: the token has nothing to tell by."""
    yield from ()


def title(claims: Claims, _fields: Fields) -> str:
    """Name the publisher for people, like acme/payments."""
    return joined(claims, "{}/{}", "organization_slug", "pipeline_slug")


def facts(claims: Claims) -> dict[str, str]:
    """Give what the claims prove, by the trailer that will say it."""
    commit, tag = text(claims.get("build_commit")), text(claims.get("build_tag"))
    home = "https://buildkite.com/{}/{}"
    return facts_of(
        Commit=commit if _COMMIT.fullmatch(commit) else "",
        Ref=f"refs/tags/{tag}" if tag else joined(claims, "refs/heads/{}", "build_branch"),
        Pipeline=joined(claims, home + "/builds/{}", "organization_slug", "pipeline_slug", "build_number"),
        Workflow=joined(claims, home, "organization_slug", "pipeline_slug"),
        Workflow_Id=joined(claims, "buildkite:{}", "pipeline_id"),
    )


def statement(claims: Claims) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline."""
    keys = {
        "provider": NAME,
        "organization": text(claims.get("organization_slug")),
        "pipeline": text(claims.get("pipeline_slug")),
        "organization_id": text(claims.get("organization_id")),
        "pipeline_id": text(claims.get("pipeline_id")),
    }
    if text(claims.get("build_tag")):
        keys["tag"] = "*"
    else:
        keys["branch"] = text(claims.get("build_branch"))
    return keys
