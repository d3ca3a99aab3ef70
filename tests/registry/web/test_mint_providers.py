"""For each CI system: a first attempt is refused, what the refusal prints is pasted, and the next attempt publishes."""

import json
from collections.abc import Mapping

import pytest

from registry.policy.case import Claims
from registry.publishers import PROVIDERS
from tests.archives import wheel
from tests.claim_sets import BITBUCKET, BUILDKITE, CIRCLECI, GITHUB, GITLAB, ISSUERS, JENKINS, OTHER, WORKSPACE
from tests.issuer import AUDIENCE, Issuer, public, rsa_key
from tests.registry.web.pipelines import PROJECT, Ci, bearing, facts
from tests.registry.web.site import Site

CLAIMS: Mapping[str, Claims] = {
    "github": GITHUB, "gitlab": GITLAB, "bitbucket": BITBUCKET, "buildkite": BUILDKITE, "circleci": CIRCLECI,
    "jenkins": JENKINS, "other": OTHER,
}  # fmt: skip
WITHOUT_JTI = {"bitbucket", "buildkite"}
PATH = PROJECT.removesuffix(".yaml")
# What each system's tokens prove of a file, besides the issuer.
PROVEN = {
    "github": {"Repository", "Repository-Id", "Commit", "Ref", "Pipeline", "Workflow", "Environment", "Actor"},
    "gitlab": {"Repository", "Repository-Id", "Commit", "Ref", "Pipeline", "Workflow", "Environment", "Actor"},
    "bitbucket": {"Repository", "Repository-Id", "Ref", "Pipeline", "Environment"},
    "buildkite": {"Commit", "Ref", "Pipeline", "Workflow", "Workflow-Id"},
    "circleci": {"Repository", "Repository-Id", "Ref", "Workflow-Id"},
    "jenkins": {"Pipeline", "Workflow"},
    "other": {"Subject"},
}


@pytest.fixture
def ci(site: Site) -> Ci:
    """All systems at once, by the keys that the policy has of their real issuers."""
    keys = {claims["iss"]: [public(rsa_key(0), "first")] for claims in CLAIMS.values()}
    site.policy(waybill=f"{ISSUERS}audience: {AUDIENCE}\nadmins: [alice]\nkeys: {json.dumps(keys)}\n")
    return Ci(site, Issuer())


def token(ci: Ci, provider: str, number: int, **changes: object) -> str:
    """Make a token as that system makes it."""
    own: dict[str, object] = {"jti": None if provider in WITHOUT_JTI else f"job-{number}", "job": number}
    if provider == "bitbucket":
        own["aud"] = [AUDIENCE, f"ari:cloud:bitbucket::workspace/{WORKSPACE.strip('{}')}"]
    return ci.issuer.token(CLAIMS[provider], **{**own, "iss": CLAIMS[provider]["iss"], **changes})


def test_every_system_is_tried() -> None:
    assert CLAIMS.keys() == PROVEN.keys() == PROVIDERS.keys()


@pytest.mark.parametrize("provider", CLAIMS)
def test_what_a_refusal_prints_lets_the_next_attempt_publish(ci: Ci, provider: str) -> None:
    code, text = ci.refusal(token(ci, provider, 1))
    assert code == "invalid-publisher"
    ci.site.policy(**{PATH: f"protected: true\n{text[text.index('publishers:') :]}\n"})

    second = token(ci, provider, 2)
    answer = ci.mint(second)
    assert answer.status_code == 200, answer.text
    assert ci.refusal(second)[0] == "invalid-reuse-token"
    sent = ci.site.publish(wheel("payments-api", "1.0"), person=None, headers=bearing(answer.get_json()["token"]))
    assert sent.status_code == 200, sent.text
    said = facts(ci.site)
    assert (said["Trust"], said["Issuer"]) == ("oidc", CLAIMS[provider]["iss"])
    assert said["Publisher"].startswith(f"{provider}/")
    assert said.keys() & (PROVEN["github"] | PROVEN[provider]) == PROVEN[provider]


@pytest.mark.parametrize("provider", ["github", "gitlab", "buildkite", "circleci"])
def test_an_issuer_that_is_not_accepted_yet_is_refused_with_what_to_add(ci: Ci, provider: str) -> None:
    ci.site.policy(waybill=f"organization: acme\naudience: {AUDIENCE}\nissuers: {{jenkins: [https://x.example]}}\n")
    code, text = ci.refusal(token(ci, provider, 1))
    assert code == "invalid-token"
    assert text.endswith(f"an admin adds {provider}: true under 'issuers'")


def test_a_required_claim_that_is_missing_is_said_with_how_to_get_it(ci: Ci) -> None:
    code, text = ci.refusal(token(ci, "buildkite", 1, organization_id=None, pipeline_id=None))
    assert code == "invalid-publisher"
    for claim in ("organization_id", "pipeline_id"):
        assert f"The token has no {claim}: set BUILDKITE_OIDC_TOKEN_CLAIMS" in text


def test_buildkites_grammar_gives_the_scopes_of_the_first_statement_that_matches(ci: Ci) -> None:
    general = f"""\
publishers:
- issuer: {BUILDKITE["iss"]}
  scopes: [read]
  claims: {{organization_id: 0a1b, pipeline_id: {{in: [7f, 8c]}}, build_branch: {{matches: "feature/*"}}}}
- issuer: {BUILDKITE["iss"]}
  scopes: [read, publish]
  claims:
    organization_id: {{equals: 0a1b}}
    pipeline_id: {{not_in: [99]}}
    build_branch: {{matches: [main, "release/*", "feature/*"], not_equals: release/test}}
"""
    ci.site.policy(**{PATH: general})
    statuses = {}
    for number, branch in enumerate(("main", "release/1", "release/test", "feature/x", "other")):
        answer = ci.mint(token(ci, "buildkite", number, build_branch=branch))
        secret = answer.get_json().get("token")
        archive = wheel("payments-api", f"1.{number}")
        sent = ci.site.publish(archive, person=None, headers=bearing(secret)).status_code if secret else None
        statuses[branch] = answer.status_code, sent
    assert statuses == {
        "main": (200, 200),
        "release/1": (200, 200),
        "release/test": (422, None),
        "feature/x": (200, 403),  # the first statement matches, and only lets it read
        "other": (422, None),
    }
