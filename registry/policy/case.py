"""A case: what the organization wants to hold after every change, whoever approved it."""

from collections.abc import Mapping
from dataclasses import dataclass

from registry.names import RegistryName
from registry.policy.files import Statement
from registry.policy.roles import Action

Claim = str | int | bool  # a value as an identity token has it
Claims = Mapping[str, Claim]


@dataclass(frozen=True, slots=True)
class Identity:
    """A pipeline by what its identity token says; claims that are left out could be anything."""

    provider: str | None  # as in publishers; its accepted issuers are meant
    issuer: str | None  # the exact `iss`, where no provider is named
    claims: Claims

    def __str__(self) -> str:
        said = ", ".join(f"{name}: {value}" for name, value in self.claims.items())
        return f"{self.provider or self.issuer} {{{said}}}"


@dataclass(frozen=True, slots=True)
class Case:
    """One entry of a file in `cases/`: who may, or may not, do what."""

    person: str | None  # an account id, or anyone; None: an identity is meant
    identity: Identity | None
    may: bool  # False: must not
    action: Action
    projects: tuple[str, ...]  # globs over normalised names
    registry: RegistryName | None  # None: all of them
    reason: str | None
    statement: Statement

    @property
    def who(self) -> str:
        """The person or pipeline it is about."""
        return self.person or str(self.identity)

    def __str__(self) -> str:
        where = f" in {self.registry}" if self.registry else ""
        return f"{self.who} {'may' if self.may else 'may not'} {self.action} {', '.join(self.projects)}{where}"

    @property
    def demand(self) -> tuple[object, ...]:
        """What is demanded, wherever it stands."""
        claims = frozenset(self.identity.claims.items()) if self.identity else None
        origin = (self.identity.provider, self.identity.issuer) if self.identity else None
        return self.person, origin, claims, self.may, self.action, self.projects, self.registry
