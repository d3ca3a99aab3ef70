"""GitLab CI, on gitlab.com and on servers of one's own.

https://docs.gitlab.com/ci/secrets/id_token_authentication/
Numbers and truth values come as text. In a merge request from a fork, `project_*` names the fork and `job_project_*`
the project whose job it is.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from registry.policy.case import Claims
from registry.policy.files import Issuer
from registry.publishers.base import Condition, Fields, Written, equal, facts_of, joined, text, unlike

NAME = "gitlab"
ISSUERS: tuple[str, ...] = ("https://gitlab.com",)
SELF_HOSTED = True
REQUIRED: tuple[str, ...] = (
    "project_id",
    "project_path",
    "namespace_id",
    "pipeline_source",
    "pipeline_id",
    "ref_protected",
    "sha",
)
HINTS: Mapping[str, str] = {
    "environment": "give the job an environment",
    "ci_config_ref_uri": "keep the pipeline file in the project",
}

_PROPOSED = ("merge_request_event", "external_pull_request_event")


def conditions(fields: Fields, claims: Claims) -> Iterator[Condition]:
    """List what a statement asks of a token."""
    yield equal("project_id", fields["project_id"], "project_id", identifies=True)
    yield equal("namespace_id", fields["namespace_id"], "namespace_id", identifies=True)
    host = re.escape(text(claims["iss"]).partition("://")[2]) if "iss" in claims else ".+?"
    path = re.escape(text(claims["project_path"])) if "project_path" in claims else ".+?"
    form = f"{host}/{path}//{re.escape(fields['ci_config'])}@(?:refs/.+|[0-9a-f]{{40,64}})"
    file = re.compile(form, re.DOTALL)
    yield Condition("project_path", "the project's path", lambda _value: True)  # else nobody can tell whose file it is
    yield Condition("ci_config_ref_uri", fields["ci_config"], lambda v: bool(file.fullmatch(text(v))), "ci_config")
    if "environment" in fields:
        yield equal("environment", fields["environment"], "environment")
    if fields.get("ref_protected") == "true":  # not asking for it is not asking for the contrary
        yield equal("ref_protected", "true", "ref_protected")


def guards(claims: Claims, named: Collection[str], _accepted: Issuer) -> Iterator[Condition]:
    """Refuse jobs of forks, and merge requests unless the statement speaks of them."""
    if "job_project_id" in claims and "project_id" in claims:
        yield equal("job_project_id", text(claims.get("project_id")))
    if "pipeline_source" in claims and "pipeline_source" not in named:
        why = "a pipeline of what is merged; name pipeline_source under claims to allow others"
        yield unlike("pipeline_source", _PROPOSED, why)


def title(claims: Claims, _fields: Fields) -> str:
    """Name the publisher for people, like acme/payments."""
    return text(claims.get("project_path"))


def facts(claims: Claims) -> dict[str, str]:
    """Give what the claims prove, by the trailer that will say it."""
    return facts_of(
        Repository=joined(claims, "{}/{}", "iss", "project_path"),
        Repository_Id=joined(claims, "gitlab:{}", "project_id"),
        Commit=text(claims.get("sha")),
        Ref=text(claims.get("ref_path")) or text(claims.get("ref")),
        Pipeline=joined(claims, "{}/{}/-/pipelines/{}", "iss", "project_path", "pipeline_id"),
        Workflow=text(claims.get("ci_config_ref_uri")),
        Environment=text(claims.get("environment")),
        Actor=joined(claims, "gitlab:{}", "user_login"),
    )


def statement(claims: Claims) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline."""
    own, file = joined(claims, "{}/{}//", "iss", "project_path"), text(claims.get("ci_config_ref_uri"))
    own = own.partition("://")[2]  # such as gitlab.com/acme/payments//
    keys: dict[str, str | bool] = {
        "provider": NAME,
        "project": text(claims.get("project_path")),
        "project_id": text(claims.get("project_id")),
        "namespace_id": text(claims.get("namespace_id")),
        "ci_config": file.removeprefix(own).partition("@")[0] if file.startswith(own) else ".gitlab-ci.yml",
    }
    if "environment" in claims:
        keys["environment"] = text(claims["environment"])
    if text(claims.get("ref_protected")) == "true":
        keys["ref_protected"] = True
    if claims.get("iss") not in ISSUERS:
        keys["issuer"] = text(claims.get("iss"))
    return keys
