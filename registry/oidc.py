"""Is this identity token genuine, for us, and of now? Then its claims count; which pipeline may publish is asked later.

https://openid.net/specs/openid-connect-core-1_0.html section 3.1.3.7, and what PyJWT leaves open: exactly one audience,
a bounded lifetime, one fixed set of algorithms, keys of issuers that the policy lists and of nobody else.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from registry.compact import Compact, taken_apart
from registry.errors import Invalid
from registry.keys import Keys, reviewed
from registry.policy.case import Claims
from registry.policy.claims import provider_of
from registry.policy.files import Issuer, Organization
from registry.publishers import PROVIDERS
from registry.publishers.base import Provider
from registry.signatures import ALGORITHMS, Jwk, is_signed
from registry.state import LEEWAY

LONGEST_LIFE = 3600  # seconds from `iat` to `exp`
_LONGEST_ID = 255  # characters of `kid` and `jti`


@dataclass(frozen=True, slots=True)
class Identity:
    """What a genuine identity token says."""

    provider: Provider
    claims: Claims  # texts, whole numbers and truth values; no e-mail addresses
    used: str  # names this token, unlike any other
    issued: datetime
    until: datetime  # the first moment at which it is not taken any more


def identify(token: str, organization: Organization, audience: str, keys: Keys, now: datetime) -> Identity:
    """Verify an identity token.

    Args:
        token: as the client sent it.
        organization: whose issuers are accepted.
        audience: what it must be made for.
        keys: of the issuers.
        now: the moment.

    Raises:
        Invalid: it is not genuine, not for us, or not of now.
        Unavailable: its issuer's keys cannot be had.
    """
    parts = taken_apart(token)
    provider, accepted = _issuer(parts, organization)
    _signature(token, parts, organization.keys.get(parts.claims["iss"], ()), keys, now)
    said = parts.claims
    _audience(said.get("aud"), audience, accepted)
    issued, expires = _times(said, now)
    claims = {name: v for name, v in said.items() if isinstance(v, str | int) and "email" not in name.lower()}
    for name in provider.REQUIRED:
        if name not in claims:
            raise Invalid(f"The token has no claim {name}, which every token of {provider.NAME} has")
    return Identity(provider, claims, _name(parts), issued, expires + timedelta(seconds=LEEWAY))


def _issuer(parts: Compact, organization: Organization) -> tuple[Provider, Issuer]:
    """Find the issuer among those of the policy, character by character; no other one is ever asked for anything."""
    issuer = parts.claims.get("iss")
    found = provider_of(organization, issuer) if isinstance(issuer, str) else None
    if found is None:
        public = (f"{name}: true" for name, provider in PROVIDERS.items() if issuer in provider.ISSUERS)
        raise Invalid(
            f"waybill.yaml accepts no tokens of issuer {str(issuer)[:200]!a}; "
            f"an admin adds {next(public, 'it, by its CI system,')} under 'issuers'"
        )
    return found


def _signature(token: str, parts: Compact, known: Sequence[Jwk], keys: Keys, now: datetime) -> None:
    algorithm, kid = parts.header.get("alg"), parts.header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Invalid(f"The token is signed by {str(algorithm)[:40]!a}; accepted are {' and '.join(ALGORITHMS)}")
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_ID:
        raise Invalid("The token's header does not say by 'kid' which key signed it")
    issuer = parts.claims["iss"]
    key = reviewed(known, issuer, kid, algorithm) if known else keys.get(issuer, kid, algorithm, now.timestamp())
    if not is_signed(token, key, algorithm):
        raise Invalid("The token's signature is not its issuer's")


def _audience(given: object, ours: str, accepted: Issuer) -> None:
    """Ask for a token that was made for this installation and nobody else, who could come to us with it."""
    every = given if isinstance(given, list) else [given]
    audiences = [one for one in every if isinstance(one, str)]
    if ours not in audiences or len(audiences) != len(every):
        raise Invalid(f"The token is for {str(given)[:200]!a}; ask for one whose audience is {ours}")
    ari = f"ari:cloud:bitbucket::workspace/{(accepted.workspace_uuid or '').strip('{}').lower()}"
    for one in audiences:
        own = accepted.workspace_uuid and one.replace("{", "").replace("}", "").lower() == ari
        if one != ours and not own:
            raise Invalid(f"The token is also for {one[:200]!a}, so others could use it here; ask for {ours} alone")
    if len(set(audiences)) != len(audiences):
        raise Invalid("The token names an audience twice")


def _times(said: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """Check when it was made, from when and until when it holds: whole seconds (RFC 7519, section 4.1)."""
    iat, exp, nbf = (said.get(name) for name in ("iat", "exp", "nbf"))
    for name, value in (("iat", iat), ("exp", exp), ("nbf", 0 if nbf is None and "nbf" not in said else nbf)):
        if type(value) is not int or not 0 <= value < 2**40:
            raise Invalid(f"The token's {name} is not a moment in seconds")
    issued, expires, at = int(said["iat"]), int(said["exp"]), now.timestamp()
    if at >= expires + LEEWAY:
        raise Invalid(f"The token expired {int(at) - expires} seconds ago; ask for it just before it is used")
    if issued > at + LEEWAY or (nbf or 0) > at + LEEWAY:
        raise Invalid("The token is of the future; the clocks of its issuer and this registry differ")
    if not 0 < expires - issued <= LONGEST_LIFE:
        raise Invalid(
            f"The token would live for {expires - issued} seconds; at most {LONGEST_LIFE} are accepted "
            "(at GitLab it lives as long as the job may: give the job `timeout: 1h` or less)"
        )
    return datetime.fromtimestamp(issued, UTC), datetime.fromtimestamp(expires, UTC)


def _name(parts: Compact) -> str:
    """Name a token: by its own id where it has a good one, else by all that was signed."""
    jti = parts.claims.get("jti")
    named = isinstance(jti, str) and 0 < len(jti) <= _LONGEST_ID
    name = f"{parts.claims['iss']}\n{jti}" if named else parts.signed
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
