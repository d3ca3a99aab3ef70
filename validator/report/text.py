"""For people at a terminal: by family, what is to be repaired with its place, and one line for whatever is in order."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from registry.shown import shown
from validator.report.findings import Findings, Section, family_title
from validator.rule import Rule, Severity
from validator.verdict import Outcome, Verdict

_MOST = 20  # findings of one rule that are listed; the other forms have all
_MOST_VALUES = 8  # lines of what an assert saw
_PAINT = {"error": "1;31", "warning": "1;33", "waived": "36", "ok": "32", "faint": "2"}


class Text:
    """Renders a check."""

    def __init__(self, findings: Findings, *, colour: bool = False) -> None:
        """Take what to render.

        Args:
            findings: the check.
            colour: whether the terminal shows colours.
        """
        self._findings = findings
        self._colour = colour

    def render(self) -> str:
        """Give the whole report; nothing in it can command a terminal."""
        lines: list[str] = []
        for section in self._findings.sections:
            lines += [*self._section(section), ""]
        mark = "error" if self._findings.refused else "warning" if self._findings.bad else "ok"
        lines.append(self._paint(mark, self._findings.summary))
        return "\n".join(lines) + "\n"

    def _section(self, section: Section) -> Iterator[str]:
        families: dict[str, list[Verdict]] = {}
        for verdict in section.verdicts:
            families.setdefault(verdict.rule.family, []).append(verdict)
        yield shown(section.title)
        titles = {family: family_title(v.rule for v in verdicts) for family, verdicts in families.items()}
        width = max(map(len, titles.values()), default=0)
        for family in sorted(families):
            yield from self._family(titles[family].ljust(width), families[family])

    def _family(self, title: str, verdicts: Sequence[Verdict]) -> Iterator[str]:
        by_rule: dict[str, list[Verdict]] = {}
        for verdict in verdicts:
            by_rule.setdefault(verdict.rule.code, []).append(verdict)
        wrong = {code for code, found in by_rule.items() if any(v.bad or v.waiver for v in found)}
        rest = [verdict for verdict in verdicts if verdict.rule.code not in wrong]
        yield f"  {title}  {self._rest(rest)}".rstrip()
        for code in sorted(wrong):
            yield from self._rule(by_rule[code][0].rule, [v for v in by_rule[code] if v.bad or v.waiver])

    def _rest(self, verdicts: Sequence[Verdict]) -> str:
        """Say in one line what there is nothing to say about."""
        rules: dict[str, set[Outcome]] = {}
        for verdict in verdicts:
            rules.setdefault(verdict.rule.code, set()).add(verdict.outcome)
        passed = sum(Outcome.PASSED in outcomes for outcomes in rules.values())
        absent = [v for v in verdicts if rules[v.rule.code] == {Outcome.ABSENT}]
        skipped = len(rules) - passed - len({v.rule.code for v in absent})
        parts = []
        if passed:
            checks = sum(verdict.outcome is Outcome.PASSED for verdict in verdicts)
            parts.append(self._paint("ok", f"{_number(passed, 'rule')} passed") + f" ({_number(checks, 'check')})")
        if skipped:
            parts.append(f"{_number(skipped, 'rule')} skipped")
        if absent:
            reasons = "; ".join(dict.fromkeys(shown(verdict.text) for verdict in absent))
            parts.append(self._paint("faint", f"{len({v.rule.code for v in absent})} not applicable: {reasons}"))
        return ", ".join(parts)

    def _rule(self, rule: Rule, found: Sequence[Verdict]) -> Iterator[str]:
        worst = "error" if any(v.bad and v.severity is Severity.ERROR for v in found) else "warning"
        word = worst if any(verdict.bad for verdict in found) else "waived"
        yield f"    {self._paint(word, word)} {rule.code} {rule.name}"
        yield f"      {self._paint('faint', shown(rule.title))}"
        for _, alike in groupby(found[:_MOST], lambda verdict: (verdict.text, verdict.values[:1], verdict.waiver)):
            yield from self._places(list(alike))
        if len(found) > _MOST:
            yield f"      and {len(found) - _MOST} more"

    def _places(self, alike: Sequence[Verdict]) -> Iterator[str]:
        """List the places of what is to be said in the same words."""
        for verdict in alike:
            place, label = shown(verdict.place), shown(verdict.subject.label)
            yield f"      {place}: {label}" if place and label not in place else f"      {place or label}"
        verdict = alike[0]
        yield from (f"        {shown(line)}" for line in _lines(verdict.text))
        values = verdict.values if verdict.text.startswith("assert ") or not verdict.values else verdict.values[:1]
        yield from (self._paint("faint", f"          {shown(line)}") for line in values[:_MOST_VALUES])
        if waiver := verdict.waiver:
            yield shown(f"        waived until {waiver.until} by {waiver.owner}: {waiver.reason} ({waiver.place})")

    def _paint(self, what: str, text: str) -> str:
        return f"\x1b[{_PAINT[what]}m{text}\x1b[0m" if self._colour else text


def _lines(text: str) -> Iterable[str]:
    return text.splitlines() or [text]


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
