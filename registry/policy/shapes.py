"""Small readers over YAML nodes: each says what it expects, in Python's types, in messages, and as JSON Schema.

A shape reads a node to a value, or reports problems and gives None. Reading goes on after a problem, so that one look
at a file finds all of them. The JSON Schema (draft 2020-12) that editors complete by comes from the same objects.
"""

import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import yaml

from registry.errors import Invalid
from registry.policy.files import BadFile, Problem, Statement
from registry.policy.strict import implied, line_of, shown

MOST_PROBLEMS = 100  # of one file; who has more has saved the wrong file

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Schema = dict[str, Any]

_DIGITS = "0|-?[1-9][0-9]{0,17}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reader stands in a file, and the problems found so far."""

    file: str
    name: str  # what the file's path names: a team, a registry, a project
    problems: list[Problem]
    pointer: str = ""

    @property
    def key(self) -> str:
        """The last key or position."""
        return self.pointer.rpartition("/")[2]

    @property
    def label(self) -> str:
        """The nearest key, which is what a message calls the value."""
        return next((part for part in reversed(self.pointer.split("/")) if part and not part.isdigit()), "the file")

    def inside(self, part: str | int) -> "Place":
        """The place one key or position further in."""
        return replace(self, pointer=f"{self.pointer}/{part}" if self.pointer else str(part))

    def statement(self, node: yaml.Node) -> Statement:
        """The node at this place, as a decision refers to it."""
        return Statement(self.file, self.pointer, line_of(node))

    def report(self, node: yaml.Node, text: str) -> None:
        """Note a problem at the node's line.

        Raises:
            BadFile: the file has too many problems to go on.
        """
        self.problems.append(Problem(self.file, line_of(node), text))
        if len(self.problems) >= MOST_PROBLEMS:
            raise BadFile(tuple(self.problems))


class Shape(Protocol[T_co]):
    """What a node must look like."""

    def read(self, node: yaml.Node, at: Place) -> T_co | None:
        """Give the node's value, or report why there is none and give None."""

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""


def unknown(noun: str, word: str, known: Iterable[str]) -> str:
    """Word the refusal of a word that is not among the known ones, with the likely repair."""
    known = list(known)
    near = difflib.get_close_matches(word, known, 1) if len(word) <= 60 else []
    if near:
        return f"unknown {noun} {shown(word)}, did you mean {shown(near[0])}?"
    return f"unknown {noun} {shown(word)}; known here: {', '.join(known)}"


@dataclass(frozen=True, slots=True)
class Text:
    """Text of one form, which no YAML reader may take for something else."""

    what: str  # "an e-mail address like ann@acme.example"
    pattern: str  # for the whole text; the subset that Python and ECMA-262 read alike
    longest: int  # characters
    check: Callable[[str], object] | None = None  # raises Invalid for what a pattern cannot say
    echo: bool = True  # whether a message may show the text: not where a password could stand by mistake

    def read(self, node: yaml.Node, at: Place) -> str | None:
        """Give the text."""
        if not isinstance(node, yaml.ScalarNode):
            at.report(node, f"{at.label}: a list or mapping is not {self.what}")
        elif not node.value:
            at.report(node, f"{at.label}: the value is missing; write {self.what}")
        elif kind := implied(node):
            at.report(node, f"{at.label}: {shown(node.value)} may be read as {kind} where text is meant; quote it")
        elif fault := self.fault(node.value):
            at.report(node, f"{at.label}: {fault}")
        else:
            return str(node.value)
        return None

    def fault(self, value: str) -> str | None:
        """Say what is wrong with a text, or None."""
        if len(value) > self.longest:
            return f"the text has {len(value):,} characters; at most {self.longest} are accepted"
        if not re.fullmatch(self.pattern, value):
            return f"{shown(value) if self.echo else 'this'} is not {self.what}"
        if self.check:
            try:
                self.check(value)
            except Invalid as error:
                return str(error)
        return None

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "maxLength": self.longest}


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words."""

    noun: str
    words: tuple[str, ...]

    def read(self, node: yaml.Node, at: Place) -> str | None:
        """Give the word."""
        if not isinstance(node, yaml.ScalarNode):
            at.report(node, f"{at.label}: a list or mapping is not one of {', '.join(self.words)}")
        elif node.value not in self.words:
            at.report(node, unknown(self.noun, node.value, self.words))
        else:
            return str(node.value)
        return None

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Flag:
    """Exactly true or false: `yes` and `on` are text for some readers."""

    def read(self, node: yaml.Node, at: Place) -> bool | None:
        """Give the truth value."""
        if isinstance(node, yaml.ScalarNode) and node.style is None and node.value in {"true", "false"}:
            return bool(node.value == "true")
        at.report(node, f"{at.label}: write true or false, without quotes")
        return None

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number between two bounds, in plain decimal digits."""

    low: int
    high: int

    def read(self, node: yaml.Node, at: Place) -> int | None:
        """Give the number."""
        if isinstance(node, yaml.ScalarNode) and node.style is None and re.fullmatch(_DIGITS, node.value):
            number = int(node.value)
            if self.low <= number <= self.high:
                return number
        at.report(node, f"{at.label}: write a whole number from {self.low} to {self.high}, without quotes")
        return None

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day, plain or quoted."""

    def read(self, node: yaml.Node, at: Place) -> dt.date | None:
        """Give the day."""
        if isinstance(node, yaml.ScalarNode) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", node.value):
            try:
                return dt.date.fromisoformat(node.value)
            except ValueError:
                at.report(node, f"{at.label}: no calendar has the day {node.value}")
                return None
        at.report(node, f"{at.label}: this is not a date; write it like 2027-01-31")
        return None

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
