"""All verdicts of a check, in the order in which they are read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from validator.rule import Rule, Severity
from validator.verdict import Outcome, Verdict, counts

_FOUND = {Outcome.FAILED, Outcome.CRASHED}


@dataclass(frozen=True)
class Section:
    """One thing that was checked."""

    title: str
    verdicts: Sequence[Verdict]


@dataclass(frozen=True)
class Findings:
    """A whole check."""

    sections: Sequence[Section]
    strict: bool = False  # whether a warning stops too

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """All of them."""
        return [verdict for section in self.sections for verdict in section.verdicts]

    @cached_property
    def found(self) -> list[Verdict]:
        """What did not hold, waived or not; errors first."""
        found = [verdict for verdict in self.verdicts if verdict.outcome in _FOUND]
        return sorted(found, key=lambda v: (v.waiver is not None, v.severity is Severity.WARNING, v.rule.code))

    @property
    def bad(self) -> list[Verdict]:
        """What somebody has to repair."""
        return [verdict for verdict in self.found if verdict.bad]

    @property
    def refused(self) -> bool:
        """Whether the check says no."""
        return any(verdict.refuses or (self.strict and verdict.bad) for verdict in self.verdicts)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Numbers by the words of the summary."""
        return dict(counts(self.verdicts))

    @cached_property
    def rules(self) -> list[Rule]:
        """The rules that were asked, by code."""
        return sorted({v.rule.code: v.rule for v in self.verdicts}.values(), key=lambda rule: rule.code)

    @property
    def summary(self) -> str:
        """Everything in one line."""
        said = [_count(self.counts.get(word, 0), word) for word in ("error", "warning")]
        rest = [f"{self.counts[w]} {w}" for w in ("passed", "waived", "skipped", "not applicable") if w in self.counts]
        return ", ".join([*filter(None, said)] or ["nothing to repair"]) + " · " + ", ".join(rest or ["nothing asked"])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number > 1)}" if number else ""


def one_line(verdict: Verdict) -> str:
    """Say what did not hold where there is room for one line."""
    return " ".join(verdict.text.split())


def family_title(rules: Iterable[Rule]) -> str:
    """Name a family: its code, and the name of the file its rules stand in."""
    first = next(iter(rules))
    stem = first.file.rpartition("/")[2].removesuffix(".py").removesuffix("_rules")
    name = stem.partition("_")[2] if stem.lower().startswith(first.family.lower()) else stem
    return f"{first.family} {name.replace('_', ' ')}".strip()
