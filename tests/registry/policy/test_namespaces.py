"""Names reserved by prefix: whose they are, what the file may say of them, and what a change of them means."""

import pytest

from registry.names import project_name
from registry.policy.content import Memory
from registry.policy.difference import Difference, difference
from registry.policy.files import BadFile
from registry.policy.judge.references import dangling
from registry.policy.namespaces import namespace_of
from registry.policy.policy import Policy
from tests.changes import START, verdict
from tests.policies import BASE, Folder

ORG = BASE["waybill.yaml"]


def policy(namespaces: str = "", **files: str) -> Policy:
    more = f"namespaces: {namespaces}\n" if namespaces else ""
    return Policy(Folder({**BASE, **files, "waybill.yaml": ORG + more}), Memory())


def compared(before: str, after: str) -> Difference:
    return difference(policy(before), policy(after))


@pytest.mark.parametrize(
    ("project", "prefix"),
    [
        ("acme", None),
        ("acme-pay", "acme-pay"),
        ("ACME.pay_api", "acme-pay"),
        ("acme-payroll", None),
        ("acme-pay-labs", "acme-pay-labs"),
        ("acme-pay-labs-x", "acme-pay-labs"),
        ("acme-pay-labsx", "acme-pay"),
    ],
)
def test_the_longest_prefix_that_ends_at_a_hyphen_counts(project: str, prefix: str | None) -> None:
    reserved = policy("[{prefix: acme-pay-labs, owners: [carol]}, {prefix: acme-pay, owners: [alice]}]")
    found = namespace_of(reserved, project_name(project))
    assert (found.prefix if found else None) == prefix


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("[{prefix: Acme, owners: [alice]}]", "'Acme' is not the beginning of normalised project names"),
        ("[{prefix: acme-, owners: [alice]}]", "'acme-' is not the beginning"),
        ("[{prefix: 'acme-*', owners: [alice]}]", "is not the beginning"),
        ("[{prefix: acme}]", "missing key 'owners'"),
        ("[{prefix: acme, owners: []}]", "write at least 1"),
        ("[{prefix: acme, owners: [everyone]}]", "'everyone' is not an account id"),
        ("[{prefix: a, owners: [alice]}, {prefix: a, owners: [carol]}]", "the prefix a is reserved twice"),
        ("{acme: alice}", "this is not a list"),
    ],
)
def test_what_reserves_nothing_is_refused_with_its_line(written: str, why: str) -> None:
    with pytest.raises(BadFile) as refused:
        policy(written).organization()
    assert why in str(refused.value)
    assert str(refused.value).startswith("waybill.yaml:")


def test_an_owner_who_does_not_exist_is_reported() -> None:
    texts = [str(problem) for problem in dangling(policy("[{prefix: acme, owners: [alice, mallory, team:none]}]"))]
    assert [text.partition(": ")[2][:20] for text in texts] == ["'mallory' is named, ", "'team:none' is named"]


@pytest.mark.parametrize(
    ("before", "after", "direction", "gainers"),
    [
        ("", "[{prefix: acme, owners: [alice]}]", "narrowed", set()),
        ("[{prefix: acme, owners: [alice]}]", "", "widened", set()),
        ("[{prefix: acme, owners: [alice]}]", "[{prefix: acme, owners: [alice, carol]}]", "widened", {"carol"}),
        ("[{prefix: acme, owners: [alice, carol]}]", "[{prefix: acme, owners: [alice]}]", "narrowed", set()),
        ("[{prefix: acme, owners: [alice]}]", "[{prefix: acme, owners: [carol]}]", "altered", {"carol"}),
        ("[{prefix: acme, owners: [carol]}]", "[{prefix: acme, owners: ['team:payments']}]", "altered", {"alice"}),
    ],
)
def test_a_change_of_a_reservation_has_a_direction_and_whoever_gets_one_gains(
    before: str, after: str, direction: str, gainers: set[str]
) -> None:
    found = compared(before, after)
    lists = {name: getattr(found, name) for name in ("widened", "narrowed", "altered")}
    [shift] = lists.pop(direction)
    assert shift.what == "namespaces: acme"
    assert not any(lists.values())
    assert found.gainers == gainers


def test_a_release_that_closes_sooner_is_narrower() -> None:
    def registry(days: str) -> Policy:
        return policy(**{"registries/python/registry.yaml": f"projects: open\n{days}"})

    for before, after, direction in (
        ("", "closes_after_days: 14\n", "narrowed"),
        ("closes_after_days: 14\n", "closes_after_days: 30\n", "widened"),
        ("closes_after_days: 14\n", "", "widened"),
    ):
        [shift] = getattr(difference(registry(before), registry(after)), direction)
        assert shift.what == "registry python: closes_after_days"


@pytest.mark.parametrize(("approver", "good"), [("olga", False), ("bob", True), ("alice", True)])
def test_the_file_of_a_new_project_below_a_prefix_is_for_the_prefix_s_owners_to_agree_to(
    approver: str, good: bool
) -> None:
    reserved = {"waybill.yaml": START["waybill.yaml"] + "namespaces: [{prefix: acme, owners: [bob]}]\n"}
    new = {"registries/python/projects/acme-api.yaml": "grants: [{role: publish, to: [carol]}]\n"}
    other = {"registries/python/projects/web.yaml": "grants: [{role: publish, to: [carol]}]\n"}
    assert verdict(new, "dan", [approver], reserved).good == good
    assert verdict(other, "dan", [approver], reserved).good == (approver != "bob")


def test_once_it_is_there_the_project_s_own_admins_agree_to_its_changes() -> None:
    path = "registries/python/projects/acme-api.yaml"
    reserved = {"waybill.yaml": START["waybill.yaml"] + "namespaces: [{prefix: acme, owners: [bob]}]\n"}
    assert verdict({path: "protected: true\n"}, "dan", ["olga"], {**reserved, path: "{}\n"}).good
