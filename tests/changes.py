"""Changes of a policy given by the text of their files, judged as a server would."""

from collections.abc import Collection, Iterable, Mapping

from registry.names import ProjectName, RegistryName
from registry.policy.content import Memory
from registry.policy.judge import Approval, Judgement, judge
from registry.policy.policy import Policy
from tests.policies import NOW, Folder

Texts = Mapping[str, str | None]

BASE, TREE = "b" * 40, "a" * 40
PEOPLE = "alice adam olga otto mia max peter bob carol dan"
TEAM = "teams/payments.yaml"
REGISTRY = "registries/python/registry.yaml"
PROJECT = "registries/python/projects/payments-api.yaml"
LINKED = "repositories/payments.yaml"

# alice and adam are admins, olga and otto own the registry, mia and max maintain the team, peter administers a project.
START: dict[str, str] = {
    "waybill.yaml": "organization: acme\nadmins: [alice, adam]\nreview: {approvals: 1}\n",
    "people.yaml": "".join(f"{name}: {{}}\n" for name in PEOPLE.split())
    + "gone: {disabled: true}\nbot: {service: true, owner: mia}\n",
    TEAM: "members: [bob]\nmaintainers: [mia, max]\n",
    REGISTRY: "owners: [olga, otto]\nprojects: open\n",
    PROJECT: "grants:\n- {role: admin, to: [peter]}\n- {role: write, to: ['team:payments']}\n",
    "teams/idle.yaml": "maintainers: [mia]\n",
    "registries/idle/registry.yaml": "owners: [olga]\n",
    LINKED: "forge: other\npath: acme/payments\n",
}


def review(text: str) -> dict[str, str]:
    """The same start under other rules of review."""
    return {"waybill.yaml": START["waybill.yaml"].replace("{approvals: 1}", f"{{{text}}}")}


UNREVIEWED = review("approvals: 0")


def changed(texts: Texts, parent: Texts) -> dict[str, str]:
    return {path: text for path, text in {**parent, **texts}.items() if text is not None}


def verdict(
    change: Texts,
    author: str | None = "dan",
    approved: Collection[str] = (),
    parent: Texts | None = None,
    pushers: Collection[str] = (),
    known: Mapping[RegistryName, Iterable[ProjectName]] | None = None,
) -> Judgement:
    """Judge a change of the start, or of a start that differs from it; approvals are for exactly this change."""
    memory, before = Memory(), changed(parent or {}, START)
    sides = Policy(Folder(before, BASE), memory), Policy(Folder(changed(change, before), TREE), memory)
    approvals = [Approval(name, BASE, TREE, NOW) for name in approved]
    return judge(*sides, author, approvals, NOW, pushers=pushers, projects=known)


def refusals(change: Texts, parent: Texts | None = None) -> list[str]:
    """Give the problems of a change that an admin proposes and another approves."""
    judged = verdict(change, "alice", ["adam"], parent)
    assert judged.refused == bool(judged.problems) != judged.good
    return [str(problem) for problem in judged.problems]
