"""Buildkite's identity tokens, one set of claims per situation, each with the verdict a person would give."""

import pytest

from registry.publishers import buildkite
from tests.claim_sets import BUILDKITE, Values, changed, fits_what_it_prints, fitted

OURS = "provider: buildkite, organization: acme, pipeline: payments, organization_id: 0a1b, pipeline_id: 7f"

# Situation, what the statement adds, what the token says differently, the claims that do not fit.
SITUATIONS: list[tuple[str, str, Values, tuple[str, ...]]] = [
    ("a tag is built", "tag: v*", {}, ()),
    ("the step did not ask for the ids", "", {"organization_id": None, "pipeline_id": None},
     ("organization_id", "pipeline_id")),
    ("another customer with our slugs", "", {"organization_id": "ffff"}, ("organization_id",)),
    ("another pipeline of the organization", "", {"pipeline_id": "8c"}, ("pipeline_id",)),
    ("the pipeline was renamed", "", {"pipeline_slug": "billing"}, ()),
    ("a branch where a tag is asked for", "tag: v*", {"build_tag": None, "build_branch": "main"}, ("build_tag",)),
    ("another tag", "tag: v*", {"build_tag": "nightly"}, ("build_tag",)),
    ("no tag", "tag: '*'", {"build_tag": None}, ("build_tag",)),
    ("an empty tag", "tag: '*'", {"build_tag": ""}, ("build_tag",)),
    ("the branch asked for", "branch: main", {"build_branch": "main"}, ()),
    ("another branch", "branch: main", {"build_branch": "feature/main"}, ("build_branch",)),
    ("a fork's branch, with its prefix", "branch: main", {"build_branch": "eve:main"}, ("build_branch",)),
    ("only builds that the forge set off", "claims: {build_source: webhook}", {}, ()),
    ("the same, and it was set off by hand", "claims: {build_source: webhook}", {"build_source": "ui"},
     ("build_source",)),
    ("a retried job", "", {"job_id": "0190-again"}, ()),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "changes", "wrong"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_a_token_fits_exactly_when_the_reviewed_pipeline_runs(
    extra: str, changes: Values, wrong: tuple[str, ...]
) -> None:
    found = fitted(f"{OURS}, {extra}".rstrip(", "), BUILDKITE, changes)
    assert (*found.failed, *found.absent) == wrong


def test_the_facts_are_what_the_claims_prove() -> None:
    assert buildkite.facts(BUILDKITE) == {
        "Commit": "a" * 40,
        "Ref": "refs/tags/v1.4.0",
        "Pipeline": "https://buildkite.com/acme/payments/builds/77",
        "Workflow": "https://buildkite.com/acme/payments",
        "Workflow-Id": "buildkite:7f",
    }


def test_head_is_no_commit() -> None:
    facts = buildkite.facts({**changed(BUILDKITE, {"build_tag": None}), "build_commit": "HEAD", "build_branch": "main"})
    assert "Commit" not in facts
    assert facts["Ref"] == "refs/heads/main"


@pytest.mark.parametrize("changes", [{}, {"build_tag": None, "build_branch": "main"}])
def test_the_statement_to_paste_trusts_exactly_this_pipeline(changes: Values) -> None:
    claims = changed(BUILDKITE, changes)
    assert fits_what_it_prints(buildkite, claims, claims).good
    assert not fits_what_it_prints(buildkite, {**claims, "pipeline_id": "1"}, claims).good
