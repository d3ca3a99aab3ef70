"""Jenkins' identity tokens, one set of claims per situation, each with the verdict a person would give."""

import pytest

from registry.publishers import jenkins
from tests.claim_sets import JENKINS, Values, changed, fits_what_it_prints, fitted

OURS = (
    'provider: jenkins, issuer: "https://jenkins.acme.example/oidc", '
    'job: "https://jenkins.acme.example/job/payments/job/release/"'
)

# Situation, what the statement adds, what the token says differently, the claims that do not fit.
SITUATIONS: list[tuple[str, str, Values, tuple[str, ...]]] = [
    ("the job runs", "", {}, ()),
    ("another job", "", {"sub": "https://jenkins.acme.example/job/payments/job/test/"}, ("sub",)),
    ("a job below ours", "", {"sub": "https://jenkins.acme.example/job/payments/job/release/job/x/"}, ("sub",)),
    ("the job without its slash", "", {"sub": "https://jenkins.acme.example/job/payments/job/release"}, ("sub",)),
    ("a folder's own issuer", "", {"iss": "https://jenkins.acme.example/job/payments/oidc"}, ("iss",)),
    ("the branch that a claim template adds", "claims: {branch: main}", {"branch": "main"}, ()),
    ("another branch", "claims: {branch: main}", {"branch": "feature"}, ("branch",)),
    ("the template was not set up", "claims: {branch: main}", {}, ("branch",)),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "changes", "wrong"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_a_token_fits_exactly_when_the_reviewed_pipeline_runs(
    extra: str, changes: Values, wrong: tuple[str, ...]
) -> None:
    found = fitted(f"{OURS}, {extra}".rstrip(", "), JENKINS, changes)
    assert (*found.failed, *found.absent) == wrong


def test_the_facts_are_what_the_claims_prove() -> None:
    assert jenkins.facts(JENKINS) == {
        "Pipeline": "https://jenkins.acme.example/job/payments/job/release/77/",
        "Workflow": "https://jenkins.acme.example/job/payments/job/release/",
    }


def test_the_statement_to_paste_trusts_exactly_this_pipeline() -> None:
    claims = changed(JENKINS, {})
    assert fits_what_it_prints(jenkins, claims, claims).good
    assert not fits_what_it_prints(jenkins, {**claims, "sub": "x"}, claims).good
