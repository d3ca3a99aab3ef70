"""CircleCI: one root issuer for all organizations, or one per organization.

https://circleci.com/docs/openid-connect-tokens/
"""

from collections.abc import Collection, Iterator, Mapping

from registry.policy.case import Claim, Claims
from registry.policy.files import Issuer
from registry.publishers.base import Condition, Fields, Written, equal, facts_of, joined, same_uuid, text, unlike

NAME = "circleci"
ISSUERS: tuple[str, ...] = ("https://oidc.circleci.com",)
SELF_HOSTED = False
_CLAIM = "oidc.circleci.com/"
REQUIRED: tuple[str, ...] = (f"{_CLAIM}project-id",)
HINTS: Mapping[str, str] = {}
_TRUE: tuple[Claim, ...] = (True, "true", "True")


def conditions(fields: Fields, claims: Claims) -> Iterator[Condition]:
    """List what a statement asks of a token; an organization's own issuer says which it is, the root issuer a claim."""
    organization, own = fields["organization_id"], f"{ISSUERS[0]}/org/"
    if f"{_CLAIM}org-id" not in claims and text(claims.get("iss")).startswith(own):
        yield equal("iss", own + organization, "organization_id", identifies=True)
    else:
        yield same_uuid(f"{_CLAIM}org-id", organization, "organization_id", identifies=True)
    yield same_uuid(f"{_CLAIM}project-id", fields["project_id"], "project_id", identifies=True)


def guards(claims: Claims, _named: Collection[str], _accepted: Issuer) -> Iterator[Condition]:
    """Refuse jobs on which somebody has a shell: what is published there is not what the pipeline says."""
    if f"{_CLAIM}ssh-rerun" in claims:
        yield unlike(f"{_CLAIM}ssh-rerun", _TRUE, "false: a job rerun with SSH publishes nothing")


def title(claims: Claims, _fields: Fields) -> str:
    """Name the publisher for people: by where its sources are, else by its id."""
    return text(claims.get(f"{_CLAIM}vcs-origin")) or text(claims.get(f"{_CLAIM}project-id"))


def facts(claims: Claims) -> dict[str, str]:
    """Give what the claims prove, by the trailer that will say it."""
    return facts_of(
        Repository=joined(claims, "https://{}", f"{_CLAIM}vcs-origin"),
        Repository_Id=joined(claims, "circleci:{}", f"{_CLAIM}project-id"),
        Ref=text(claims.get(f"{_CLAIM}vcs-ref")),
        Pipeline=joined(claims, "https://app.circleci.com/pipelines/workflows/{}", f"{_CLAIM}workflow-id"),
        Workflow_Id=joined(claims, "circleci:{}", f"{_CLAIM}pipeline-definition-id"),
    )


def statement(claims: Claims) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline; a fork's build differs in its origin."""
    narrowed = {name: text(claims[name]) for name in (f"{_CLAIM}vcs-origin", f"{_CLAIM}vcs-ref") if name in claims}
    keys = {
        "provider": NAME,
        "organization_id": text(claims.get(f"{_CLAIM}org-id") or text(claims.get("iss")).rpartition("/org/")[2]),
        "project_id": text(claims.get(f"{_CLAIM}project-id")),
    }
    return {**keys, "claims": narrowed} if narrowed else keys
