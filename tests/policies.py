"""Policies given by the text of their files, and questions to them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from registry.names import project_name, registry_name
from registry.policy.decide import Allowed, Denied, decide
from registry.policy.policy import Policy
from registry.policy.roles import Action, Principal
from registry.store import Entry

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)

REGISTRY = "registries/python/registry.yaml"
OTHER = "registries/rust/registry.yaml"
PROJECT = "registries/python/projects/payments-api.yaml"
LINKED = "repositories/acme-payments.yaml"
TEAM = "teams/payments.yaml"
BROKEN = "# the problem is on the next line\nnonsense: true\n"

BASE = {
    "waybill.yaml": "organization: acme\n",
    "people.yaml": "alice: {}\nbob: {disabled: true}\ncarol: {}\ndeploy-bot: {service: true}\n",
    TEAM: "members: [alice]\nmaintainers: [carol]\n",
    REGISTRY: "projects: open\n",
    OTHER: "projects: open\n",
}


@dataclass(frozen=True)
class Folder:
    """A commit of branch `main`, given by the text of its files."""

    texts: Mapping[str, str]
    id: str = field(default="1" * 40)

    def read(self, path: str) -> bytes | None:
        text = self.texts.get(path)
        return None if text is None else text.encode()

    def entries(self, path: str) -> dict[str, Entry]:
        prefix = f"{path}/" if path else ""
        found: dict[str, Entry] = {}
        for name in sorted({n.removeprefix(prefix).split("/")[0] for n in self.texts if n.startswith(prefix)}):
            below = [(n, t) for n, t in self.texts.items() if f"{n}/".startswith(f"{prefix}{name}/")]
            found[name] = Entry(sha256(repr(sorted(below)).encode()).hexdigest(), f"{prefix}{name}" not in self.texts)
        return found


def policy(changes: Mapping[str, str | None]) -> Policy:
    """Make the base policy with some files written anew, or removed (None)."""
    return Policy(Folder({path: text for path, text in {**BASE, **changes}.items() if text is not None}))


def ask(
    given: Policy | Mapping[str, str | None],
    who: str | Principal,
    action: str,
    project: str | None = "payments-api",
    registry: str = "python",
    now: dt.datetime = NOW,
) -> Allowed | Denied:
    return decide(
        given if isinstance(given, Policy) else policy(given),
        Principal(who) if isinstance(who, str) else who,
        Action(action),
        registry_name(registry),
        None if project is None else project_name(project),
        now,
    )


def allowed_by(
    given: Policy | Mapping[str, str | None],
    who: str | Principal,
    action: str,
    project: str | None = "payments-api",
    registry: str = "python",
    now: dt.datetime = NOW,
) -> str:
    """Give the statement that allows it; there must be one."""
    answer = ask(given, who, action, project, registry, now)
    assert isinstance(answer, Allowed), answer.reason
    return answer.statement.ref


def refusal(
    given: Policy | Mapping[str, str | None],
    who: str | Principal,
    action: str,
    project: str | None = "payments-api",
    registry: str = "python",
    now: dt.datetime = NOW,
) -> str:
    """Give the reason of a refusal; there must be one, and it names who asked."""
    answer = ask(given, who, action, project, registry, now)
    assert isinstance(answer, Denied), answer.statement.ref
    assert str(who) in answer.reason
    return answer.reason


def linked(grants: str) -> dict[str, str]:
    return {
        PROJECT: "repository: acme-payments\n",
        LINKED: f"forge: other\npath: acme/payments\ngrants: {grants}\n",
    }
