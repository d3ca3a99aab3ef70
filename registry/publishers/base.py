"""What a CI system's module says about its identity tokens. All modules have the same names, and read alike."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from string import ascii_lowercase, ascii_uppercase
from typing import Protocol

from registry.policy.case import Claim, Claims
from registry.policy.files import Issuer

Test = Callable[[Claim], bool]
Fields = Mapping[str, str]  # of a publisher's statement, as reviewed
Written = Mapping[str, str | bool | Mapping[str, "str | Mapping[str, str]"]]  # a statement to be pasted
# Claims of which a provider refuses some values, unless a statement says by itself which ones it takes.
GUARDED = frozenset({"event_name", "job_workflow_ref", "pipeline_source"})
_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a statement, or Waybill itself, asks of one claim."""

    claim: str
    wanted: str  # in words
    holds: Test
    key: str = ""  # of the statement that asks for it; empty: Waybill asks whatever the statement says
    identifies: bool = False  # an immutable id: who has the same one is of the same house


class Provider(Protocol):
    """The names a CI system's module has."""

    NAME: str
    ISSUERS: tuple[str, ...]  # its public ones, which `true` in `waybill.yaml` means
    SELF_HOSTED: bool  # servers of one's own number from 1 again: a statement that names no issuer means a public one
    REQUIRED: tuple[str, ...]  # claims every token of it has: without one, a check would pass by its absence
    HINTS: Mapping[str, str]  # claim that may be missing -> how a pipeline gets it

    def conditions(self, fields: Fields, claims: Claims) -> Iterator[Condition]:
        """List what a statement asks of a token."""

    def guards(self, claims: Claims, named: Collection[str], accepted: Issuer) -> Iterator[Condition]:
        """List what must hold whatever the statement says, but for claims that it names itself."""

    def title(self, claims: Claims, fields: Fields) -> str:
        """Name the publisher for people, like acme/payments."""

    def facts(self, claims: Claims) -> dict[str, str]:
        """Give what the claims prove, by the trailer that will say it."""

    def statement(self, claims: Claims) -> Written:
        """Write the keys of the statement that trusts exactly this pipeline."""


def text(value: Claim | None) -> str:
    """Write a claim as text: some write an id as number, some a truth value as text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def equal(claim: str, wanted: str, key: str = "", *, identifies: bool = False) -> Condition:
    """Ask for one value, however the token writes it."""
    return Condition(claim, wanted, lambda value: text(value) == wanted, key, identifies)


def same_name(one: str, other: str) -> bool:
    """Compare names whose capitals do not count; of other alphabets' letters that fold to ours, each is another one."""
    return one.translate(_SMALL) == other.translate(_SMALL)


def like(claim: str, wanted: str, key: str) -> Condition:
    """Ask for text that a pattern fits."""
    return Condition(claim, wanted, lambda value: isinstance(value, str) and globbed(value, wanted), key)


def same_uuid(claim: str, wanted: str, key: str = "", *, identifies: bool = False) -> Condition:
    """Ask for a UUID, which some write with braces and some in capitals."""
    plain = wanted.strip("{}").lower()
    return Condition(claim, wanted, lambda value: text(value).strip("{}").lower() == plain, key, identifies)


def unlike(claim: str, unwanted: Collection[Claim], why: str) -> Condition:
    """Ask for anything but some values."""
    return Condition(claim, why, lambda value: value not in unwanted)


def globbed(value: str, glob: str) -> bool:
    """Match * and ?; brackets stand for themselves. An empty claim says as little as one that is not there."""
    return value != "" and fnmatchcase(value, glob.replace("[", "[[]"))


def facts_of(**values: str) -> dict[str, str]:
    """Name facts as trailers are named, without those that are not there."""
    return {name.replace("_", "-"): value for name, value in values.items() if value}


def joined(claims: Claims, form: str, *names: str) -> str:
    """Fill a form with claims; empty where one is not there."""
    values = [text(claims.get(name)) for name in names]
    return form.format(*values) if all(values) else ""


def pasted(keys: Written) -> str:
    """Write a statement as YAML that means the same to every reader: all text is in quotes."""
    lines = []
    for key, value in keys.items():
        if isinstance(value, Mapping):
            lines += [f"{key}:", *(f"  {json.dumps(name)}: {json.dumps(wanted)}" for name, wanted in value.items())]
        else:
            lines.append(f"{key}: {json.dumps(value)}")
    return "\n".join(f"{'  - ' if n == 0 else '    '}{line}" for n, line in enumerate(lines))
