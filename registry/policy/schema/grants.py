"""The shapes of what gives rights to people: lists of principals, and grants."""

from dataclasses import dataclass

import yaml

from registry.policy.files import Grant, Named
from registry.policy.roles import Role
from registry.policy.schema.kinds import GLOB, LINE, OWNER, PRINCIPAL
from registry.policy.shapes import Day, Place, Schema, Word
from registry.policy.tables import Key, ListOf, Row, Table


@dataclass(frozen=True, slots=True)
class Entry:
    """One principal in a list that gives its members a right."""

    def read(self, node: yaml.Node, at: Place) -> Named | None:
        """Give the principal with its place."""
        name = OWNER.read(node, at)
        return None if name is None else Named(name, at.statement(node))

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return OWNER.schema()


def _grant(row: Row) -> Grant | None:
    """Build a grant; only reading may be given to callers without credentials."""
    role = Role.named(row.get("role"))
    to: tuple[str, ...] = row.get("to")
    if role > Role.READ and "anyone" in to:
        row.report("to", f"'anyone' can only have role read, not {role}; name who is meant, or write everyone")
        return None
    return Grant(role, to, row.get("projects", ()), row.get("until"), row.get("reason"), row.statement)


_GRANT = {
    "role": Key(
        Word("role", tuple(map(str, Role))),
        "read: see and install; publish: also upload; write: also yank and delete; admin: everything here",
        required=True,
    ),
    "to": Key(
        ListOf(PRINCIPAL, least=1),
        "who gets the role: account ids, team:<name>, everyone (signed in), anyone (without credentials; only read)",
        required=True,
    ),
    "until": Key(Day(), "the last day on which the grant holds, UTC, like 2027-01-31; left out: it has no end"),
    "reason": Key(LINE, "why, for those who review and audit"),
}
_PROJECTS = Key(ListOf(GLOB, least=1), "only these projects: patterns over normalised names; left out: all projects")

ENTRIES = ListOf(Entry())
GRANTS = ListOf(Table(_GRANT, _grant))
GRANTS_BY_PROJECT = ListOf(Table({**_GRANT, "projects": _PROJECTS}, _grant))
