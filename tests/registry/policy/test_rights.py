"""Only those rights are weighed that may concern the one who asks; no verdict, and no reason, changes by it."""

from datetime import UTC, datetime
from itertools import product

import pytest

from registry.names import project_name, registry_name
from registry.policy import rights
from registry.policy.decide import Allowed, Denied, decide
from registry.policy.policy import Policy
from registry.policy.roles import ANYONE, Action, Principal
from registry.store import POLICY, NewCommit, Signature
from registry.store.memory import MemoryStore

NOW = datetime(2027, 6, 1, tzinfo=UTC)
WHO = Signature("alice", "alice@acme.example")
PYTHON = """\
projects: open
visibility: internal
owners: [carol, team:absent]
grants:
  - {role: publish, to: [team:payments, bob], projects: ["payments-*"], until: 2027-05-31}
  - {role: read, to: [bob, bob]}
  - {role: publish, to: [team:broken, dave]}
  - {role: write, to: [everyone], projects: ["open-*"]}
  - {role: read, to: [anyone], projects: ["free-*"]}
  - {role: admin, to: [team:payments], projects: ["payments-core"]}
"""
FILES = {
    "waybill.yaml": "organization: acme\nadmins: [alice]\nauditors: [team:payments]\n",
    "people.yaml": "alice: {}\nbob: {}\ncarol: {}\ndave: {}\nerin: {}\nfay: {disabled: true}\n",
    "teams/payments.yaml": "members: [bob, erin]\n",
    "teams/broken.yaml": "members: 7\n",
    "registries/python/registry.yaml": PYTHON,
    "registries/python/projects/payments-own.yaml": "grants: [{role: publish, to: [erin]}]\n",
}
PROJECTS = ("payments-api", "payments-core", "payments-own", "open-tool", "free-tool", "other")


def verdicts() -> list[Allowed | Denied]:
    """Ask everything of a policy read anew."""
    store = MemoryStore()
    files = {path: text.encode() for path, text in FILES.items()}
    policy = Policy(store.append(POLICY, None, [NewCommit(files, "Begin\n", WHO, WHO, 0)]))
    principals = [ANYONE, *map(Principal, ("alice", "bob", "carol", "dave", "erin", "fay", "unknown"))]
    projects = [None, *map(project_name, PROJECTS)]
    questions = product(principals, Action, projects)
    return [decide(policy, who, action, registry_name("python"), on, NOW) for who, action, on in questions]


def test_who_is_not_named_is_not_weighed_and_nobody_is_judged_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    narrowed = verdicts()
    monkeypatch.setattr(rights.Roll, "of", lambda roll, _: iter(roll.every))
    assert narrowed == verdicts()
    assert {type(verdict) for verdict in narrowed} == {Allowed, Denied}
