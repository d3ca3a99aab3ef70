"""Shapes made of shapes: lists, mappings of free keys, tables of known keys, and choices between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import yaml

from registry.policy.files import Statement
from registry.policy.shapes import Place, Schema, Shape, Text, Word, unknown

T = TypeVar("T")
S = TypeVar("S")


def _miscounted(label: str, things: str, count: int, least: int, most: int) -> str:
    """Word the refusal of too few or too many of something."""
    wanted = f"at most {most:,} are accepted" if count > most else f"write at least {least}"
    return f"{label}: {count:,} {things}; {wanted}"


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list of one kind of thing."""

    item: Shape[T]
    least: int = 0
    most: int = 1000

    def read(self, node: yaml.Node, at: Place) -> tuple[T, ...] | None:
        """Give the items in their order."""
        if not isinstance(node, yaml.SequenceNode):
            at.report(node, f"{at.label}: this is not a list; write [...] or lines that begin with '- '")
            return None
        if not self.least <= len(node.value) <= self.most:
            at.report(node, _miscounted(at.label, "entries", len(node.value), self.least, self.most))
            return None
        read = [self.item.read(item, at.inside(number)) for number, item in enumerate(node.value)]
        items = tuple(item for item in read if item is not None)
        return items if len(items) == len(read) else None

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {"type": "array", "items": self.item.schema(), "minItems": self.least, "maxItems": self.most}


@dataclass(frozen=True, slots=True)
class MappingOf(Generic[T]):
    """A mapping whose keys the author chooses."""

    key: Text
    value: Shape[T]
    least: int = 0
    most: int = 1000

    def read(self, node: yaml.Node, at: Place) -> dict[str, T] | None:
        """Give the values by key."""
        if not isinstance(node, yaml.MappingNode):
            at.report(node, f"{at.label}: this is not a mapping; write 'key: value' lines")
            return None
        if not self.least <= len(node.value) <= self.most:
            at.report(node, _miscounted(at.label, "keys", len(node.value), self.least, self.most))
            return None
        values: dict[str, T] = {}
        for key_node, value_node in node.value:
            if fault := self.key.fault(key_node.value):
                at.report(key_node, fault)
            value = self.value.read(value_node, at.inside(key_node.value))
            if value is not None:
                values[key_node.value] = value
        return values if len(values) == len(node.value) else None

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {
            "type": "object",
            "propertyNames": self.key.schema(),
            "additionalProperties": self.value.schema(),
            "minProperties": self.least,
            "maxProperties": self.most,
        }


@dataclass(frozen=True, slots=True)
class Key:
    """One known key of a table."""

    shape: Shape[Any]
    help: str  # what an editor shows
    required: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What a table read: the values of the keys that were given, and where each stands."""

    node: yaml.Node
    at: Place
    values: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, yaml.Node] = field(default_factory=dict)  # the keys

    @property
    def statement(self) -> Statement:
        """Where the whole row stands."""
        return self.at.statement(self.node)

    def get(self, key: str, default: Any = None) -> Any:
        """Give the value of a key, or the default when the file leaves it out."""
        return self.values.get(key, default)

    def said(self, key: str) -> Statement | None:
        """Give where a key stands, or None when the file leaves it out."""
        return self.at.inside(key).statement(self.nodes[key]) if key in self.nodes else None

    def report(self, key: str | None, text: str) -> None:
        """Note a problem that only shows between keys, at one of them or at the row's beginning."""
        self.at.report(self.nodes.get(key or "", self.node), text)

    def texts(self, *keys: str) -> dict[str, str]:
        """Give those of the keys that the file has, as text."""
        return {key: _as_text(self.values[key]) for key in keys if key in self.values}


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Table(Generic[T]):
    """A mapping with known keys, built into one noun."""

    keys: Mapping[str, Key]
    build: Callable[[Row], T | None]  # None: it reported a problem between keys that are fine by themselves

    def read(self, node: yaml.Node, at: Place) -> T | None:
        """Give the noun."""
        if not isinstance(node, yaml.MappingNode):
            at.report(node, f"{at.label}: this is not a mapping; write 'key: value' lines with {', '.join(self.keys)}")
            return None
        before = len(at.problems)
        row = Row(node, at)
        for key_node, value_node in node.value:
            name = key_node.value
            if name not in self.keys:
                at.report(key_node, unknown("key", name, self.keys))
                continue
            row.values[name] = self.keys[name].shape.read(value_node, at.inside(name))
            row.nodes[name] = key_node
        for name, key in self.keys.items():
            if key.required and name not in row.values:
                at.report(node, f"missing key '{name}' in {at.label} ({key.help})")
        return self.build(row) if len(at.problems) == before else None

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {
            "type": "object",
            "properties": {name: {"description": key.help, **key.shape.schema()} for name, key in self.keys.items()},
            "required": [name for name, key in self.keys.items() if key.required],
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True)
class TableBy(Generic[T]):
    """One of several tables, chosen by the word under one key."""

    key: str
    tables: Mapping[str, Table[T]]
    otherwise: Table[T] | None = None  # where the key is left out

    def read(self, node: yaml.Node, at: Place) -> T | None:
        """Give the noun of the chosen table."""
        if not isinstance(node, yaml.MappingNode):
            at.report(node, f"{at.label}: this is not a mapping; write 'key: value' lines, the first with {self.key}")
            return None
        choice = next((value for key, value in node.value if key.value == self.key), None)
        if choice is not None:
            word = Word(self.key, tuple(self.tables)).read(choice, at.inside(self.key))
            return None if word is None else self.tables[word].read(node, at)
        if self.otherwise is not None:
            return self.otherwise.read(node, at)
        at.report(node, f"missing key '{self.key}' in {at.label} (one of {', '.join(self.tables)})")
        return None

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        tables = [*self.tables.values(), *([self.otherwise] if self.otherwise else [])]
        return {"type": "object", "oneOf": [table.schema() for table in tables]}


@dataclass(frozen=True, slots=True)
class Either(Generic[T, S]):
    """A short form, one scalar, or a long form, a list or mapping."""

    short: Shape[T]
    long: Shape[S]

    def read(self, node: yaml.Node, at: Place) -> T | S | None:
        """Give the value of whichever form stands here."""
        return self.short.read(node, at) if isinstance(node, yaml.ScalarNode) else self.long.read(node, at)

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return {"anyOf": [self.short.schema(), self.long.schema()]}
