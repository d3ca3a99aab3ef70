"""Any other issuer: what its tokens mean only the policy says, claim by claim."""

from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

from registry.policy.case import Claims
from registry.policy.files import Issuer
from registry.publishers.base import Condition, Fields, Written, facts_of, text

NAME = "other"
ISSUERS: tuple[str, ...] = ()
SELF_HOSTED = False
REQUIRED: tuple[str, ...] = ("sub",)
HINTS: Mapping[str, str] = {}


def conditions(_fields: Fields, _claims: Claims) -> Iterator[Condition]:
    """List what a statement asks of a token: all of it stands under `claims`."""
    yield from ()


def guards(_claims: Claims, _named: Collection[str], _accepted: Issuer) -> Iterator[Condition]:
    """Ask for nothing more: nothing is known."""
    yield from ()


def title(claims: Claims, _fields: Fields) -> str:
    """Name the publisher for people: by its issuer."""
    return urlsplit(text(claims.get("iss"))).netloc


def facts(claims: Claims) -> dict[str, str]:
    """Give what the claims prove, by the trailer that will say it."""
    subject = text(claims.get("sub"))
    return facts_of(Subject="" if "@" in subject else subject)  # it may be somebody's e-mail address


def statement(claims: Claims) -> Written:
    """Write the keys of the statement that trusts exactly this subject."""
    return {"issuer": text(claims.get("iss")), "claims": {"sub": text(claims.get("sub"))}}
