"""The rules as the server asks them: those that ship, of the policy that decides, in this process."""

import ast
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from registry.checking import Arrival
from registry.errors import Invalid
from registry.policy.files import Problem
from registry.policy.judge.touched import every_path
from registry.policy.policy import Policy
from registry.policy.ruling import Ruling
from validator.engine import Plan, run
from validator.loading import is_rules, load, shipped
from validator.materials.change import Proposal, change_material
from validator.materials.publish import Destination, Parcel, publish_material
from validator.rule import Rule
from validator.sandbox import MEMORY, SECONDS, Request, ask
from validator.selection import Selection, meant
from validator.subject import Material
from validator.things import Distributed, Provenance


class Rules:
    """The rules that ship, asked of uploads and changes; of the organization's own only if the operator wants it."""

    def __init__(self, own: str | None = None) -> None:
        """Take what the operator chose.

        Args:
            own: the interpreter in which the organization's own rules are asked of uploads; None: they are not.
        """
        self._own = own

    def upload(self, policy: Policy, arrival: Arrival, now: datetime) -> tuple[str, ...]:
        """Give the sentences of the rules that refuse a file (see the port)."""
        ruling = policy.organization().rules
        plan = _plan(policy, ruling, ruling.upload, now)
        refusals = _refusals(plan, arrived(policy, arrival, now))
        if refusals or self._own is None or not own_files(policy):
            return refusals
        files = policy.derived("every file", lambda: _every_file(policy))
        return ask(self._own, Request(files, policy.commit, arrival, now, MEMORY, SECONDS))

    def change(self, before: Policy, after: Policy, author: str | None, now: datetime) -> tuple[Problem, ...]:
        """List what the rules do not let a change do; also one that names rules which do not exist."""
        problems: list[Problem] = []
        try:
            proposed = after.organization().rules
            for selected in ((), proposed.upload, proposed.change):
                _plan(after, proposed, selected, now)
        except Invalid as error:
            problems.append(Problem("waybill.yaml", 1, str(error)))
        ruling = before.organization().rules
        if ruling.change:
            material = change_material(after, now, Proposal(before, after, author, now))
            plan = _plan(before, ruling, ruling.change, now)
            found = (v for v in run(plan, material) if v.refuses)
            problems += [Problem(v.file or "waybill.yaml", v.line or 1, v.words) for v in found]
        return tuple(problems)


def arrived(policy: Policy, arrival: Arrival, now: datetime) -> Material:
    """Make the subject that an upload is."""
    dist = arrival.dist
    file = Distributed(dist.filename, dist.project, dist.version, dist.kind, arrival.size, arrival.sha256)
    provenance = Provenance.of(arrival.origin)
    parcel = Parcel(arrival.path, dist, file, arrival.contents, provenance)
    return publish_material([parcel], now, Destination(policy, arrival.registry))


def own_plan(policy: Policy, now: datetime) -> Plan:
    """Choose from the organization's own rules those that uploads are refused by; it runs their files.

    Raises:
        Invalid: one cannot be loaded.
    """
    ruling = policy.organization().rules
    own = [rule for path, text in own_files(policy).items() for rule in load(text, path)]
    chosen = [rule for rule in own if any(meant(entry, rule) for entry in ruling.upload)]
    chosen = [rule for rule in chosen if not ruling.select or any(meant(entry, rule) for entry in ruling.select)]
    chosen = [rule for rule in chosen if not any(meant(entry, rule) for entry in ruling.ignore)]
    codes = {rule.code for rule in chosen}
    settings = {code: values for code, values in ruling.settings.items() if code in codes}
    return Plan.of(chosen, Ruling(settings=settings, waivers=ruling.waivers), Selection(), now.date())


def _every_file(policy: Policy) -> dict[str, bytes]:
    folders = {path.rpartition("/")[0] for path in every_path(policy)}
    found: dict[str, bytes] = {}
    for folder in folders:
        found |= policy.texts(folder, "")
    return found


def _refusals(plan: Plan, material: Material) -> tuple[str, ...]:
    return tuple(verdict.words for verdict in run(plan, material) if verdict.refuses)


def _plan(policy: Policy, ruling: Ruling, selected: Sequence[str], now: datetime) -> Plan:
    """Choose the rules, first as the policy wants it anywhere, then as it wants it here.

    Raises:
        Invalid: the policy names what is no rule.
    """
    own = own_names(policy)
    here = Ruling(
        select=_without(ruling.select, own),
        ignore=_without(ruling.ignore, own),
        settings={code: values for code, values in ruling.settings.items() if code not in own},
        waivers=ruling.waivers,
    )
    rules: Iterable[Rule] = shipped()
    wanted = _without(tuple(selected), own)
    if (selected and not wanted) or (ruling.select and not here.select):
        rules, here, wanted = (), Ruling(), ()
    return Plan.of(rules, here, Selection(wanted), now.date())


def _without(entries: tuple[str, ...], own: frozenset[str]) -> tuple[str, ...]:
    """Leave out what means only rules of the organization's own."""
    return tuple(
        entry
        for entry in entries
        if any(meant(entry, rule) for rule in shipped()) or not any(name.startswith(entry) for name in own)
    )


def own_files(policy: Policy) -> dict[str, bytes]:
    """Read the files of the organization's own rules, by path."""
    found = policy.texts("rules", ".py")
    return {path: text for path, text in found.items() if is_rules(path.rpartition("/")[2])}


def own_names(policy: Policy) -> frozenset[str]:
    """List codes and names of the organization's own rules, by reading their files and running nothing."""
    return policy.derived("own rules", lambda: frozenset(_own_names(policy)))


def _own_names(policy: Policy) -> Iterable[str]:
    for source in own_files(policy).values():
        yield from _declared(source)


@lru_cache(256)
def _declared(source: bytes) -> tuple[str, ...]:
    found: list[str] = []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ()
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and decorator.args and isinstance(decorator.args[0], ast.Constant):
                found += [str(decorator.args[0].value), node.name]
    return tuple(found)
