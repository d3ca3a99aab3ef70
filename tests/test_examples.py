"""The examples are read by people and editors; they must be true."""

from pathlib import Path

import pytest

from registry.policy.judge import Judgement, judge
from registry.policy.policy import Policy
from tests.policies import NOW, Folder, allowed_by, refusal

EXAMPLES = Path(__file__).parent.parent / "examples"


def example_policy() -> Policy:
    root = EXAMPLES / "policy"
    return Policy(Folder({str(p.relative_to(root)): p.read_text() for p in root.rglob("*.yaml")}))


def changed(file: str, old: str, new: str) -> Judgement:
    """Judge a change of one line of the example, which alice proposes."""
    root = EXAMPLES / "policy"
    texts = {str(p.relative_to(root)): p.read_text() for p in root.rglob("*.yaml")}
    assert old in texts[file]
    after = {**texts, file: texts[file].replace(old, new)}
    return judge(Policy(Folder(texts, "b" * 40)), Policy(Folder(after, "a" * 40)), "alice", [], NOW)


def test_the_example_policy_has_no_problems() -> None:
    assert example_policy().problems() == []


def test_the_example_policy_decides_as_its_comments_say() -> None:
    policy = example_policy()
    assert allowed_by(policy, "bob", "yank", "payments-client") == "repositories/acme-payments.yaml#grants/0"
    assert allowed_by(policy, "deploy-bot", "publish", "payments-client").endswith("payments-client.yaml#grants/0")
    assert "protected" in refusal(policy, "alice", "publish", "payments-api")
    assert "disabled" in refusal(policy, "dora", "read", "payments-api")
    assert "payments-new.yaml does not exist" in refusal(policy, "alice", "publish", "payments-new")


API = "registries/python/projects/payments-api.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "case"),
    [
        (API, "    ref: refs/tags/v*", "    #", "cases/payments.yaml:3"),
        (API, "release.yml", "deploy.yml", "cases/payments.yaml:7"),
        ("teams/platform.yaml", "[alice, carol]", "[alice, carol, bob]", "cases/payments.yaml:16"),
        ("registries/python/registry.yaml", "visibility: private", "visibility: public", "cases/payments.yaml:19"),
    ],
)
def test_every_case_of_the_example_stops_the_change_it_is_there_for(file: str, old: str, new: str, case: str) -> None:
    assert {str(problem).rpartition(": the case")[0] for problem in changed(file, old, new).problems} == {case}
    assert not changed(file, old, old + " ").refused
