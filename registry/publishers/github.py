"""GitHub Actions, also on GitHub Enterprise.

https://docs.github.com/en/actions/reference/security/oidc
Repositories made, renamed or moved since 2026-07-15 have ids in `sub`, others names: it is never looked at.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

from registry.policy.case import Claims
from registry.policy.files import Issuer
from registry.publishers.base import Condition, Fields, Written, equal, facts_of, joined, like, same_name, text, unlike

NAME = "github"
ISSUERS: tuple[str, ...] = ("https://token.actions.githubusercontent.com",)
SELF_HOSTED = True
REQUIRED: tuple[str, ...] = (
    "repository", "repository_id", "repository_owner_id", "workflow_ref", "event_name", "ref", "sha", "run_id",
)  # fmt: skip
HINTS: Mapping[str, str] = {"environment": "give the job an environment"}

# Whoever may open a pull request, an issue or a discussion sets these off.
_ANYBODY = ("pull_request", "pull_request_review", "pull_request_review_comment", "workflow_run", "issue_comment",
            "issues", "discussion", "discussion_comment", "fork", "watch", "gollum")  # fmt: skip
_NEVER = "pull_request_target"
_FILE = re.compile(r"([^/]+/[^/]+)/\.github/workflows/([^/@]+)@(?:refs/.+|[0-9a-f]{40,64})", re.DOTALL)


def conditions(fields: Fields, claims: Claims) -> Iterator[Condition]:
    """List what a statement asks of a token."""
    yield equal("repository_id", fields["repository_id"], "repository_id", identifies=True)
    yield equal("repository_owner_id", fields["owner_id"], "owner_id", identifies=True)
    yield _workflow(fields["workflow"], claims)
    if "environment" in fields:  # GitHub does not tell capitals apart in these
        wanted = fields["environment"]
        yield Condition("environment", wanted, lambda v: same_name(text(v), wanted), "environment")
    if "ref" in fields:
        yield like("ref", fields["ref"], "ref")


def _workflow(wanted: str, claims: Claims) -> Condition:
    """Ask that the run began with this file, of the git repository itself: organizations can require foreign ones."""

    def holds(value: object) -> bool:
        found = _FILE.fullmatch(str(value))
        if found is None or found[2] != wanted:
            return False
        return "repository" not in claims or same_name(text(claims["repository"]), found[1])

    return Condition("workflow_ref", wanted, holds, "workflow")


def guards(claims: Claims, named: Collection[str], _accepted: Issuer) -> Iterator[Condition]:
    """Refuse events that anybody sets off, and jobs of other people's files, unless the statement speaks of them."""
    if "event_name" in claims:
        yield unlike("event_name", {_NEVER}, f"anything but {_NEVER}, which runs with rights for code of strangers")
        if "event_name" not in named:
            why = "an event that only those who may push set off; name event_name under claims to allow it"
            yield unlike("event_name", _ANYBODY, why)
    if "job_workflow_ref" in claims and "repository" in claims and "job_workflow_ref" not in named:
        own = f"{claims['repository']}/.github/workflows/".casefold()
        why = "a file of the same git repository; name job_workflow_ref under claims to trust a shared workflow"
        yield Condition("job_workflow_ref", why, lambda value: text(value).casefold().startswith(own))


def title(claims: Claims, _fields: Fields) -> str:
    """Name the publisher for people, like acme/payments."""
    return text(claims.get("repository"))


def facts(claims: Claims) -> dict[str, str]:
    """Give what the claims prove, by the trailer that will say it."""
    server = _server(text(claims.get("iss")))
    run = joined(claims, server + "/{}/actions/runs/{}", "repository", "run_id")
    attempt = text(claims.get("run_attempt"))
    return facts_of(
        Repository=joined(claims, server + "/{}", "repository"),
        Repository_Id=joined(claims, "github:{}", "repository_id"),
        Commit=text(claims.get("sha")),
        Ref=text(claims.get("ref")),
        Pipeline=f"{run}/attempts/{attempt}" if run and attempt else run,
        Workflow=text(claims.get("workflow_ref")),
        Environment=text(claims.get("environment")),
        Actor=joined(claims, "github:{}", "actor"),
    )


def _server(issuer: str) -> str:
    """Tell where the git repositories are that an issuer speaks of."""
    host = urlsplit(issuer).netloc
    if host == "token.actions.githubusercontent.com":
        return "https://github.com"
    return f"https://{host.removeprefix('token.actions.')}"  # SUB.ghe.com; else an Enterprise server itself


def statement(claims: Claims) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline."""
    found = _FILE.fullmatch(text(claims.get("workflow_ref")))
    keys: dict[str, str | bool | dict[str, str | dict[str, str]]] = {
        "provider": NAME,
        "repository": text(claims.get("repository")),
        "repository_id": text(claims.get("repository_id")),
        "owner_id": text(claims.get("repository_owner_id")),
        "workflow": found[2] if found else "",
    }
    ref = text(claims.get("ref"))
    if "environment" in claims:
        keys["environment"] = text(claims["environment"])
    elif ref:
        keys["ref"] = "refs/tags/*" if ref.startswith("refs/tags/") else ref
    if claims.get("iss") not in ISSUERS:
        keys["issuer"] = text(claims.get("iss"))
    job = _FILE.fullmatch(text(claims.get("job_workflow_ref")))
    if job and job[1].casefold() != text(claims.get("repository")).casefold():
        keys["claims"] = {"job_workflow_ref": {"matches": f"{job[1]}/.github/workflows/{job[2]}@*"}}
    return keys
