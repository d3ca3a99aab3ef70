"""The shape of rules on the claims of an identity token."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from registry.policy.files import Matcher
from registry.policy.schema.kinds import CLAIM, LINE
from registry.policy.shapes import Flag, Number, Place, Schema
from registry.policy.tables import Either, Key, ListOf, MappingOf, Row, Table

_INTEGER = Number(-(10**15), 10**15)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value as a token has it: text, a whole number, true or false; what YAML readers disagree on must be quoted."""

    def read(self, node: yaml.Node, at: Place) -> str | int | bool | None:
        """Give the value."""
        if isinstance(node, yaml.ScalarNode) and node.style is None:
            if node.value in {"true", "false"}:
                return Flag().read(node, at)
            if re.fullmatch("0|-?[1-9][0-9]*", node.value):
                return _INTEGER.read(node, at)
        return LINE.read(node, at)

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {"anyOf": [LINE.schema(), _INTEGER.schema(), Flag().schema()]}


@dataclass(frozen=True, slots=True)
class Rule:
    """What one claim must be: one value, or a table of rules."""

    def read(self, node: yaml.Node, at: Place) -> Matcher | None:
        """Give the rules, of which a single value is the short form."""
        value = _RULE.read(node, at)
        return value if value is None or isinstance(value, Matcher) else Matcher(equals=value)

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return _RULE.schema()


def _matcher(row: Row) -> Matcher | None:
    """Build a matcher that has something to match."""
    if not row.values:
        row.report(None, f"{row.at.label}: there is no rule; write one of {', '.join(_RULES)}")
        return None
    matches = row.get("matches", ())
    return Matcher(
        equals=row.get("equals"),
        not_equals=row.get("not_equals"),
        in_=row.get("in", ()),
        not_in=row.get("not_in", ()),
        matches=(matches,) if isinstance(matches, str) else matches,
    )


_RULES: Mapping[str, Key] = {
    "equals": Key(Scalar(), "the claim is exactly this"),
    "not_equals": Key(Scalar(), "the claim is there and is not this"),
    "in": Key(ListOf(Scalar(), least=1), "the claim is one of these"),
    "not_in": Key(ListOf(Scalar(), least=1), "the claim is there and is none of these"),
    "matches": Key(
        Either(LINE, ListOf(LINE, least=1)), "the claim is text that one of these patterns fits; * and ? are wildcards"
    ),
}
_RULE: Either[str | int | bool, Matcher] = Either(Scalar(), Table(_RULES, _matcher))

CLAIMS = MappingOf(CLAIM, Rule(), least=1)
