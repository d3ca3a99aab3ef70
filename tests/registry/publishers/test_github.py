"""GitHub's identity tokens, one set of claims per situation, each with the verdict a person would give."""

import pytest

from registry.publishers import github
from tests.claim_sets import GITHUB, Values, changed, fits_what_it_prints, fitted

OURS = 'provider: github, repository: acme/payments, repository_id: "123456", owner_id: "42", workflow: release.yml'
SHARED = "acme/shared/.github/workflows/publish.yml@refs/heads/main"
FILE = "/.github/workflows/"

# Situation, what the statement adds, what the token says differently, the claims that do not fit.
SITUATIONS: list[tuple[str, str, Values, tuple[str, ...]]] = [
    ("a tag is pushed", "", {}, ()),
    ("sub has names only, as before July 2026", "", {"sub": "repo:acme/payments:ref:refs/tags/v1.4.0"}, ()),
    ("sub follows a template of the organization", "", {"sub": "anything at all"}, ()),
    ("somebody else's token has our sub", "", {"repository_id": "999", "repository_owner_id": "77"},
     ("repository_id", "repository_owner_id")),
    ("the repository was renamed", "",
     {"repository": "acme/billing", "workflow_ref": f"acme/billing{FILE}release.yml@refs/tags/v1",
      "job_workflow_ref": f"acme/billing{FILE}release.yml@refs/tags/v1"}, ()),
    ("it was moved to another owner", "", {"repository_owner_id": "43"}, ("repository_owner_id",)),
    ("its name was registered again", "", {"repository_id": "987654"}, ("repository_id",)),
    ("its owner's name was registered again", "", {"repository_id": "987654", "repository_owner_id": "66"},
     ("repository_id", "repository_owner_id")),
    ("the ids come as numbers", "", {"repository_id": 123456, "repository_owner_id": 42}, ()),
    ("an id is the beginning of ours", "", {"repository_id": "12345"}, ("repository_id",)),
    ("an id has zeros before it", "", {"repository_id": "0123456"}, ("repository_id",)),
    ("there is no id", "", {"repository_id": None}, ("repository_id",)),
    ("another workflow of the same repository", "",
     {"workflow_ref": f"acme/payments{FILE}ci.yml@refs/heads/main",
      "job_workflow_ref": f"acme/payments{FILE}ci.yml@refs/heads/main"}, ("workflow_ref",)),
    ("another workflow calls ours as a reusable one", "",
     {"workflow_ref": f"acme/payments{FILE}ci.yml@refs/heads/main"}, ("workflow_ref",)),
    ("a workflow of the same name elsewhere, required by the organization", "",
     {"workflow_ref": f"acme/rules{FILE}release.yml@refs/heads/main"}, ("workflow_ref",)),
    ("a file whose name only begins like ours", "",
     {"workflow_ref": f"acme/payments{FILE}release.yml@x.yml@refs/heads/main"}, ("workflow_ref",)),
    ("a file in a folder that ends like ours", "",
     {"workflow_ref": f"acme/payments/x{FILE}release.yml@refs/heads/main"}, ("workflow_ref",)),
    ("ours calls a reusable workflow of the same repository", "",
     {"job_workflow_ref": f"acme/payments{FILE}publish.yml@refs/tags/v1"}, ()),
    ("ours calls a reusable workflow of another repository", "", {"job_workflow_ref": SHARED}, ("job_workflow_ref",)),
    ("the same, and the statement names it",
     f'claims: {{job_workflow_ref: {{matches: "acme/shared{FILE}publish.yml@*"}}}}', {"job_workflow_ref": SHARED}, ()),
    ("the same, and another one is called",
     f'claims: {{job_workflow_ref: {{matches: "acme/shared{FILE}publish.yml@*"}}}}',
     {"job_workflow_ref": f"evil/shared{FILE}publish.yml@refs/heads/main"}, ("job_workflow_ref",)),
    ("the environment asked for", "environment: pypi", {}, ()),
    ("the same in other capitals", "environment: PyPI", {}, ()),
    ("another environment", "environment: pypi", {"environment": "staging"}, ("environment",)),
    ("one whose name folds to it", "environment: release", {"environment": "relea\u017fe"}, ("environment",)),
    ("one whose name has a Kelvin sign", "environment: kube", {"environment": "\u212aube"}, ("environment",)),
    ("no environment", "environment: pypi", {"environment": None}, ("environment",)),
    ("an empty environment", "environment: pypi", {"environment": ""}, ("environment",)),
    ("a tag that fits", "ref: refs/tags/v*", {}, ()),
    ("a branch called like a tag", "ref: refs/tags/v*", {"ref": "refs/heads/v1.4.0"}, ("ref",)),
    ("a branch where a tag is asked for", "ref: refs/tags/v*", {"ref": "refs/heads/main"}, ("ref",)),
    ("the branch asked for", "ref: refs/heads/main", {"ref": "refs/heads/main"}, ()),
    ("a branch that begins like it", "ref: refs/heads/main", {"ref": "refs/heads/main2"}, ("ref",)),
    ("a pull request, and the statement only refuses another event",
     "claims: {event_name: {not_equals: workflow_dispatch}}", {"event_name": "pull_request"}, ("event_name",)),
    ("a pull request, and the statement names it", "claims: {event_name: {in: [push, pull_request]}}",
     {"event_name": "pull_request"}, ()),
    ("somebody edits the wiki", "", {"event_name": "gollum"}, ("event_name",)),
    ("a retried run", "", {"run_attempt": "2"}, ()),
    ("started by hand", "", {"event_name": "workflow_dispatch"}, ()),
    ("a release is published", "", {"event_name": "release"}, ()),
    ("a schedule", "", {"event_name": "schedule"}, ()),
    ("pull_request_target", "", {"event_name": "pull_request_target"}, ("event_name",)),
    ("pull_request_target, which the statement names", "claims: {event_name: pull_request_target}",
     {"event_name": "pull_request_target"}, ("event_name",)),
    ("a pull request", "", {"event_name": "pull_request", "ref": "refs/pull/7/merge"}, ("event_name",)),
    ("a pull request, which the statement names", "claims: {event_name: pull_request}",
     {"event_name": "pull_request", "ref": "refs/pull/7/merge"}, ()),
    ("after another workflow, perhaps a fork's", "", {"event_name": "workflow_run"}, ("event_name",)),
    ("a comment", "", {"event_name": "issue_comment"}, ("event_name",)),
    ("a runner of one's own, where the statement wants GitHub's", "claims: {runner_environment: github-hosted}",
     {"runner_environment": "self-hosted"}, ("runner_environment",)),
    ("an Enterprise server with the same ids", "", {"iss": "https://github.acme.example/_services/token"}, ("iss",)),
    ("an Enterprise server that the statement means", 'issuer: "https://github.acme.example/_services/token"',
     {"iss": "https://github.acme.example/_services/token"}, ()),
    ("github.com where the statement means a server of one's own",
     'issuer: "https://github.acme.example/_services/token"', {}, ("iss",)),
    ("an issuer that is not accepted", 'issuer: "https://evil.example"', {"iss": "https://evil.example"}, ("iss",)),
    ("GitLab's issuer", "", {"iss": "https://gitlab.com"}, ("iss",)),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "changes", "wrong"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_a_token_fits_exactly_when_the_reviewed_pipeline_runs(
    extra: str, changes: Values, wrong: tuple[str, ...]
) -> None:
    found = fitted(f"{OURS}, {extra}".rstrip(", "), GITHUB, changes)
    assert (*found.failed, *found.absent) == wrong


def test_the_general_form_cannot_get_around_what_is_always_refused() -> None:
    statement = 'issuer: "https://token.actions.githubusercontent.com", claims: {repository_id: "123456"}'
    assert fitted(statement, GITHUB, {}).good
    assert fitted(statement, GITHUB, {"event_name": "pull_request_target"}).failed == ("event_name",)


def test_the_refusal_says_which_claim_and_which_line() -> None:
    found = fitted(f"{OURS}, ref: refs/tags/v*", GITHUB, {"ref": "refs/heads/main"})
    assert [str(misfit) for misfit in found.misfits] == ["the token says ref 'refs/heads/main'; ref: refs/tags/v*"]
    assert found.related
    assert not fitted(OURS, GITHUB, {"repository_id": "1", "repository_owner_id": "2"}).related


def test_the_facts_are_what_the_claims_prove() -> None:
    assert github.facts(GITHUB) == {
        "Repository": "https://github.com/acme/payments",
        "Repository-Id": "github:123456",
        "Commit": "a" * 40,
        "Ref": "refs/tags/v1.4.0",
        "Pipeline": "https://github.com/acme/payments/actions/runs/77/attempts/1",
        "Workflow": "acme/payments/.github/workflows/release.yml@refs/tags/v1.4.0",
        "Environment": "pypi",
        "Actor": "github:ann",
    }


@pytest.mark.parametrize(
    ("issuer", "server"),
    [
        ("https://token.actions.githubusercontent.com/acme", "https://github.com"),
        ("https://github.acme.example/_services/token", "https://github.acme.example"),
        ("https://token.actions.acme.ghe.com", "https://acme.ghe.com"),
    ],
)
def test_repositories_are_where_their_server_is(issuer: str, server: str) -> None:
    assert github.facts({**GITHUB, "iss": issuer})["Repository"] == f"{server}/acme/payments"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"environment": None},
        {"environment": None, "ref": "refs/heads/main"},
        {"job_workflow_ref": SHARED},
        {"iss": "https://github.acme.example/_services/token"},
    ],
)
def test_the_statement_to_paste_trusts_exactly_this_pipeline(changes: Values) -> None:
    claims = changed(GITHUB, changes)
    assert fits_what_it_prints(github, claims, claims).good
    assert not fits_what_it_prints(github, {**claims, "repository_id": "1"}, claims).good
