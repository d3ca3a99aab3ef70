"""All verdicts of a check, in the order in which they are read: counted as they come, and kept in a file."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from validator.rule import Rule, Severity
from validator.spool import Spool
from validator.verdict import Outcome, Verdict, counts

MOST = 20  # of one rule that are kept at hand
_FOUND = {Outcome.FAILED, Outcome.CRASHED}


@dataclass
class Asked:
    """One rule in one section, counted."""

    rule: Rule
    counts: Counter[str] = field(default_factory=Counter)  # by the words of the summary
    found: list[Verdict] = field(default_factory=list)  # the first that do not hold, waived or not
    reasons: dict[str, None] = field(default_factory=dict)  # why it is not applicable

    @property
    def wrong(self) -> int:
        """How often it does not hold, waived or not."""
        return self.counts["failed"] + self.counts["crashed"] + self.counts["waived"]

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        if verdict.outcome in _FOUND:
            self.counts.update(counts([verdict]))
            if len(self.found) < MOST:
                self.found.append(verdict)
            return
        self.counts[verdict.outcome.value] += 1
        if verdict.outcome is Outcome.ABSENT and len(self.reasons) < MOST:
            self.reasons[verdict.text] = None


@dataclass
class Section:
    """One thing that was checked."""

    title: str
    number: int
    rules: dict[str, Asked] = field(default_factory=dict)  # by code

    @property
    def counts(self) -> Counter[str]:
        """Numbers by the words of the summary."""
        return sum((asked.counts for asked in self.rules.values()), Counter[str]())


class Findings:
    """A whole check."""

    def __init__(self, *, strict: bool = False, whole: bool = True) -> None:
        """Nothing is found yet.

        Args:
            strict: whether a warning stops too.
            whole: whether what is good is kept too, and not only counted; some forms list it.
        """
        self.strict, self._whole = strict, whole
        self.sections: list[Section] = []
        self._spool = Spool()

    def add(self, title: str, verdicts: Iterable[Verdict]) -> None:
        """Take the verdicts about one thing; nothing is noted of one about which no rule was asked."""
        section = Section(title, len(self.sections))
        for verdict in verdicts:
            asked = section.rules.setdefault(verdict.rule.code, Asked(verdict.rule))
            asked.add(verdict)
            if self._whole or verdict.outcome in _FOUND:
                self._spool.add(section.number, verdict)
        if section.rules:
            self.sections.append(section)

    def close(self) -> None:
        """Let go of what is kept."""
        self._spool.close()

    def verdicts(self, section: Section | None = None) -> Iterator[Verdict]:
        """Give all verdicts, or those of a section."""
        return self._spool.verdicts(section.number if section else None)

    def found(self) -> Iterator[Verdict]:
        """Give what did not hold, waived or not; errors first."""
        return self._spool.found()

    def bad(self) -> Iterator[Verdict]:
        """Give what somebody has to repair."""
        return (verdict for verdict in self.found() if verdict.bad)

    @property
    def refused(self) -> bool:
        """Whether the check says no."""
        return bool(self.counts["error"] or (self.strict and self.counts["warning"]))

    @property
    def counts(self) -> Counter[str]:
        """Numbers by the words of the summary."""
        return sum((section.counts for section in self.sections), Counter[str]())

    @property
    def rules(self) -> list[Rule]:
        """The rules that were asked, by code."""
        found = {code: asked.rule for section in self.sections for code, asked in section.rules.items()}
        return sorted(found.values(), key=lambda rule: rule.code)

    @property
    def summary(self) -> str:
        """Everything in one line."""
        known = self.counts
        said = [_count(known[word], word) for word in ("error", "warning")]
        rest = [f"{known[w]} {w}" for w in ("passed", "waived", "skipped", "not applicable") if known[w]]
        return ", ".join([*filter(None, said)] or ["nothing to repair"]) + " · " + ", ".join(rest or ["nothing asked"])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number > 1)}" if number else ""


def worst(found: Iterable[Verdict]) -> str:
    """Give the word for some findings of a rule: error, warning, or waived."""
    bad = [verdict for verdict in found if verdict.bad]
    if not bad:
        return "waived"
    return "error" if any(verdict.severity is Severity.ERROR for verdict in bad) else "warning"


def one_line(verdict: Verdict) -> str:
    """Say what did not hold where there is room for one line."""
    return " ".join(verdict.text.split())


def family_title(rules: Iterable[Rule]) -> str:
    """Name a family: its code, and the name of the file its rules stand in."""
    first = next(iter(rules))
    stem = first.file.rpartition("/")[2].removesuffix(".py").removesuffix("_rules")
    name = stem.partition("_")[2] if stem.lower().startswith(first.family.lower()) else stem
    return f"{first.family} {name.replace('_', ' ')}".strip()
