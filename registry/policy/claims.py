"""Does what an identity token says fit a trusted publisher? A pure function, for cases and for minting tokens.

A policy names immutable ids; which claim of which provider each is compared with stands here and nowhere else. `sub` is
never taken apart, and names that are shown to people are never compared: both can be taken over by somebody else.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from registry.policy.case import Claim, Claims
from registry.policy.files import Issuer, Matcher, Organization, Publisher

ISSUER = "iss"  # RFC 7519, section 4.1.1

PATTERNS = frozenset({"ref", "branch", "tag"})  # fields that may hold * and ?
PUBLIC = {
    "github": ("https://token.actions.githubusercontent.com",),
    "gitlab": ("https://gitlab.com",),
    "buildkite": ("https://agent.buildkite.com",),
    "circleci": ("https://oidc.circleci.com",),
}
_RERUN = "oidc.circleci.com/ssh-rerun"
_BITBUCKET = "https://api.bitbucket.org/2.0/workspaces/{}/pipelines-config/identity/oidc"


@dataclass(frozen=True, slots=True)
class Fit:
    """How the claims of a token compare with a publisher."""

    failed: tuple[str, ...]  # claims that say something else than the publisher demands
    absent: tuple[str, ...]  # claims the publisher demands and the token does not have

    @property
    def good(self) -> bool:
        """Whether the publisher is the one the token speaks of; a claim that is not there never matches."""
        return not self.failed and not self.absent

    @property
    def possible(self) -> bool:
        """Whether a token with these claims and others could fit."""
        return not self.failed


def fit(publisher: Publisher, claims: Claims, organization: Organization) -> Fit:
    """Compare a publisher with claims.

    Args:
        publisher: a statement of the policy.
        claims: as the verified token has them, `iss` included; in a case, only some of them.
        organization: whose issuers are accepted.
    """
    failed, absent = [], []
    for name, holds in _conditions(publisher, claims, organization):
        if name not in claims:
            absent.append(name)
        elif not holds(claims[name]):
            failed.append(name)
    return Fit((*dict.fromkeys(failed),), (*dict.fromkeys(absent),))


def accepted(organization: Organization, provider: str) -> tuple[str, ...]:
    """List the exact issuers whose tokens are accepted as a provider's; none where the policy does not name it."""
    issuer: Issuer | None = organization.issuers.get(provider)
    if issuer is None:
        return ()
    if issuer.workspace:
        return (_BITBUCKET.format(issuer.workspace),)
    return issuer.urls or PUBLIC.get(provider, ())


Test = Callable[[Claim], bool]


def _conditions(publisher: Publisher, claims: Claims, organization: Organization) -> Iterator[tuple[str, Test]]:
    """List what a publisher demands: a claim, and what it must be."""
    if publisher.provider is None:
        known = {url for provider in organization.issuers for url in accepted(organization, provider)}
        issuers = known & {publisher.issuer}
    else:
        issuers = set(accepted(organization, publisher.provider))
        issuers &= {publisher.issuer} if publisher.issuer else issuers
    yield ISSUER, lambda value: value in issuers
    for field, wanted in publisher.fields.items():
        if (publisher.provider or "", field) in _SPECIAL:
            yield from _SPECIAL[publisher.provider or "", field](wanted, claims)
        elif field in _COMPARED.get(publisher.provider or "", {}):
            yield _COMPARED[publisher.provider or ""][field], _like(wanted) if field in PATTERNS else _is(wanted)
    if publisher.provider == "circleci" and _RERUN in claims:  # somebody with a shell on it is not the pipeline
        yield _RERUN, _is("false")
    yield from ((name, _matching(matcher)) for name, matcher in publisher.claims.items())


def _is(wanted: str) -> Test:
    """Compare as text: some providers write an id as number, some as text, and a truth value as either."""
    return lambda value: _text(value) == wanted


def _like(wanted: str) -> Test:
    return lambda value: isinstance(value, str) and _globbed(value, wanted)


def _text(value: Claim) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _uuid(claim: str) -> "Special":
    """Compare a UUID, which some write with braces and some in capitals."""

    def compared(wanted: str, _claims: Claims) -> Iterator[tuple[str, Test]]:
        yield claim, lambda value: str(value).strip("{}").lower() == wanted.strip("{}").lower()

    return compared


def _matching(matcher: Matcher) -> Test:
    """Test a claim by rules, all of which must hold; here a number is no text, and true is no number."""

    def holds(value: Claim) -> bool:
        kinds = (
            matcher.equals is None or _same(value, matcher.equals),
            matcher.not_equals is None or not _same(value, matcher.not_equals),
            not matcher.in_ or any(_same(value, one) for one in matcher.in_),
            not any(_same(value, one) for one in matcher.not_in),
            not matcher.matches or (isinstance(value, str) and any(_globbed(value, glob) for glob in matcher.matches)),
        )
        return all(kinds)

    return holds


def _same(one: Claim, other: Claim) -> bool:
    return type(one) is type(other) and one == other


def _globbed(value: str, glob: str) -> bool:
    """Match * and ?; brackets stand for themselves."""
    return fnmatchcase(value, glob.replace("[", "[[]"))


def _github_workflow(wanted: str, _claims: Claims) -> Iterator[tuple[str, Test]]:
    """Compare the file in `acme/payments/.github/workflows/release.yml@refs/tags/v1`, which the caller's job has."""
    form = re.compile(r"[^/]+/[^/]+/\.github/workflows/" + re.escape(wanted) + "@.+", re.DOTALL)
    yield "workflow_ref", lambda value: bool(form.fullmatch(str(value)))


def _gitlab_config(wanted: str, claims: Claims) -> Iterator[tuple[str, Test]]:
    """Compare the file in `gitlab.com/acme/payments//.gitlab-ci.yml@refs/heads/main`; it must be the project's own."""
    host = re.escape(str(claims[ISSUER]).partition("://")[2]) if ISSUER in claims else ".+?"
    path = re.escape(str(claims["project_path"])) if "project_path" in claims else ".+?"
    form = re.compile(f"{host}/{path}//{re.escape(wanted)}@.+", re.DOTALL)
    yield "project_path", lambda _value: True  # without it nobody can tell whose file that is
    yield "ci_config_ref_uri", lambda value: bool(form.fullmatch(str(value)))


def _gitlab_project(wanted: str, claims: Claims) -> Iterator[tuple[str, Test]]:
    """Compare the project's id; for a merge request from a fork, another project's job may run under it."""
    yield "project_id", _is(wanted)
    if "job_project_id" in claims:
        yield "job_project_id", _is(wanted)


def _gitlab_protected(wanted: str, _claims: Claims) -> Iterator[tuple[str, Test]]:
    """Demand a protected ref; not demanding it is not the same as demanding another."""
    if wanted == "true":
        yield "ref_protected", _is("true")


Special = Callable[[str, Claims], Iterator[tuple[str, Test]]]

_SPECIAL: Mapping[tuple[str, str], Special] = {
    ("github", "workflow"): _github_workflow,
    ("gitlab", "ci_config"): _gitlab_config,
    ("gitlab", "project_id"): _gitlab_project,
    ("gitlab", "ref_protected"): _gitlab_protected,
    ("bitbucket", "workspace_uuid"): _uuid("workspaceUuid"),
    ("bitbucket", "repository_uuid"): _uuid("repositoryUuid"),
    ("bitbucket", "deployment_environment_uuid"): _uuid("deploymentEnvironmentUuid"),
}
# Field of the policy -> claim; what is not listed here or above is shown to people and never compared.
_COMPARED: Mapping[str, Mapping[str, str]] = {
    "github": {
        "repository_id": "repository_id",
        "owner_id": "repository_owner_id",
        "environment": "environment",
        "ref": "ref",
    },
    "gitlab": {"namespace_id": "namespace_id", "environment": "environment"},
    "bitbucket": {"branch": "branchName"},
    "buildkite": {
        "organization_id": "organization_id",
        "pipeline_id": "pipeline_id",
        "branch": "build_branch",
        "tag": "build_tag",
    },
    "circleci": {"organization_id": "oidc.circleci.com/org-id", "project_id": "oidc.circleci.com/project-id"},
    "jenkins": {"job": "sub"},
}
