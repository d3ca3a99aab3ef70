"""GitLab's identity tokens, one set of claims per situation, each with the verdict a person would give."""

import pytest

from registry.publishers import gitlab
from tests.claim_sets import GITLAB, Values, changed, fits_what_it_prints, fitted

OURS = 'provider: gitlab, project: acme/payments, project_id: "123456", namespace_id: "42", ci_config: .gitlab-ci.yml'

# Situation, what the statement adds, what the token says differently, the claims that do not fit.
SITUATIONS: list[tuple[str, str, Values, tuple[str, ...]]] = [
    ("a protected tag is pushed", "ref_protected: true", {}, ()),
    ("an unprotected branch", "ref_protected: true", {"ref_protected": "false"}, ("ref_protected",)),
    ("the truth value is no text", "ref_protected: true", {"ref_protected": True}, ()),
    ("an unprotected branch where none is asked for", "", {"ref_protected": "false"}, ()),
    ("an unprotected branch where the statement says false", "ref_protected: false", {"ref_protected": "false"}, ()),
    ("nothing is said of protection", "ref_protected: true", {"ref_protected": None}, ("ref_protected",)),
    ("an old GitLab, without job_project_id", "", {"job_project_id": None, "job_project_path": None}, ()),
    ("a fork's merge request runs in the project", "",
     {"project_id": "999", "project_path": "eve/payments", "namespace_id": "77",
      "pipeline_source": "merge_request_event",
      "ci_config_ref_uri": "gitlab.com/eve/payments//.gitlab-ci.yml@refs/heads/main"},
     ("project_id", "namespace_id", "job_project_id", "pipeline_source")),
    ("a fork's job under our project's name", "", {"job_project_id": "999"}, ("job_project_id",)),
    ("a merge request of the project itself", "", {"pipeline_source": "merge_request_event"}, ("pipeline_source",)),
    ("the same, and the statement names it", "claims: {pipeline_source: merge_request_event}",
     {"pipeline_source": "merge_request_event"}, ()),
    ("a fork's job, and the statement names merge requests", "claims: {pipeline_source: merge_request_event}",
     {"pipeline_source": "merge_request_event", "job_project_id": "999"}, ("job_project_id",)),
    ("a pull request from another forge", "", {"pipeline_source": "external_pull_request_event"}, ("pipeline_source",)),
    ("started by hand", "", {"pipeline_source": "web"}, ()),
    ("a schedule", "", {"pipeline_source": "schedule"}, ()),
    ("the project was renamed", "",
     {"project_path": "acme/billing", "ci_config_ref_uri": "gitlab.com/acme/billing//.gitlab-ci.yml@refs/tags/v1"}, ()),
    ("its path was registered again", "", {"project_id": "987654", "job_project_id": "987654"}, ("project_id",)),
    ("the group's path was registered again", "", {"namespace_id": "66"}, ("namespace_id",)),
    ("it was moved to another group", "", {"namespace_id": "43"}, ("namespace_id",)),
    ("a project in a subgroup", "",
     {"project_path": "acme/a/b/payments",
      "ci_config_ref_uri": "gitlab.com/acme/a/b/payments//.gitlab-ci.yml@refs/tags/v1"}, ()),
    ("another pipeline file", "", {"ci_config_ref_uri": "gitlab.com/acme/payments//ci/other.yml@refs/tags/v1"},
     ("ci_config_ref_uri",)),
    ("a pipeline file of another project", "",
     {"ci_config_ref_uri": "gitlab.com/eve/x//.gitlab-ci.yml@refs/heads/main"},
     ("ci_config_ref_uri",)),
    ("a pipeline file in a folder of the same name", "",
     {"ci_config_ref_uri": "gitlab.com/acme/payments//x/.gitlab-ci.yml@refs/tags/v1"}, ("ci_config_ref_uri",)),
    ("the pipeline file comes from elsewhere", "", {"ci_config_ref_uri": None}, ("ci_config_ref_uri",)),
    ("the pipeline file at a commit", "", {"ci_config_ref_uri": "gitlab.com/acme/payments//.gitlab-ci.yml@" + "a" * 40},
     ()),
    ("the environment asked for", "environment: production", {}, ()),
    ("another environment", "environment: production", {"environment": "staging"}, ("environment",)),
    ("an environment in other capitals", "environment: production", {"environment": "Production"}, ("environment",)),
    ("no environment", "environment: production", {"environment": None}, ("environment",)),
    ("an environment that anybody may deploy to", "claims: {environment_protected: {equals: 'true'}}",
     {"environment_protected": "false"}, ("environment_protected",)),
    ("a server of one's own with the same ids", "",
     {"iss": "https://gitlab.acme.example",
      "ci_config_ref_uri": "gitlab.acme.example/acme/payments//.gitlab-ci.yml@refs/tags/v1"}, ("iss",)),
    ("a server of one's own that the statement means", 'issuer: "https://gitlab.acme.example"',
     {"iss": "https://gitlab.acme.example",
      "ci_config_ref_uri": "gitlab.acme.example/acme/payments//.gitlab-ci.yml@refs/tags/v1"}, ()),
    ("gitlab.com where a server of one's own is meant", 'issuer: "https://gitlab.acme.example"', {}, ("iss",)),
    ("the issuer with a slash behind it", "", {"iss": "https://gitlab.com/"}, ("iss", "ci_config_ref_uri")),
    ("the numbers are numbers", "", {"project_id": 123456, "namespace_id": 42, "job_project_id": 123456}, ()),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "changes", "wrong"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_a_token_fits_exactly_when_the_reviewed_pipeline_runs(
    extra: str, changes: Values, wrong: tuple[str, ...]
) -> None:
    found = fitted(f"{OURS}, {extra}".rstrip(", "), GITLAB, changes)
    assert (*found.failed, *found.absent) == wrong


def test_the_facts_are_what_the_claims_prove_and_hold_no_address_of_a_person() -> None:
    assert gitlab.facts(GITLAB) == {
        "Repository": "https://gitlab.com/acme/payments",
        "Repository-Id": "gitlab:123456",
        "Commit": "a" * 40,
        "Ref": "refs/tags/v1.4.0",
        "Pipeline": "https://gitlab.com/acme/payments/-/pipelines/77",
        "Workflow": "gitlab.com/acme/payments//.gitlab-ci.yml@refs/tags/v1.4.0",
        "Environment": "production",
        "Actor": "gitlab:ann",
    }


@pytest.mark.parametrize("changes", [{}, {"environment": None}, {"ref_protected": "false"}])
def test_the_statement_to_paste_trusts_exactly_this_pipeline(changes: Values) -> None:
    claims = changed(GITLAB, changes)
    assert fits_what_it_prints(gitlab, claims, claims).good
    assert not fits_what_it_prints(gitlab, {**claims, "project_id": "1", "job_project_id": "1"}, claims).good
