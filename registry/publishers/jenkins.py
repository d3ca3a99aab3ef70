"""Jenkins with its oidc-provider plugin: an issuer per controller or folder, which its administrators own.

https://plugins.jenkins.io/oidc-provider/
"""

from collections.abc import Collection, Iterator, Mapping

from registry.policy.case import Claims
from registry.policy.files import Issuer
from registry.publishers.base import Condition, Fields, Written, equal, facts_of, joined, text

NAME = "jenkins"
ISSUERS: tuple[str, ...] = ()
SELF_HOSTED = False
REQUIRED: tuple[str, ...] = ("sub",)
HINTS: Mapping[str, str] = {}


def conditions(fields: Fields, _claims: Claims) -> Iterator[Condition]:
    """List what a statement asks of a token."""
    yield equal("sub", fields["job"], "job", identifies=True)


def guards(_claims: Claims, _named: Collection[str], _accepted: Issuer) -> Iterator[Condition]:
    """Ask for nothing more: the token has nothing to tell by."""
    yield from ()


def title(claims: Claims, _fields: Fields) -> str:
    """Name the publisher for people: by its job."""
    return text(claims.get("sub"))


def facts(claims: Claims) -> dict[str, str]:
    """Give what the claims prove, by the trailer that will say it."""
    job = text(claims.get("sub")).rstrip("/")
    number = text(claims.get("build_number"))
    return facts_of(Pipeline=f"{job}/{number}/" if number else "", Workflow=text(claims.get("sub")))


def statement(claims: Claims) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline."""
    return {"provider": NAME, "issuer": text(claims.get("iss")), "job": joined(claims, "{}", "sub")}
