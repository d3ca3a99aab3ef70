"""The nouns of a rule file: a rule is a plain function with a code, and its parameters say what it wants to look at."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn, TypeVar

F = TypeVar("F", bound=Callable[..., None])

Setting = str | int | bool
_CODE = re.compile(r"[A-Z]{2,8}[0-9]{3}")
_ATTRIBUTE = "__waybill_rule__"


class Severity(Enum):
    """What a failure means: an error refuses, a warning is said."""

    ERROR = "error"
    WARNING = "warning"


class Situation(Enum):
    """Where a rule is asked."""

    PUBLISH = "publish"  # files that are about to be uploaded, or are being uploaded
    CHANGE = "change"  # a policy, perhaps compared with the one it would follow
    LEDGER = "ledger"  # what a registry has recorded


class Skip(Exception):
    """A rule found that it does not concern this subject."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold, and where it is written."""

    code: str  # WB204: stable, for configuration; its family is all but the last two digits
    name: str
    severity: Severity
    on: frozenset[Situation]
    wants: tuple[str, ...]  # fixtures, by name
    settings: Mapping[str, Setting]  # what waybill.yaml may set, with the defaults
    text: str  # the docstring: shown to people
    function: Callable[..., None]
    file: str
    line: int
    marks: frozenset[str] = frozenset()

    @property
    def family(self) -> str:
        """The group of rules it belongs to."""
        return self.code[:-2]

    @property
    def title(self) -> str:
        """The first sentence of what it says, as people read it in a list."""
        return self.text.partition("\n\n")[0].replace("\n", " ")

    @property
    def words(self) -> frozenset[str]:
        """What `-m` may ask for."""
        return self.marks | {self.severity.value, self.family.lower()} | {situation.value for situation in self.on}


def rule(
    code: str,
    *,
    severity: str = "error",
    on: Iterable[str] = ("publish", "change", "ledger"),
    marks: Iterable[str] = (),
) -> Callable[[F], F]:
    """Make a function a rule; it stays the function it was, so that a test can call it.

    Parameters without a default are fixtures by name; those with one are settings, which `waybill.yaml` may change.

    Args:
        code: two to eight capitals and three digits, unlike that of any other rule.
        severity: error (refuses) or warning.
        on: where it is asked: publish, change, ledger.
        marks: words by which `-m` selects it.

    Raises:
        TypeError: the function cannot be a rule; the message says why.
        ValueError: code, severity or situation is none.
    """
    if not _CODE.fullmatch(code):
        raise ValueError(f"{code!r} is not a rule's code; write two to eight capitals and three digits, like AC101")
    places = (on,) if isinstance(on, str) else tuple(on)

    def mark(function: F) -> F:
        wants, settings = _parameters(function)
        text = inspect.getdoc(function)
        if not text:
            raise TypeError(f"rule {code}: {function.__name__} has no docstring; say in a sentence what must hold")
        made = Rule(
            code=code,
            name=function.__name__,
            severity=Severity(severity),
            on=frozenset(Situation(place) for place in places),
            wants=wants,
            settings=settings,
            text=text,
            function=function,
            file=function.__code__.co_filename,
            line=function.__code__.co_firstlineno,
            marks=frozenset(marks),
        )
        setattr(function, _ATTRIBUTE, made)
        return function

    return mark


def rule_of(function: object) -> Rule | None:
    """Give the rule that a function was made; None if it was not."""
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Rule) else None


def skip(reason: str) -> NoReturn:
    """Leave a rule that does not concern its subject; the report counts it as skipped.

    Args:
        reason: why not.
    """
    raise Skip(reason)


def _parameters(function: Callable[..., None]) -> tuple[tuple[str, ...], dict[str, Setting]]:
    wants: list[str] = []
    settings: dict[str, Setting] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise TypeError(f"{function.__name__}: {parameter} cannot be asked for; name each fixture")
        default: Any = parameter.default
        if default is parameter.empty:
            wants.append(name)
        elif isinstance(default, Setting):
            settings[name] = default
        else:
            raise TypeError(f"{function.__name__}: the default of {name} is no text, number or truth value")
    return tuple(wants), settings
