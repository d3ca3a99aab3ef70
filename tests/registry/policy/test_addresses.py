"""Addresses of other systems: which registry they mean, and that they never mean two."""

import pytest

from registry.errors import Forbidden, NotFound
from registry.policy.addresses import addresses, default_registry
from registry.policy.difference import difference
from registry.policy.judge.references import dangling
from registry.policy.known_as import System
from tests.policies import BROKEN, OTHER, REGISTRY, policy

KNOWN = """\
projects: open
known_as:
  bitbucket: [acme-ws, second-ws]
  buildkite: acme/my-python-packages
  gitlab:
    - {id: "123", path: acme/deep/payments, groups: ["42", "7"]}
    - {id: "124", path: other/tools}
  artifact_keeper: pypi-local
"""


@pytest.mark.parametrize(
    ("system", "address"),
    [
        (System.BITBUCKET, "acme-ws"),
        (System.BITBUCKET, "second-ws"),
        (System.BUILDKITE, "acme/my-python-packages"),
        (System.GITLAB, "123"),
        (System.GITLAB, "acme/deep/payments"),
        (System.GITLAB, "124"),
        (System.ARTIFACT_KEEPER, "pypi-local"),
    ],
)
def test_an_address_in_known_as_means_the_registry_whose_file_says_it(system: System, address: str) -> None:
    assert addresses(policy({REGISTRY: KNOWN})).find(system, address) == "python"


@pytest.mark.parametrize(
    ("system", "address"),
    [
        (System.BITBUCKET, "rust"),
        (System.BUILDKITE, "acme/rust"),
        (System.GITLAB, "rust"),
        (System.GITLAB, "acme/rust"),
        (System.ARTIFACT_KEEPER, "rust"),
    ],
)
def test_the_name_of_a_registry_is_its_address_in_every_system(system: System, address: str) -> None:
    assert addresses(policy({REGISTRY: KNOWN})).find(system, address) == "rust"


def test_an_address_of_one_system_means_nothing_in_another() -> None:
    with pytest.raises(NotFound, match="bitbucket address 'pypi-local'"):
        addresses(policy({REGISTRY: KNOWN})).find(System.BITBUCKET, "pypi-local")


@pytest.mark.parametrize(
    ("group", "below"),
    [("42", ["python"]), ("acme", ["python", "rust"]), ("acme/deep", ["python"]), ("other", ["python"])],
)
def test_a_group_is_what_its_id_or_the_beginning_of_a_path_says(group: str, below: list[str]) -> None:
    assert addresses(policy({REGISTRY: KNOWN})).below(group) == below


@pytest.mark.parametrize("group", ["acm", "123", "deep", "acme/deep/payments", ""])
def test_what_only_looks_like_a_group_has_no_registries(group: str) -> None:
    with pytest.raises(NotFound):
        addresses(policy({REGISTRY: KNOWN})).below(group)


@pytest.mark.parametrize(
    ("other", "line", "taken"),
    [
        ("bitbucket: acme-ws", 2, "bitbucket: 'acme-ws' is taken by registries/python/registry.yaml:3"),
        ("bitbucket: python", 2, "bitbucket: 'python' is taken by the name of registry 'python'"),
        ("gitlab: [{id: '124'}]", 2, "gitlab: '124' is taken by registries/python/registry.yaml:7"),
        ("gitlab: [{path: acme/python}]", 2, "gitlab: 'acme/python' is taken by the name of registry 'python'"),
    ],
)
def test_an_address_that_two_registries_claim_is_a_problem_with_its_line(other: str, line: int, taken: str) -> None:
    both = policy({REGISTRY: KNOWN, OTHER: f"known_as:\n  {other}\n"})
    found = [problem for problem in dangling(both) if problem.file == OTHER]
    assert [(problem.line, problem.text) for problem in found] == [
        (line, f"known_as: {taken}; an address means one registry")
    ]


def test_an_address_that_two_registries_claim_all_the_same_means_neither() -> None:
    both = policy({REGISTRY: KNOWN, OTHER: "known_as: {bitbucket: acme-ws}\n"})
    with pytest.raises(Forbidden, match=r"python/registry.yaml:3 and registries/rust/registry.yaml:1 both claim"):
        addresses(both).find(System.BITBUCKET, "acme-ws")


def test_several_registries_may_be_below_one_group() -> None:
    both = policy({REGISTRY: KNOWN, OTHER: "known_as: {gitlab: [{id: '9', groups: ['42']}]}\n"})
    assert addresses(both).below("42") == ["python", "rust"]
    assert list(dangling(both)) == []


def test_while_a_file_cannot_be_read_no_address_is_said_to_be_free_nor_to_be_what_another_file_claims() -> None:
    broken = addresses(policy({REGISTRY: KNOWN, OTHER: BROKEN}))
    for ask in (
        lambda: broken.find(System.BITBUCKET, "unknown"),
        lambda: broken.find(System.BITBUCKET, "acme-ws"),
        lambda: broken.find(System.GITLAB, "123"),
        lambda: broken.below("acme"),
    ):
        with pytest.raises(Forbidden, match=r"registries/rust/registry\.yaml:2"):
            ask()


def test_while_a_file_cannot_be_read_other_registries_have_their_own_names_all_the_same() -> None:
    broken = addresses(policy({REGISTRY: f"{KNOWN}  # and its own\n".replace("acme-ws", "python"), OTHER: BROKEN}))
    for system, address in ((System.BITBUCKET, "python"), (System.GITLAB, "acme/python")):
        assert broken.find(system, address) == "python"
    with pytest.raises(Forbidden, match=r"registries/rust/registry\.yaml:2"):
        broken.find(System.BITBUCKET, "rust")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("bitbucket: simple", "'simple' is reserved"),
        ("bitbucket: a/b", "not the slug of a workspace"),
        ("buildkite: acme", "not organization/registry"),
        ("gitlab: [{id: 12x}]", "not a number in quotes"),
        ("gitlab: [{path: payments}]", "not a path like acme/payments"),
        ("github: acme", "unknown key 'github'"),
        ("artifact_keeper: []", "write at least 1"),
    ],
)
def test_what_cannot_be_an_address_is_a_problem_of_the_file(said: str, fault: str) -> None:
    found = policy({REGISTRY: f"known_as:\n  {said}\n"}).problems()
    assert [(problem.file, problem.line) for problem in found] == [(REGISTRY, 2)]
    assert fault in found[0].text


def test_a_change_of_addresses_is_said_one_by_one() -> None:
    changed = KNOWN.replace("acme-ws, ", "").replace("acme/my-python-packages", "acme/python-packages")
    found = difference(policy({REGISTRY: KNOWN}), policy({REGISTRY: changed})).altered
    assert [(shift.what, shift.before, shift.after) for shift in found] == [
        ("registry python: known_as", "bitbucket acme-ws", None),
        ("registry python: known_as", "buildkite acme/my-python-packages", None),
        ("registry python: known_as", None, "buildkite acme/python-packages"),
    ]


def test_a_registry_that_comes_below_a_group_is_said_to_join_it_and_one_that_goes_to_leave_it() -> None:
    outside, inside = (
        policy({}),
        policy({REGISTRY: "projects: open\nknown_as: {gitlab: [{id: '1', groups: ['42']}]}\n"}),
    )
    by_path = policy({REGISTRY: "projects: open\nknown_as: {gitlab: [{path: acme/deep/payments}]}\n"})
    for before, after, said in (
        (outside, inside, [(": known_as", None, "gitlab 1"), (": GitLab group 42", None, "joins it")]),
        (inside, outside, [(": known_as", "gitlab 1", None), (": GitLab group 42", "is below it", "leaves it")]),
        (
            outside,  # it is below the group of the organization by its own name
            by_path,
            [(": known_as", None, "gitlab acme/deep/payments"), (": GitLab group acme/deep", None, "joins it")],
        ),
    ):
        found = [(shift.what, shift.before, shift.after) for shift in difference(before, after).altered]
        assert found == [(f"registry python{what}", was, now) for what, was, now in said]


def test_the_default_registry_is_what_waybill_yaml_names_and_must_exist() -> None:
    named = policy({"waybill.yaml": "organization: acme\ndefault_registry: rust\n"})
    assert default_registry(named) == "rust"
    with pytest.raises(NotFound, match=r"waybill\.yaml has no default_registry"):
        default_registry(policy({}))
    lost = policy({"waybill.yaml": "organization: acme\ndefault_registry: gone\n"})
    assert [str(p) for p in dangling(lost)] == [
        "waybill.yaml:2: the registry it names does not exist; add registries/gone/registry.yaml, or name another"
    ]
    assert [(s.what, s.before, s.after) for s in difference(policy({}), named).altered] == [
        ("default_registry", None, "rust")
    ]
