"""A case about a pipeline, asked before a change, and the door, asked when a file comes, give one answer."""

from datetime import UTC, datetime
from itertools import permutations, product

import pytest

from registry.names import project_name, registry_name
from registry.policy.case import Claims, Identity
from registry.policy.decide import Allowed, decide
from registry.policy.policy import Policy
from registry.policy.roles import Action, Principal, Run
from registry.policy.trusted import published_by
from tests.claim_sets import OTHER
from tests.policies import PROJECT, REGISTRY, Folder

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PYTHON, PAYMENTS = registry_name("python"), project_name("payments-api")
WAYBILL = 'organization: acme\nissuers: {other: ["https://ci.acme.example"]}\n'
STATEMENTS = (
    "{issuer: 'https://ci.acme.example', scopes: [read], claims: {tenant_id: 7}}",
    "{issuer: 'https://ci.acme.example', scopes: [publish], claims: {branch: main}}",
    "{issuer: 'https://ci.acme.example', scopes: [write], claims: {branch: {not_equals: main}}}",
)
TOKENS: tuple[Claims, ...] = (OTHER, {**OTHER, "tenant_id": 8}, {**OTHER, "tenant_id": 8, "branch": "next"})


def policies() -> list[dict[str, str]]:
    """Every order of the statements, split in every way between project and registry, of every kind."""
    made = []
    for order, cut, settings in product(
        permutations(STATEMENTS), range(4), ("", "projects: open", "projects: declared", "kind: remote")
    ):
        own, behind = (", ".join(part) for part in (order[:cut], order[cut:]))
        registry = "\n".join(["kind: source"] * (not settings.startswith("kind")) + [settings])
        if settings.startswith("kind"):
            registry += "\nupstreams: [{url: 'https://x.example/'}]"
        files = {"waybill.yaml": WAYBILL, REGISTRY: f"{registry}\npublishers: [{behind}]\n"}
        if own:
            files[PROJECT] = f"publishers: [{own}]\n"
        made.append(files)
    return made


@pytest.mark.parametrize("claims", TOKENS)
def test_a_case_and_the_door_agree(claims: Claims) -> None:
    run = Run(claims, ((PYTHON, None),), {}, {})
    answers = set()
    for files in policies():
        policy = Policy(Folder(files))
        for action in (Action.READ, Action.PUBLISH, Action.YANK):
            asked = Identity(None, OTHER["iss"], claims)  # type: ignore[arg-type]  # a text
            case = published_by(policy, asked, action, PYTHON, PAYMENTS, certain=True)
            door = decide(policy, Principal("other/x", "t", run=run), action, PYTHON, PAYMENTS, NOW)
            assert isinstance(case, Allowed) == isinstance(door, Allowed), (files, action, case, door)
            if isinstance(case, Allowed) and isinstance(door, Allowed):
                assert case.statement == door.statement
            answers.add((action, isinstance(door, Allowed)))
    assert len(answers) >= 4
