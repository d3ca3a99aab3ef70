"""What rules look at: a subject is one thing of one kind, with a place, and the fixtures that rules can ask for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from validator.rule import Rule, Situation

Make = Callable[[], Any]


class Absent(Exception):
    """A fixture that this situation cannot give; the reason says what would."""


class Fixtures:
    """Values by name, each made when a rule first asks for it and kept for the others."""

    def __init__(self, made: Mapping[str, Any], lazy: Mapping[str, Make], above: "Fixtures | None" = None) -> None:
        """Take what there is.

        Args:
            made: values.
            lazy: calls that make a value.
            above: what is the same for other subjects too.
        """
        self._made = dict(made)
        self._lazy = lazy
        self._above = above

    def has(self, name: str) -> bool:
        """Tell whether a fixture of that name can be asked for."""
        return name in self._made or name in self._lazy or (self._above is not None and self._above.has(name))

    def give(self, name: str) -> Any:
        """Give a fixture.

        Raises:
            Absent: it cannot be had here.
            KeyError: there is none of that name.
        """
        if name in self._made:
            return self._made[name]
        if name not in self._lazy:
            if self._above is None:
                raise KeyError(name)
            return self._above.give(name)
        self._made[name] = self._lazy[name]()
        return self._made[name]


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing of one kind."""

    kind: str  # the name of the fixture that is this very thing: file, grant, person
    label: str  # how a report and `-k` name it
    fixtures: Fixtures
    file: str = ""  # where it is written
    line: int = 0  # counted from 1; 0: the file as a whole

    @property
    def place(self) -> str:
        """The form for people and editors."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def named(self) -> "Subject":
        """Give it without what it is made from: verdicts outlive that, and a ledger has many."""
        return replace(self, fixtures=NOTHING)


NOTHING = Fixtures({}, {})


def _none(name: str) -> Any:
    raise Absent(f"there is no '{name}' here")


@dataclass(frozen=True, slots=True)
class Material:
    """What one run looks at: all subjects of a situation."""

    situation: Situation
    kinds: Mapping[
        str, str
    ]  # fixture -> the kind of subject that a rule which wants it is asked about; first come first
    subjects: Iterable[Subject]
    common: Fixtures
    offers: frozenset[str]  # every fixture that some subject could give
    title: str = ""
    root: str = ""  # what makes the files of its subjects paths from where the caller is
    whole: Subject = field(init=False)

    def __post_init__(self) -> None:
        none = {name: partial(_none, name) for name in self.offers if not self.common.has(name)}
        place = Subject("", self.situation.value, Fixtures({}, none, self.common))
        object.__setattr__(self, "whole", place)

    def kind_for(self, rule: Rule) -> str:
        """Tell for each of which subjects a rule is asked; empty: once, also where it asks for what is not offered."""
        if not self.offers.issuperset(rule.wants):
            return ""
        return next((kind for name, kind in self.kinds.items() if name in rule.wants), "")
