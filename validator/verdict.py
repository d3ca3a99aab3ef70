"""What came of a rule on a subject."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from registry.policy.ruling import Waiver
from validator.rule import Rule, Severity
from validator.subject import Subject


class Outcome(Enum):
    """The five ends of asking a rule; the value is the word of the summary."""

    PASSED = "passed"
    FAILED = "failed"
    CRASHED = "crashed"  # it raised something else than AssertionError, so it has said nothing: counts as an error
    SKIPPED = "skipped"  # by the rule itself
    ABSENT = "not applicable"  # it asked for what the situation has not


@dataclass(frozen=True, slots=True)
class Said:
    """What a server passes on of a verdict that is not good."""

    words: str
    file: str
    line: int
    error: bool  # whether it refuses; else it is a warning


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of one rule on one subject."""

    rule: Rule
    subject: Subject
    outcome: Outcome
    text: str = ""  # the words for whoever has to repair it, or the reason
    values: tuple[str, ...] = ()  # what the assert saw
    file: str = ""
    line: int = 0
    waiver: Waiver | None = None  # in force, so that a failure is said and stops nothing
    error: BaseException | None = None

    @property
    def id(self) -> str:
        """The name by which `-k` and pytest know it."""
        return item_id(self.rule, self.subject)

    @property
    def place(self) -> str:
        """Where to look."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def bad(self) -> bool:
        """Whether there is something to repair, which no waiver lets be."""
        return self.outcome is Outcome.CRASHED or (self.outcome is Outcome.FAILED and self.waiver is None)

    @property
    def severity(self) -> Severity:
        """How bad it is: a crashed rule is always an error."""
        return Severity.ERROR if self.outcome is Outcome.CRASHED else self.rule.severity

    @property
    def refuses(self) -> bool:
        """Whether it stops what is checked."""
        return self.bad and self.severity is Severity.ERROR

    @property
    def words(self) -> str:
        """One sentence with code and name, the same at upload, in CI and in a pipeline."""
        return f"{self.rule.code} {self.rule.name}: {self.text}"


def item_id(rule: Rule, subject: Subject) -> str:
    """Name a rule on a subject."""
    return f"{rule.code}::{rule.name}[{subject.label}]"


def counts(verdicts: Iterable[Verdict]) -> Counter[str]:
    """Count verdicts by the words of the summary, `waived` among them; failures are counted by severity too."""
    found: Counter[str] = Counter()
    for verdict in verdicts:
        word = "waived" if verdict.waiver else verdict.outcome.value
        found[word] += 1
        if verdict.bad:
            found[verdict.severity.value] += 1
    return found
