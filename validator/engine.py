"""Rules x subjects -> verdicts, in this process and without pytest."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import PurePath
from typing import Any

from registry.errors import Invalid
from registry.policy.ruling import Ruling, Waiver
from validator.explaining import unshortened
from validator.modules import line_of
from validator.rule import Rule, Setting, Skip
from validator.selection import Selection, meant
from validator.subject import Absent, Material, Subject
from validator.verdict import Outcome, Verdict, item_id

_PLACE = re.compile(r"([^\s:][^\n:]{0,300}):([0-9]{1,7}): ")  # at the beginning of a message: it moves the report there


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rules run, with what the policy says about them."""

    rules: tuple[Rule, ...]
    ruling: Ruling = field(default_factory=Ruling)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    wanted: Callable[[str], bool] = lambda _item: True

    @classmethod
    def of(cls, rules: Iterable[Rule], ruling: Ruling, selection: Selection, today: date) -> "Plan":
        """Choose from rules, first as the policy wants it, then as the caller does.

        Raises:
            Invalid: policy or caller name a rule or a setting that does not exist.
        """
        known = tuple(rules)
        for code, values in ruling.settings.items():
            _require_settings(known, code, values)
        chosen = Selection(ruling.select, ruling.ignore).rules(known)
        return cls(tuple(selection.rules(chosen)), ruling, today, selection.items())

    def settings(self, rule: Rule) -> dict[str, Setting]:
        """Give what a rule's parameters with a default are here."""
        return {**rule.settings, **self.ruling.settings.get(rule.code, {})}

    def waiver(self, rule: Rule, subject: Subject) -> Waiver | None:
        """Find the waiver that covers a failure; one that ended covers nothing."""
        for waiver in self.ruling.waivers:
            if meant(waiver.rule, rule) and waiver.until >= self.today:
                places = {subject.label, subject.file}
                if any(fnmatchcase(place, glob) for glob in waiver.where for place in places):
                    return waiver
        return None


def items(plan: Plan, material: Material) -> Iterator[tuple[Rule, Subject]]:
    """List what a run asks: each rule of the situation on each of its subjects; on the whole where there is none."""
    rules = [rule for rule in plan.rules if material.situation in rule.on]
    by_kind: dict[str, list[Rule]] = {}
    for rule in rules:
        by_kind.setdefault(material.kind_for(rule), []).append(rule)
    met: set[str] = {""}
    pairs = [(rule, material.whole) for rule in by_kind.get("", ())]
    yield from (pair for pair in pairs if plan.wanted(item_id(*pair)))
    for kind, group in groupby(material.subjects, lambda subject: subject.kind):
        met.add(kind)
        for subject in group:
            pairs = [(rule, subject) for rule in by_kind.get(kind, ())]
            yield from (pair for pair in pairs if plan.wanted(item_id(*pair)))
    pairs = [(rule, material.whole) for kind in by_kind if kind not in met for rule in by_kind[kind]]
    yield from (pair for pair in pairs if plan.wanted(item_id(*pair)))


def run(plan: Plan, material: Material) -> Iterator[Verdict]:
    """Ask every rule; whatever one does, the others are asked too."""
    last, named = material.whole, material.whole.named()
    for rule, subject in items(plan, material):
        if subject is not last:
            last, named = subject, subject.named()
        found = located(ask(plan, rule, subject), material)
        said = found.outcome, found.text, found.values, found.file, found.line, found.waiver
        yield Verdict(found.rule, named, *said)  # dataclasses.replace takes as long as a rule does


def located(verdict: Verdict, material: Material) -> Verdict:
    """Name files from where the caller is, not from the top of the policy."""
    if not material.root or not verdict.file:
        return verdict
    return replace(verdict, file=str(PurePath(material.root, verdict.file)))


def ask(plan: Plan, rule: Rule, subject: Subject) -> Verdict:
    """Ask one rule about one subject."""
    values: dict[str, Any] = plan.settings(rule)
    try:
        for name in rule.wants:
            _require(subject, name)
        for name in rule.wants:
            values[name] = plan.settings(rule) if name == "settings" else subject.fixtures.give(name)
    except Absent as absent:
        return Verdict(rule, subject, Outcome.ABSENT, str(absent), file=subject.file, line=subject.line)
    except Exception as error:  # noqa: BLE001 - what cannot be looked at cannot be called good
        return _crashed(rule, subject, f"a fixture cannot be made: {_named(error)}", error)
    return _asked(plan, rule, subject, values)


def _asked(plan: Plan, rule: Rule, subject: Subject, values: Mapping[str, Any]) -> Verdict:
    try:
        with unshortened():
            rule.function(**values)
    except KeyboardInterrupt:
        raise
    except AssertionError as error:
        return _failed(plan, rule, subject, error)
    except Absent as absent:  # of what a subject only then finds that it has not
        return Verdict(rule, subject, Outcome.ABSENT, str(absent), file=subject.file, line=subject.line)
    except BaseException as error:  # noqa: BLE001 - SystemExit too: a rule ends nothing but itself
        if isinstance(error, Skip) or _is_pytests_skip(error):
            return Verdict(rule, subject, Outcome.SKIPPED, str(error), file=subject.file, line=subject.line)
        place = f"{rule.file}:{line_of(error, rule.file)}"
        return _crashed(rule, subject, f"the rule crashed at {place}: {_named(error)}", error)
    return Verdict(rule, subject, Outcome.PASSED, file=subject.file, line=subject.line)


def _is_pytests_skip(error: BaseException) -> bool:
    return type(error).__module__.startswith("_pytest") and type(error).__name__ == "Skipped"


def _require(subject: Subject, name: str) -> None:
    if name != "settings" and not subject.fixtures.has(name):
        raise Absent(f"there is no '{name}' here")


def _failed(plan: Plan, rule: Rule, subject: Subject, error: AssertionError) -> Verdict:
    text, values = _told(str(error))
    file, line = subject.file, subject.line
    if moved := _PLACE.match(text):
        file, line, text = moved[1], int(moved[2]), text[moved.end() :]
    waiver = plan.waiver(rule, subject)
    return Verdict(rule, subject, Outcome.FAILED, text, values, file, line, waiver, error)


def _told(message: str) -> tuple[str, tuple[str, ...]]:
    """Tell what the author said from what the assert saw."""
    first, *others = message.splitlines() or [""]
    lines = [first, *(line.removeprefix("  ") for line in others)] if message else ["it does not hold"]
    begin = next((n for n, line in enumerate(lines) if line.startswith("assert ")), len(lines))
    if begin == 0:
        return lines[0], tuple(lines[1:])
    return "\n".join(lines[:begin]), tuple(lines[begin:])


def _crashed(rule: Rule, subject: Subject, text: str, error: BaseException) -> Verdict:
    return Verdict(rule, subject, Outcome.CRASHED, text, (), subject.file, subject.line, None, error)


def _named(error: BaseException) -> str:
    said = str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _require_settings(rules: tuple[Rule, ...], code: str, values: Mapping[str, Setting]) -> None:
    rule = next((rule for rule in rules if rule.code == code), None)
    if rule is None:
        raise Invalid(f"rules: settings: there is no rule {code!a}; 'waybill check --rules' lists them")
    for name, value in values.items():
        if name not in rule.settings:
            known = ", ".join(rule.settings) or "it has none"
            raise Invalid(f"rules: settings: {code} has no setting {name!a}; known here: {known}")
        if type(value) is not type(rule.settings[name]):
            kind = type(rule.settings[name]).__name__
            raise Invalid(
                f"rules: settings: {code}: {name} is {value!r}; write a value like {rule.settings[name]!r} ({kind})"
            )
