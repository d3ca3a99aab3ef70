"""The shape of `known_as`: under which addresses of four documented systems a registry is found as well."""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from registry import names
from registry.errors import Invalid
from registry.policy.known_as import Address, System
from registry.policy.schema.kinds import DECIMAL, PATH
from registry.policy.shapes import Place, Schema, Text
from registry.policy.strict import line_of
from registry.policy.tables import Either, Key, ListOf, Row, Table


def _unreserved(text: str) -> None:
    """Refuse what means something else as a part of URLs, as a registry's own name is refused."""
    if text in names.RESERVED_REGISTRIES:
        raise Invalid(f"'{text}' is reserved for URLs of the server")


_SLUG = "[A-Za-z0-9][A-Za-z0-9_-]*"
_WORKSPACE = Text("the slug of a workspace, like acme", _SLUG, 100, check=_unreserved)
_PAIR = Text("organization/registry, like acme/my-python-packages", f"{_SLUG}/{_SLUG}", 200)
_KEY = Text("the key of a registry, like pypi-local", _SLUG, 100, check=_unreserved)

Addresses = tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class _At:
    """One address, with its line."""

    system: System
    text: Text

    def read(self, node: yaml.Node, at: Place) -> Address | None:
        """Give the address."""
        text = self.text.read(node, at)
        return None if text is None else Address(self.system, text, line_of(node))

    def schema(self) -> Schema:
        """Say the same as JSON Schema."""
        return self.text.schema()


def _one_or_more(system: System, text: Text) -> Either[Address, Addresses]:
    return Either(_At(system, text), ListOf(_At(system, text), least=1, most=100))


_PROJECT: Table[Addresses] = Table(
    {
        "id": Key(_At(System.GITLAB, DECIMAL), "the numeric id of the project, in quotes"),
        "path": Key(_At(System.GITLAB, PATH), "its path with all groups, like acme/payments"),
        "groups": Key(
            ListOf(_At(System.GITLAB_GROUP, DECIMAL), most=100),
            "the numeric ids, in quotes, of the groups it is below; by path they are known from its own",
        ),
    },
    lambda row: tuple(_flat(row)),
)
_SYSTEMS: dict[System, Key] = {
    System.BITBUCKET: Key(
        _one_or_more(System.BITBUCKET, _WORKSPACE),
        "Bitbucket Packages: the workspace, or a list of them; /<workspace> is then this registry",
    ),
    System.BUILDKITE: Key(
        _one_or_more(System.BUILDKITE, _PAIR),
        "Buildkite Package Registries: organization/registry, or a list of them",
    ),
    System.GITLAB: Key(ListOf(_PROJECT, least=1, most=100), "GitLab: the projects whose packages are here"),
    System.ARTIFACT_KEEPER: Key(
        _one_or_more(System.ARTIFACT_KEEPER, _KEY), "Artifact Keeper: the key of the registry, or a list of them"
    ),
}


def _flat(row: Row) -> Iterator[Address]:
    """List the addresses below a row, in the order of the file."""
    for value in row.values.values():
        yield from _addresses(value)


def _addresses(value: object) -> Iterator[Address]:
    if isinstance(value, Address):
        yield value
    elif isinstance(value, tuple):
        for entry in value:
            yield from _addresses(entry)


KNOWN_AS: Table[Addresses] = Table(
    {system.value: key for system, key in _SYSTEMS.items()}, lambda row: tuple(_flat(row))
)
