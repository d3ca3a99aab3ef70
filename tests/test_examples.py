"""The examples are read by people and editors; they must be true."""

from pathlib import Path

from registry.policy.policy import Policy
from tests.policies import Folder, allowed_by, refusal

EXAMPLES = Path(__file__).parent.parent / "examples"


def example_policy() -> Policy:
    root = EXAMPLES / "policy"
    return Policy(Folder({str(p.relative_to(root)): p.read_text() for p in root.rglob("*.yaml")}))


def test_the_example_policy_has_no_problems() -> None:
    assert example_policy().problems() == []


def test_the_example_policy_decides_as_its_comments_say() -> None:
    policy = example_policy()
    assert allowed_by(policy, "bob", "yank", "payments-client") == "repositories/acme-payments.yaml#grants/0"
    assert allowed_by(policy, "deploy-bot", "publish", "payments-client").endswith("payments-client.yaml#grants/0")
    assert "protected" in refusal(policy, "alice", "publish", "payments-api")
    assert "disabled" in refusal(policy, "dora", "read", "payments-api")
    assert "payments-new.yaml does not exist" in refusal(policy, "alice", "publish", "payments-new")
