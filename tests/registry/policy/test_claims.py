"""Identity tokens and trusted publishers: which claim is compared with what, and that nothing else counts."""

from typing import Any

import pytest

from registry.policy import parse
from registry.policy.claims import accepted, fit

UUID = "{0a1b2c3d-0000-4000-8000-00000000000a}"
ORGANIZATION = parse.organization(
    b"""
organization: acme
issuers:
  github: true
  gitlab: [https://gitlab.com, https://gitlab.acme.example]
  bitbucket: {workspace: acme, workspace_uuid: "{0a1b2c3d-0000-4000-8000-00000000000a}"}
  buildkite: true
  circleci: true
  jenkins: [https://ci.acme.example/oidc]
  other: [https://builds.acme.example]
""",
    "waybill.yaml",
)
BITBUCKET = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"

# For each provider: a publisher, a token that fits it, and what must not be said instead.
PROVIDERS: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]]]] = {
    "github": (
        (
            '{provider: github, repository: acme/payments, repository_id: "123", owner_id: "42", '
            "workflow: release.yml, environment: pypi, ref: refs/tags/v*}"
        ),
        {
            "iss": "https://token.actions.githubusercontent.com",
            "sub": "repo:acme/payments:environment:pypi",
            "repository": "acme/renamed",
            "repository_id": "123",
            "repository_owner_id": "42",
            "workflow_ref": "acme/renamed/.github/workflows/release.yml@refs/tags/v1",
            "environment": "pypi",
            "ref": "refs/tags/v1",
        },
        [
            {"iss": "https://gitlab.com"},
            {"iss": "https://token.actions.githubusercontent.com/"},
            {"repository_id": "124"},
            {"repository_owner_id": "43"},
            {"workflow_ref": "acme/payments/.github/workflows/test.yml@refs/tags/v1"},
            {"workflow_ref": "acme/payments/.github/workflows/x-release.yml@refs/tags/v1"},
            {"workflow_ref": "acme/payments/.github/workflows/test.yml@refs/heads/.github/workflows/release.yml@x"},
            {"workflow_ref": "acme/payments/.github/workflows/release_yml@refs/tags/v1"},
            {"environment": "test"},
            {"ref": "refs/heads/v1"},
        ],
    ),
    "gitlab": (
        (
            '{provider: gitlab, project: acme/payments, project_id: "22", namespace_id: "7", '
            "ci_config: .gitlab-ci.yml, environment: release, ref_protected: true, issuer: 'https://gitlab.acme.example'}"
        ),
        {
            "iss": "https://gitlab.acme.example",
            "project_path": "acme/payments",
            "project_id": "22",
            "job_project_id": "22",
            "namespace_id": 7,
            "ci_config_ref_uri": "gitlab.acme.example/acme/payments//.gitlab-ci.yml@refs/heads/main",
            "environment": "release",
            "ref_protected": "true",
        },
        [
            {"iss": "https://gitlab.example"},
            {"project_id": "23"},
            {"job_project_id": "23"},
            {"namespace_id": "8"},
            {"ci_config_ref_uri": "gitlab.acme.example/acme/other//.gitlab-ci.yml@refs/heads/main"},
            {"ci_config_ref_uri": "gitlab.com/acme/payments//.gitlab-ci.yml@refs/heads/main"},
            {"ci_config_ref_uri": "gitlab.acme.example/acme/payments//ci/.gitlab-ci.yml@refs/heads/main"},
            {"ref_protected": "false"},
            {"ref_protected": False},
            {"environment": "test"},
        ],
    ),
    "bitbucket": (
        (
            f'{{provider: bitbucket, workspace_uuid: "{UUID}", repository_uuid: "{UUID}", '
            f'deployment_environment_uuid: "{UUID}", branch: release/*}}'
        ),
        {
            "iss": BITBUCKET,
            "workspaceUuid": UUID.upper(),
            "repositoryUuid": UUID,
            "deploymentEnvironmentUuid": UUID.strip("{}"),
            "branchName": "release/1",
        },
        [
            {"iss": BITBUCKET.replace("acme", "evil")},
            {"workspaceUuid": UUID.replace("a}", "b}")},
            {"repositoryUuid": UUID.replace("a}", "b}")},
            {"deploymentEnvironmentUuid": ""},
            {"branchName": "main"},
        ],
    ),
    "buildkite": (
        (
            "{provider: buildkite, organization: acme, pipeline: p, organization_id: 0a-1b, pipeline_id: 7f-8c, "
            "branch: main, tag: 'v?'}"
        ),
        {
            "iss": "https://agent.buildkite.com",
            "organization_slug": "renamed",
            "organization_id": "0a-1b",
            "pipeline_id": "7f-8c",
            "build_branch": "main",
            "build_tag": "v1",
        },
        [{"organization_id": "0"}, {"pipeline_id": "7"}, {"build_branch": "main2"}, {"build_tag": "v12"}],
    ),
    "circleci": (
        "{provider: circleci, organization_id: 0a-1b, project_id: 7f-8c}",
        {
            "iss": "https://oidc.circleci.com",
            "oidc.circleci.com/org-id": "0a-1b",
            "oidc.circleci.com/project-id": "7f-8c",
        },
        [
            {"oidc.circleci.com/org-id": "1"},
            {"oidc.circleci.com/project-id": "1"},
            {"oidc.circleci.com/ssh-rerun": True},
            {"oidc.circleci.com/ssh-rerun": "true"},
        ],
    ),
    "jenkins": (
        "{provider: jenkins, issuer: 'https://ci.acme.example/oidc', job: 'https://ci.acme.example/job/a/'}",
        {"iss": "https://ci.acme.example/oidc", "sub": "https://ci.acme.example/job/a/"},
        [{"iss": "https://ci.example/oidc"}, {"sub": "https://ci.acme.example/job/a/b/"}],
    ),
    "any issuer": (
        (
            "{issuer: 'https://builds.acme.example', claims: {pipeline: {in: [a, b]}, branch: {matches: 'release/*', "
            "not_equals: release/test}, number: 7, trusted: true, kind: {not_in: [fork]}}}"
        ),
        {
            "iss": "https://builds.acme.example",
            "pipeline": "a",
            "branch": "release/1",
            "number": 7,
            "trusted": True,
            "kind": "push",
        },
        [
            {"iss": "https://builds.example"},
            {"pipeline": "c"},
            {"branch": "release/test"},
            {"branch": "main"},
            {"branch": 7},
            {"number": "7"},
            {"number": True},
            {"trusted": 1},
            {"trusted": "true"},
            {"kind": "fork"},
        ],
    ),
}
NEVER_NEEDED = {"sub", "repository", "job_project_id", "organization_slug"}


def publisher(text: str) -> Any:
    (found,) = parse.project_file(f"publishers:\n- {text}\n".encode(), "p.yaml", "p").publishers
    return found


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_token_fits_by_what_cannot_change_hands(provider: str) -> None:
    text, claims, _ = PROVIDERS[provider]
    assert fit(publisher(text), claims, ORGANIZATION).good


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_other_claim_is_another_pipeline(provider: str) -> None:
    text, claims, others = PROVIDERS[provider]
    for other in others:
        found = fit(publisher(text), {**claims, **other}, ORGANIZATION)
        assert not found.possible, other
        assert set(other) & set(found.failed) or "iss" in other, other


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_claim_that_is_not_there_never_matches_and_could_be_anything(provider: str) -> None:
    text, claims, _ = PROVIDERS[provider]
    for name in set(claims) - (NEVER_NEEDED if provider != "jenkins" else set()):
        found = fit(publisher(text), {k: v for k, v in claims.items() if k != name}, ORGANIZATION)
        assert found.absent == (name,)
        assert found.possible
        assert not found.good


def test_a_known_provider_may_narrow_itself_by_claims() -> None:
    text, claims, _ = PROVIDERS["github"]
    narrowed = publisher(text.replace("ref: refs/tags/v*", "claims: {runner_environment: github-hosted}"))
    assert fit(narrowed, {**claims, "runner_environment": "github-hosted"}, ORGANIZATION).good
    assert not fit(narrowed, {**claims, "runner_environment": "self-hosted"}, ORGANIZATION).good
    assert not fit(narrowed, claims, ORGANIZATION).good


def test_an_issuer_that_the_organization_does_not_accept_fits_nobody() -> None:
    closed = parse.organization(b"organization: acme\n", "waybill.yaml")
    for text, claims, _ in PROVIDERS.values():
        assert not fit(publisher(text), claims, closed).possible


def test_brackets_in_a_pattern_stand_for_themselves() -> None:
    found = publisher("{issuer: 'https://builds.acme.example', claims: {branch: {matches: 'a[bc]*'}}}")
    claims = {"iss": "https://builds.acme.example"}
    assert fit(found, {**claims, "branch": "a[bc]d"}, ORGANIZATION).good
    assert not fit(found, {**claims, "branch": "ab"}, ORGANIZATION).good


def test_not_asking_for_a_protected_ref_is_not_asking_for_another() -> None:
    text, claims, _ = PROVIDERS["gitlab"]
    found = publisher(text.replace("ref_protected: true", "ref_protected: false"))
    assert fit(found, claims, ORGANIZATION).good
    assert fit(found, {**claims, "ref_protected": "false"}, ORGANIZATION).good


def test_the_issuers_of_a_provider_are_its_own_unless_the_policy_names_others() -> None:
    assert accepted(ORGANIZATION, "github") == ("https://token.actions.githubusercontent.com",)
    assert accepted(ORGANIZATION, "gitlab") == ("https://gitlab.com", "https://gitlab.acme.example")
    assert accepted(ORGANIZATION, "bitbucket") == (BITBUCKET,)
    assert accepted(parse.organization(b"organization: a\nissuers: {github: false}\n", "waybill.yaml"), "github") == ()
