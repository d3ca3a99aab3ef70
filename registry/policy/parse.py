"""From a policy file's text to what it says: one function per kind of file, and the JSON Schema of all of them."""

from collections.abc import Callable
from typing import TypeVar

from registry import names
from registry.errors import Invalid
from registry.policy import strict
from registry.policy.case import Case
from registry.policy.files import (
    Account,
    BadFile,
    LinkedRepository,
    Organization,
    Problem,
    ProjectFile,
    RegistryFile,
    Team,
)
from registry.policy.schema.cases import CASES
from registry.policy.schema.kinds import NAME
from registry.policy.schema.organization import ORGANIZATION, PEOPLE, TEAM
from registry.policy.schema.registries import LINKED_REPOSITORY, PROJECT_FILE, REGISTRY_FILE
from registry.policy.shapes import Place, Schema, Shape

LARGEST_PEOPLE = 1024 * 1024  # bytes: room for schema.organization.MOST_PEOPLE entries

T = TypeVar("T")


def organization(text: bytes, file: str) -> Organization:
    """Read `waybill.yaml`, without which nothing else has an owner.

    Args:
        text: the file's content.
        file: its path in the policy, for messages and statements.

    Raises:
        BadFile: with every problem found.
    """
    return _read(ORGANIZATION, text, file)


def people(text: bytes, file: str) -> dict[str, Account]:
    """Read `people.yaml`: who exists, by account id.

    Raises:
        BadFile: with every problem found.
    """
    return _read(PEOPLE, text, file, largest=LARGEST_PEOPLE)


def team(text: bytes, file: str, name: str) -> Team:
    """Read `teams/<name>.yaml`.

    Raises:
        BadFile: with every problem found, the name's included.
    """
    return _read(TEAM, text, file, name, _stem(name))


def linked_repository(text: bytes, file: str, name: str) -> LinkedRepository:
    """Read `repositories/<name>.yaml`.

    Raises:
        BadFile: with every problem found, the name's included.
    """
    return _read(LINKED_REPOSITORY, text, file, name, _stem(name))


def registry_file(text: bytes, file: str, name: str) -> RegistryFile:
    """Read `registries/<name>/registry.yaml`.

    Raises:
        BadFile: with every problem found, the name's included.
    """
    return _read(REGISTRY_FILE, text, file, name, _fault(names.registry_name, name))


def project_file(text: bytes, file: str, name: str) -> ProjectFile:
    """Read `registries/<registry>/projects/<name>.yaml`.

    Raises:
        BadFile: with every problem found, the name's included.
    """
    fault = _fault(names.project_name, name)
    if fault is None and (normalised := names.project_name(name)) != name:
        fault = f"project names are normalised (PEP 503); rename the file to {normalised}.yaml"
    return _read(PROJECT_FILE, text, file, name, fault)


def cases(text: bytes, file: str, name: str) -> tuple[Case, ...]:
    """Read `cases/<name>.yaml`.

    Raises:
        BadFile: with every problem found, the name's included.
    """
    return _read(CASES, text, file, name, _stem(name))


def json_schemas() -> dict[str, Schema]:
    """Give the JSON Schema (draft 2020-12) per kind of file, so that editors complete and check what people write."""
    return {
        "organization": _published(ORGANIZATION, "waybill.yaml", "What holds for the whole installation."),
        "people": _published(PEOPLE, "people.yaml", "People and service accounts, by account id."),
        "team": _published(TEAM, "teams/<team>.yaml", "Who belongs to a team."),
        "repository": _published(
            LINKED_REPOSITORY,
            "repositories/<name>.yaml",
            "A source-code repository whose members' rights projects inherit.",
        ),
        "registry": _published(
            REGISTRY_FILE,
            "registries/<registry>/registry.yaml",
            "A named index: who sees it, who publishes to it.",
        ),
        "project": _published(
            PROJECT_FILE, "registries/<registry>/projects/<project>.yaml", "A project and who may publish it."
        ),
        "cases": _published(CASES, "cases/<name>.yaml", "What must hold after every change of the policy."),
    }


def _published(shape: Shape[object], title: str, description: str) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        **shape.schema(),
    }


def _read(
    shape: Shape[T], text: bytes, file: str, name: str = "", fault: str | None = None, largest: int = strict.LARGEST
) -> T:
    """Read a whole file, adding what is wrong with its name to what is wrong inside."""
    problems = [Problem(file, 1, fault)] if fault else []
    value = shape.read(strict.load(text, file, largest=largest), Place(file, name, problems))
    if problems or value is None:
        raise BadFile(tuple(problems))
    return value


def _stem(name: str) -> str | None:
    fault = NAME.fault(name)
    return fault and f"{fault}; rename the file"


def _fault(check: Callable[[str], object], name: str) -> str | None:
    try:
        check(name)
    except Invalid as error:
        return str(error)
    return None
