"""CircleCI's identity tokens, one set of claims per situation, each with the verdict a person would give."""

import pytest

from registry.publishers import circleci
from tests.claim_sets import CIRCLECI, ORGANIZATION, PROJECT, Values, changed, fits_what_it_prints, fitted

OURS = f"provider: circleci, organization_id: {ORGANIZATION}, project_id: {PROJECT}"
OWN = f"https://oidc.circleci.com/org/{ORGANIZATION}"
OTHER = "99999999-a76c-4bb2-92cb-a3aecc8ff187"
C = "oidc.circleci.com/"

# Situation, what the statement adds, what the token says differently, the claims that do not fit.
SITUATIONS: list[tuple[str, str, Values, tuple[str, ...]]] = [
    ("the job runs", "", {}, ()),
    ("the organization's own issuer", "", {"iss": OWN, f"{C}org-id": None}, ()),
    ("the organization's own issuer, and it says so", "", {"iss": OWN}, ()),
    ("another organization's issuer", "",
     {"iss": f"https://oidc.circleci.com/org/{OTHER}", f"{C}org-id": None}, ("iss",)),
    ("another organization", "", {f"{C}org-id": OTHER}, (f"{C}org-id",)),
    ("the root issuer says no organization", "", {f"{C}org-id": None}, (f"{C}org-id",)),
    ("another project", "", {f"{C}project-id": OTHER}, (f"{C}project-id",)),
    ("no project", "", {f"{C}project-id": None}, (f"{C}project-id",)),
    ("a job rerun with a shell", "", {f"{C}ssh-rerun": True}, (f"{C}ssh-rerun",)),
    ("the same, as text", "", {f"{C}ssh-rerun": "true"}, (f"{C}ssh-rerun",)),
    ("nothing is said of a shell", "", {f"{C}ssh-rerun": None}, ()),
    ("a fork's build, where the origin is asked for",
     "claims: {oidc.circleci.com/vcs-origin: github.com/acme/payments}",
     {f"{C}vcs-origin": "github.com/eve/payments"}, (f"{C}vcs-origin",)),
    ("a tag that fits", "claims: {oidc.circleci.com/vcs-ref: {matches: refs/tags/*}}", {}, ()),
    ("a branch where a tag is asked for", "claims: {oidc.circleci.com/vcs-ref: {matches: refs/tags/*}}",
     {f"{C}vcs-ref": "refs/heads/main"}, (f"{C}vcs-ref",)),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "changes", "wrong"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_a_token_fits_exactly_when_the_reviewed_pipeline_runs(
    extra: str, changes: Values, wrong: tuple[str, ...]
) -> None:
    found = fitted(f"{OURS}, {extra}".rstrip(", "), CIRCLECI, changes)
    assert (*found.failed, *found.absent) == wrong


def test_the_facts_are_what_the_claims_prove() -> None:
    assert circleci.facts({**CIRCLECI, f"{C}workflow-id": "w-1"}) == {
        "Repository": "https://github.com/acme/payments",
        "Repository-Id": f"circleci:{PROJECT}",
        "Ref": "refs/tags/v1.4.0",
        "Pipeline": "https://app.circleci.com/pipelines/workflows/w-1",
        "Workflow-Id": "circleci:9ebab3eb-c98e-4dd4-b4ed-c5c0eea1b3a9",
    }


@pytest.mark.parametrize(
    "changes", [{}, {"iss": OWN, f"{C}org-id": None}, {f"{C}vcs-origin": None, f"{C}vcs-ref": None}]
)
def test_the_statement_to_paste_trusts_exactly_this_pipeline(changes: Values) -> None:
    claims = changed(CIRCLECI, changes)
    assert fits_what_it_prints(circleci, claims, claims).good
    assert not fits_what_it_prints(circleci, {**claims, f"{C}project-id": OTHER}, claims).good
