"""Any other issuer's tokens: the rules of `claims`, one by one."""

import pytest

from registry.publishers import general
from tests.claim_sets import OTHER, Values, changed, fits_what_it_prints, fitted

OURS = 'issuer: "https://ci.acme.example"'

# Situation, what the statement adds, what the token says differently, the claims that do not fit.
SITUATIONS: list[tuple[str, str, Values, tuple[str, ...]]] = [
    ("a text", "claims: {branch: main}", {}, ()),
    ("another text", "claims: {branch: main}", {"branch": "Main"}, ("branch",)),
    ("a number", "claims: {tenant_id: 7}", {}, ()),
    ("a number is no text", "claims: {tenant_id: 7}", {"tenant_id": "7"}, ("tenant_id",)),
    ("a text is no number", "claims: {tenant_id: '7'}", {}, ("tenant_id",)),
    ("true", "claims: {signed: true}", {}, ()),
    ("true is no number", "claims: {signed: true}", {"signed": 1}, ("signed",)),
    ("one is not true", "claims: {tenant_id: 1}", {"tenant_id": True}, ("tenant_id",)),
    ("a claim that is not there", "claims: {team: x}", {}, ("team",)),
    ("a claim that is not there is not unlike something", "claims: {team: {not_equals: x}}", {}, ("team",)),
    ("a claim that is not there is not outside something", "claims: {team: {not_in: [x]}}", {}, ("team",)),
    ("not equal", "claims: {branch: {not_equals: test}}", {}, ()),
    ("equal to what it must not be", "claims: {branch: {not_equals: main}}", {}, ("branch",)),
    ("a text where true is refused", "claims: {signed: {not_equals: true}}", {"signed": "true"}, ("signed",)),
    ("a text where its number is refused", "claims: {tenant_id: {not_in: [7, 8]}}", {"tenant_id": "7"}, ("tenant_id",)),
    ("another text than the number that is refused", "claims: {tenant_id: {not_in: [7, 8]}}", {"tenant_id": "9"}, ()),
    ("one of some", "claims: {branch: {in: [main, next]}}", {}, ()),
    ("none of some", "claims: {branch: {in: [stable, next]}}", {}, ("branch",)),
    ("outside", "claims: {branch: {not_in: [stable]}}", {}, ()),
    ("inside", "claims: {branch: {not_in: [main]}}", {}, ("branch",)),
    ("a pattern", "claims: {branch: {matches: release/*}}", {"branch": "release/a/b"}, ()),
    ("a pattern that does not fit", "claims: {branch: {matches: release/*}}", {}, ("branch",)),
    ("one of two patterns", "claims: {branch: {matches: [main, release/*]}}", {}, ()),
    ("a pattern fits nothing that is empty", "claims: {branch: {matches: '*'}}", {"branch": ""}, ("branch",)),
    ("a pattern fits no number", "claims: {tenant_id: {matches: '*'}}", {}, ("tenant_id",)),
    ("brackets mean themselves", "claims: {branch: {matches: '[m]ain'}}", {}, ("branch",)),
    ("patterns and an exception", "claims: {branch: {matches: release/*, not_equals: release/test}}",
     {"branch": "release/test"}, ("branch",)),
    ("two claims", "claims: {branch: main, tenant_id: 7}", {"tenant_id": 8}, ("tenant_id",)),
    ("an issuer that is accepted, but not this one", "claims: {branch: main}", {"iss": "https://gitlab.com"}, ("iss",)),
    ("an issuer that nobody accepts", "claims: {branch: main}", {"iss": "https://ci.acme.example/"}, ("iss",)),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "changes", "wrong"), [s[1:] for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_a_token_fits_exactly_when_the_reviewed_pipeline_runs(
    extra: str, changes: Values, wrong: tuple[str, ...]
) -> None:
    found = fitted(f"{OURS}, {extra}".rstrip(", "), OTHER, changes)
    assert (*found.failed, *found.absent) == wrong


def test_the_facts_are_the_subject_unless_it_is_the_address_of_a_person() -> None:
    assert general.facts(OTHER) == {"Subject": "workload/payments"}
    assert general.facts({**OTHER, "sub": "ann@acme.example"}) == {}


def test_the_statement_to_paste_trusts_exactly_this_subject() -> None:
    claims = changed(OTHER, {})
    assert fits_what_it_prints(general, claims, claims).good
    assert not fits_what_it_prints(general, {**claims, "sub": "x"}, claims).good
