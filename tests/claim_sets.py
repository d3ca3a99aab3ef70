"""Claims as each CI system writes them, and questions whether they fit a statement of a policy."""

from collections.abc import Mapping

from registry.policy.case import Claims
from registry.policy.claims import Fit, fit
from registry.policy.parse import organization, project_file
from registry.publishers.base import Provider, pasted

Values = Mapping[str, str | int | bool | None]

GITHUB: Claims = {
    "iss": "https://token.actions.githubusercontent.com",
    "sub": "repo:acme@42/payments@123456:environment:pypi",
    "repository": "acme/payments",
    "repository_id": "123456",
    "repository_owner": "acme",
    "repository_owner_id": "42",
    "repository_visibility": "private",
    "workflow_ref": "acme/payments/.github/workflows/release.yml@refs/tags/v1.4.0",
    "workflow_sha": "a" * 40,
    "job_workflow_ref": "acme/payments/.github/workflows/release.yml@refs/tags/v1.4.0",
    "job_workflow_sha": "a" * 40,
    "workflow": "release",
    "ref": "refs/tags/v1.4.0",
    "ref_type": "tag",
    "ref_protected": "true",
    "sha": "a" * 40,
    "environment": "pypi",
    "event_name": "push",
    "head_ref": "",
    "base_ref": "",
    "actor": "ann",
    "actor_id": "9",
    "run_id": "77",
    "run_number": "3",
    "run_attempt": "1",
    "runner_environment": "github-hosted",
    "check_run_id": "5555",
}
GITLAB: Claims = {
    "iss": "https://gitlab.com",
    "sub": "project_path:acme/payments:ref_type:tag:ref:v1.4.0",
    "namespace_id": "42",
    "namespace_path": "acme",
    "project_id": "123456",
    "project_path": "acme/payments",
    "job_project_id": "123456",
    "job_project_path": "acme/payments",
    "user_id": "9",
    "user_login": "ann",
    "user_email": "ann@acme.example",
    "pipeline_id": "77",
    "pipeline_source": "push",
    "job_id": "88",
    "ref": "v1.4.0",
    "ref_type": "tag",
    "ref_path": "refs/tags/v1.4.0",
    "ref_protected": "true",
    "runner_id": 1,
    "runner_environment": "gitlab-hosted",
    "sha": "a" * 40,
    "environment": "production",
    "environment_protected": "true",
    "deployment_tier": "production",
    "ci_config_ref_uri": "gitlab.com/acme/payments//.gitlab-ci.yml@refs/tags/v1.4.0",
    "ci_config_sha": "a" * 40,
}
WORKSPACE, REPOSITORY = "{0b2d6a52-90f5-4a4b-8b5a-3c9d5f1e7a10}", "{1c3e7b63-a106-4b5c-9c6b-4dae602f8b21}"
ENVIRONMENT = "{2d4f8c74-b217-4c6d-ad7c-5ebf713a9c32}"
BITBUCKET: Claims = {
    "iss": "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
    "sub": f"{REPOSITORY}:{{3e5a9d85-c328-4d7e-be8d-6fca824bad43}}",
    "workspaceUuid": WORKSPACE,
    "repositoryUuid": REPOSITORY,
    "pipelineUuid": "{4f6bae96-d439-4e8f-8f9e-70db935cbe54}",
    "pipelineRunUuid": "{5a7cbfa7-e54a-4f90-90af-81ecaa6dcf65}",
    "stepUuid": "{3e5a9d85-c328-4d7e-be8d-6fca824bad43}",
    "deploymentEnvironmentUuid": ENVIRONMENT,
    "branchName": "main",
}
BUILDKITE: Claims = {
    "iss": "https://agent.buildkite.com",
    "sub": "organization:acme:pipeline:payments:ref:refs/tags/v1.4.0:commit:" + "a" * 40 + ":step:publish",
    "organization_slug": "acme",
    "organization_id": "0a1b",
    "pipeline_slug": "payments",
    "pipeline_id": "7f",
    "build_number": 77,
    "build_branch": "v1.4.0",
    "build_tag": "v1.4.0",
    "build_commit": "a" * 40,
    "build_source": "webhook",
    "step_key": "publish",
    "job_id": "0190-job",
    "agent_id": "0190-agent",
    "runner_environment": "self-hosted",
}
ORGANIZATION, PROJECT = "6b8dd0b8-f65b-4aa1-81ba-92fdbb7ee076", "7c9ee1c9-a76c-4bb2-92cb-a3aecc8ff187"
_CIRCLE = "oidc.circleci.com/"
CIRCLECI: Claims = {
    "iss": "https://oidc.circleci.com",
    "sub": f"org/{ORGANIZATION}/project/{PROJECT}/user/8dafa2da-b87d-4cc3-a3dc-b4bfdd90a298",
    f"{_CIRCLE}org-id": ORGANIZATION,
    f"{_CIRCLE}project-id": PROJECT,
    f"{_CIRCLE}vcs-origin": "github.com/acme/payments",
    f"{_CIRCLE}vcs-ref": "refs/tags/v1.4.0",
    f"{_CIRCLE}pipeline-definition-id": "9ebab3eb-c98e-4dd4-b4ed-c5c0eea1b3a9",
    f"{_CIRCLE}ssh-rerun": False,
}
JENKINS: Claims = {
    "iss": "https://jenkins.acme.example/oidc",
    "sub": "https://jenkins.acme.example/job/payments/job/release/",
    "build_number": 77,
}
OTHER: Claims = {
    "iss": "https://ci.acme.example",
    "sub": "workload/payments",
    "tenant_id": 7,
    "branch": "main",
    "signed": True,
}

# The issuers that the policy of these tests accepts; nothing else.
ISSUERS = f"""\
organization: acme
issuers:
  github: ["https://token.actions.githubusercontent.com", "https://github.acme.example/_services/token"]
  gitlab: ["https://gitlab.com", "https://gitlab.acme.example"]
  bitbucket: {{workspace: acme, workspace_uuid: "{WORKSPACE}"}}
  buildkite: true
  circleci: ["https://oidc.circleci.com", "https://oidc.circleci.com/org/{ORGANIZATION}"]
  jenkins: ["https://jenkins.acme.example/oidc"]
  other: ["https://ci.acme.example"]
"""


def fitted(statement: str, claims: Values, changes: Values) -> Fit:
    """Compare claims with a statement.

    Args:
        statement: of `publishers`, as flow YAML without braces.
        claims: to begin with.
        changes: what is different; None takes a claim away.
    """
    return _fit(f"publishers:\n- {{{statement}}}\n", changed(claims, changes))


def fits_what_it_prints(provider: Provider, claims: Claims, given: Claims) -> Fit:
    """Compare claims with the statement that a refusal of some claims prints."""
    return _fit(f"publishers:\n{pasted(provider.statement(given))}\n", claims)


def changed(claims: Values, changes: Values) -> Claims:
    """Change some claims; None takes one away."""
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def _fit(text: str, token: Claims) -> Fit:
    publishers = project_file(text.encode(), "p.yaml", "payments-api").publishers
    return fit(publishers[0], token, organization(ISSUERS.encode(), "waybill.yaml"))
