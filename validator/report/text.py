"""For people at a terminal: by family, what is to be repaired with its place, and one line for whatever is in order."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from registry.shown import shown
from validator.report.findings import Asked, Findings, Section, family_title, worst
from validator.verdict import Outcome, Verdict

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

    def render(self) -> Iterator[str]:
        """Give the report, line by line; nothing in it can command a terminal."""
        for section in self._findings.sections:
            yield from (f"{line}\n" for line in (*self._section(section), ""))
        mark = "error" if self._findings.refused else "warning" if self._findings.counts["warning"] else "ok"
        yield self._paint(mark, self._findings.summary) + "\n"

    def _section(self, section: Section) -> Iterator[str]:
        families: dict[str, list[Asked]] = {}
        for asked in section.rules.values():
            families.setdefault(asked.rule.family, []).append(asked)
        yield shown(section.title)
        titles = {family: family_title(one.rule for one in asked) for family, asked in families.items()}
        width = max(map(len, titles.values()), default=0)
        for family in sorted(families):
            yield from self._family(titles[family].ljust(width), families[family])

    def _family(self, title: str, rules: Sequence[Asked]) -> Iterator[str]:
        rest = [asked for asked in rules if not asked.wrong]
        yield f"  {title}  {self._rest(rest)}".rstrip()
        for asked in sorted(rules, key=lambda asked: asked.rule.code):
            if asked.wrong:
                yield from self._rule(asked)

    def _rest(self, rules: Sequence[Asked]) -> str:
        """Say in one line what there is nothing to say about."""
        passed = [asked for asked in rules if asked.counts["passed"]]
        absent = [asked for asked in rules if set(asked.counts) == {Outcome.ABSENT.value}]
        skipped = len(rules) - len(passed) - len(absent)
        parts = []
        if passed:
            checks = sum(asked.counts["passed"] for asked in passed)
            parts.append(self._paint("ok", f"{_number(len(passed), 'rule')} passed") + f" ({_number(checks, 'check')})")
        if skipped:
            parts.append(f"{_number(skipped, 'rule')} skipped")
        if absent:
            reasons = "; ".join(dict.fromkeys(shown(reason) for asked in absent for reason in asked.reasons))
            parts.append(self._paint("faint", f"{len(absent)} not applicable: {reasons}"))
        return ", ".join(parts)

    def _rule(self, asked: Asked) -> Iterator[str]:
        word = worst(asked.found)
        yield f"    {self._paint(word, word)} {asked.rule.code} {asked.rule.name}"
        yield f"      {self._paint('faint', shown(asked.rule.title))}"
        for _, alike in groupby(asked.found, lambda verdict: (verdict.text, verdict.values[:1], verdict.waiver)):
            yield from self._places(list(alike))
        if asked.wrong > len(asked.found):
            yield f"      and {asked.wrong - len(asked.found)} more"

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
