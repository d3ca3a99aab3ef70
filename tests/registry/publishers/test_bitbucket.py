"""Bitbucket's identity tokens, one set of claims per situation, each with the verdict a person would give."""

import pytest

from registry.publishers import bitbucket
from tests.claim_sets import BITBUCKET, ENVIRONMENT, REPOSITORY, WORKSPACE, Values, changed, fits_what_it_prints, fitted

OURS = f'provider: bitbucket, repository: acme/payments, workspace_uuid: "{WORKSPACE}", repository_uuid: "{REPOSITORY}"'
OTHER = "{99999999-c328-4d7e-be8d-6fca824bad43}"

# Situation, what the statement adds, what the token says differently, the claims that do not fit.
SITUATIONS: list[tuple[str, str, Values, tuple[str, ...]]] = [
    ("the step runs", "", {}, ()),
    ("the UUIDs have no braces", "", {"repositoryUuid": REPOSITORY.strip("{}"), "workspaceUuid": WORKSPACE[1:-1]}, ()),
    ("the UUIDs are in capitals", "", {"repositoryUuid": REPOSITORY.upper()}, ()),
    ("another repository of the workspace", "", {"repositoryUuid": OTHER}, ("repositoryUuid",)),
    ("the workspace's slug was given to somebody else", "", {"workspaceUuid": OTHER}, ("workspaceUuid",)),
    ("no workspace is named", "", {"workspaceUuid": None}, ("workspaceUuid",)),
    ("another workspace's issuer", "",
     {"iss": "https://api.bitbucket.org/2.0/workspaces/eve/pipelines-config/identity/oidc"}, ("iss",)),
    ("the deployment asked for", f'deployment_environment_uuid: "{ENVIRONMENT}"', {}, ()),
    ("another deployment", f'deployment_environment_uuid: "{ENVIRONMENT}"', {"deploymentEnvironmentUuid": OTHER},
     ("deploymentEnvironmentUuid",)),
    ("a step without a deployment", f'deployment_environment_uuid: "{ENVIRONMENT}"',
     {"deploymentEnvironmentUuid": None}, ("deploymentEnvironmentUuid",)),
    ("the branch asked for", "branch: main", {}, ()),
    ("another branch", "branch: main", {"branchName": "feature"}, ("branchName",)),
    ("a branch that fits", "branch: release/*", {"branchName": "release/1.4"}, ()),
    ("a tag, which has no branch", "branch: main", {"branchName": None}, ("branchName",)),
    ("a retried step", "", {"stepUuid": OTHER}, ()),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "changes", "wrong"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_a_token_fits_exactly_when_the_reviewed_pipeline_runs(
    extra: str, changes: Values, wrong: tuple[str, ...]
) -> None:
    found = fitted(f"{OURS}, {extra}".rstrip(", "), BITBUCKET, changes)
    assert (*found.failed, *found.absent) == wrong


def test_the_facts_are_what_the_claims_prove_and_no_commit() -> None:
    assert bitbucket.facts(BITBUCKET) == {
        "Repository": f"https://bitbucket.org/{WORKSPACE}/{REPOSITORY}",
        "Repository-Id": f"bitbucket:{REPOSITORY}",
        "Ref": "refs/heads/main",
        "Pipeline": f"bitbucket:{REPOSITORY}/pipelines/{{4f6bae96-d439-4e8f-8f9e-70db935cbe54}}",
        "Environment": ENVIRONMENT,
    }


@pytest.mark.parametrize("changes", [{}, {"deploymentEnvironmentUuid": None}])
def test_the_statement_to_paste_trusts_exactly_this_pipeline(changes: Values) -> None:
    claims = changed(BITBUCKET, changes)
    assert fits_what_it_prints(bitbucket, claims, claims).good
    assert not fits_what_it_prints(bitbucket, {**claims, "repositoryUuid": OTHER}, claims).good
