"""The rules as the server asks them: those that ship in this process, the organization's own in the sandbox."""

import ast
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from registry.activity import Activity
from registry.checking import Arrival, Told
from registry.errors import Invalid
from registry.policy.files import Problem
from registry.policy.judge.touched import every_path
from registry.policy.policy import Policy
from registry.policy.ruling import Ruling
from validator.engine import Plan, run
from validator.loading import is_rules, shipped
from validator.materials.change import Proposal, change_material
from validator.materials.publish import Destination, Parcel, publish_material
from validator.rule import Rule, Situation
from validator.sandbox import MEMORY, SECONDS, Proposed, Request, ask
from validator.selection import Selection, meant
from validator.subject import Material
from validator.things import Distributed, Provenance
from validator.verdict import Said

_MOST = 20  # warnings of a change that are shown


def load() -> None:
    """Load what asking takes, before somebody waits for it."""
    shipped()


class Rules:
    """The rules that ship, and the organization's own, if the operator wants it, of the policy that decides."""

    def __init__(self, own: str | None = None) -> None:
        """Take what the operator chose.

        Args:
            own: the interpreter in which the organization's own rules are asked; None: they are not.
        """
        self._own = own

    def upload(self, policy: Policy, arrival: Arrival, now: datetime) -> tuple[str, ...]:
        """Give the sentences of the rules that refuse a file (see the port)."""
        ruling = policy.organization().rules
        plan = _plan(policy, ruling, ruling.upload, now)
        refusals = tuple(found.words for found in run(plan, arrived(policy, arrival, now)) if found.refuses)
        if refusals or self._own is None or not own_files(policy):
            return refusals
        answer = ask(self._own, self._request(policy, arrival, now))
        return tuple(one.words for one in answer.said if one.error)

    def change(
        self, before: Policy, after: Policy, author: str | None, now: datetime, activity: Activity | None = None
    ) -> Told:
        """Say what the rules find in a change; also that it names rules which do not exist (see the port)."""
        wrong: list[Problem] = []
        try:
            wanted = after.organization().rules
            for selected in ((), wanted.upload, wanted.change):
                _plan(after, wanted, selected, now)
        except Invalid as error:
            wrong.append(Problem("waybill.yaml", 1, str(error)))
        ruling, said, settled = before.organization().rules, list[Said](), True
        if ruling.change:
            plan = _plan(before, ruling, ruling.change, now)
            found = [one for one in run(plan, proposed(before, after, author, now, activity)) if one.bad]
            said += [Said(one.words, one.file, one.line, one.refuses) for one in found]
            if self._own is not None and own_files(before):
                about = Proposed(every_file(after), after.commit, author)
                answer = ask(self._own, self._request(before, about, now))
                said, settled = said + list(answer.said), answer.settled
        return Told((*wrong, *_problems(said, error=True)), few(_problems(said, error=False)), settled)

    def _request(self, policy: Policy, about: Arrival | Proposed, now: datetime) -> Request:
        return Request(every_file(policy), policy.commit, about, now, MEMORY, SECONDS)


def _problems(said: Iterable[Said], *, error: bool) -> tuple[Problem, ...]:
    return tuple(Problem(one.file or "waybill.yaml", one.line or 1, one.words) for one in said if one.error is error)


def few(warnings: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Keep as many warnings as somebody reads; the command lists all."""
    if len(warnings) <= _MOST:
        return warnings
    more = f"and {len(warnings) - _MOST} more warnings, which 'waybill check --base' lists"
    return (*warnings[:_MOST], Problem("waybill.yaml", 1, more))


def proposed(
    before: Policy, after: Policy, author: str | None, now: datetime, activity: Activity | None = None
) -> Material:
    """Make the subjects that a change is."""
    return change_material(after, now, Proposal(before, after, author, now), activity=activity)


def arrived(policy: Policy, arrival: Arrival, now: datetime) -> Material:
    """Make the subject that an upload is."""
    dist = arrival.dist
    file = Distributed(dist.filename, dist.project, dist.version, dist.kind, arrival.size, arrival.sha256)
    provenance = Provenance.of(arrival.origin)
    parcel = Parcel(arrival.path, dist, file, arrival.contents, provenance)
    return publish_material([parcel], now, Destination(policy, arrival.registry))


def own_plan(policy: Policy, own: Iterable[Rule], situation: Situation, now: datetime) -> Plan:
    """Choose from rules of the organization's own those that the policy selects for uploads, or for changes."""
    ruling = policy.organization().rules
    wanted = ruling.change if situation is Situation.CHANGE else ruling.upload
    chosen = [rule for rule in own if any(meant(entry, rule) for entry in wanted)]
    chosen = [rule for rule in chosen if not ruling.select or any(meant(entry, rule) for entry in ruling.select)]
    chosen = [rule for rule in chosen if not any(meant(entry, rule) for entry in ruling.ignore)]
    codes = {rule.code for rule in chosen}
    settings = {code: values for code, values in ruling.settings.items() if code in codes}
    return Plan.of(chosen, Ruling(settings=settings, waivers=ruling.waivers), Selection(), now.date())


def every_file(policy: Policy) -> dict[str, bytes]:
    """Read all files of a policy, once for each commit."""
    return policy.derived("every file", lambda: _every_file(policy))


def _every_file(policy: Policy) -> dict[str, bytes]:
    folders = {path.rpartition("/")[0] for path in every_path(policy)}
    found: dict[str, bytes] = {}
    for folder in folders:
        found |= policy.texts(folder, "")
    return found


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
    """Read the Python files of the folder `rules`, by path: rules, and what they import of each other."""
    return policy.texts("rules", ".py")


def own_names(policy: Policy) -> frozenset[str]:
    """List codes and names of the organization's own rules, by reading their files and running nothing."""
    return policy.derived("own rules", lambda: frozenset(_own_names(policy)))


def _own_names(policy: Policy) -> Iterable[str]:
    for path, source in own_files(policy).items():
        if is_rules(path.rpartition("/")[2]):
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
