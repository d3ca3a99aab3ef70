"""Does what an identity token says fit a trusted publisher? A pure function, for cases, for minting, and at every use.

A policy names immutable ids; which claim of which provider each is compared with stands in that provider's module.
`sub` is never taken apart, and names that are shown to people are never compared: both can be taken over by others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from registry.policy.case import Claim, Claims
from registry.policy.files import Issuer, Matcher, Organization, Publisher
from registry.publishers import PROVIDERS
from registry.publishers.base import Condition, Provider, globbed, text
from registry.publishers.bitbucket import ISSUER_OF

ISSUER = "iss"  # RFC 7519, section 4.1.1


@dataclass(frozen=True, slots=True)
class Misfit:
    """A condition that a token does not meet."""

    condition: Condition
    said: Claim | None  # None: the token does not have that claim

    def __str__(self) -> str:
        asked, claim = self.condition, self.condition.claim
        found = f"has no {claim}" if self.said is None else f"says {claim} {str(self.said)[:200]!a}"
        wanted = f"{asked.key}: {asked.wanted}" if asked.key else f"{claim} must be {asked.wanted}"
        return f"the token {found}; {wanted}"


@dataclass(frozen=True, slots=True)
class Fit:
    """How the claims of a token compare with a publisher."""

    misfits: tuple[Misfit, ...]
    related: bool  # issuer and an immutable id are the same, so the token is of the same house

    @property
    def failed(self) -> tuple[str, ...]:
        """Claims that say something else than the publisher demands."""
        return tuple(dict.fromkeys(m.condition.claim for m in self.misfits if m.said is not None))

    @property
    def absent(self) -> tuple[str, ...]:
        """Claims the publisher demands and the token does not have."""
        return tuple(dict.fromkeys(m.condition.claim for m in self.misfits if m.said is None))

    @property
    def good(self) -> bool:
        """Whether the publisher is the one the token speaks of; a claim that is not there never matches."""
        return not self.misfits

    @property
    def possible(self) -> bool:
        """Whether a token with these claims and others could fit."""
        return not self.failed


def fit(publisher: Publisher, claims: Claims, organization: Organization) -> Fit:
    """Compare a publisher with claims.

    Args:
        publisher: a statement of the policy.
        claims: as the verified token has them, `iss` included; in a case, only some of them.
        organization: whose issuers are accepted.
    """
    misfits, related = [], False
    for condition in _conditions(publisher, claims, organization):
        said = claims.get(condition.claim)
        if said is None or not condition.holds(said):
            misfits.append(Misfit(condition, said))
        elif condition.identifies:
            related = True
    elsewhere = any(misfit.condition.claim == ISSUER for misfit in misfits)  # whose ids are no ids of ours
    return Fit(tuple(misfits), related and not elsewhere)


def accepted(organization: Organization, provider: str) -> tuple[str, ...]:
    """List the exact issuers whose tokens are accepted as a provider's; none where the policy does not name it."""
    issuer: Issuer | None = organization.issuers.get(provider)
    if issuer is None:
        return ()
    if issuer.workspace:
        return (ISSUER_OF.format(issuer.workspace),)
    return issuer.urls or PROVIDERS[provider].ISSUERS


def provider_of(organization: Organization, issuer: str) -> tuple[Provider, Issuer] | None:
    """Tell whose tokens an issuer's are, and where the policy accepts them; None: they are not accepted."""
    for name, provider in PROVIDERS.items():
        if issuer in accepted(organization, name):
            return provider, organization.issuers[name]
    return None


def named(publisher: Publisher) -> set[str]:
    """List the claims of which a publisher says what it takes; what it only refuses opens nothing."""
    return {name for name, rule in publisher.claims.items() if rule.equals is not None or rule.in_ or rule.matches}


def _conditions(publisher: Publisher, claims: Claims, organization: Organization) -> Iterator[Condition]:
    """List what a publisher demands, and what holds for every token of that provider."""
    issuers = _issuers(publisher, organization)
    wanted = publisher.issuer or " or ".join(sorted(issuers)) or "one that waybill.yaml accepts"
    key = "issuer" if publisher.issuer else ""
    yield Condition(ISSUER, wanted, lambda value: value in issuers, key)
    if publisher.provider:
        yield from PROVIDERS[publisher.provider].conditions(publisher.fields, claims)
    found = provider_of(organization, str(claims.get(ISSUER)))
    if found:
        yield from found[0].guards(claims, named(publisher), found[1])
    for name, matcher in publisher.claims.items():
        ids = name.lower().endswith("id") and (matcher.equals is not None or bool(matcher.in_))
        yield Condition(name, _words(matcher), partial(_matched, matcher), f"claims: {name}", ids)


def _issuers(publisher: Publisher, organization: Organization) -> set[str]:
    """List the issuers a publisher means, as far as they are accepted."""
    if publisher.provider is None:
        return {url for name in organization.issuers for url in accepted(organization, name)} & {publisher.issuer or ""}
    known = set(accepted(organization, publisher.provider))
    if publisher.issuer:
        return known & {publisher.issuer}
    provider = PROVIDERS[publisher.provider]
    return known & set(provider.ISSUERS) if provider.SELF_HOSTED else known


def _matched(matcher: Matcher, value: Claim) -> bool:
    """Test a claim by rules, all of which must hold: a number is no text, and true is no number.

    But a refused value is refused however the token writes it: who forbids true means "true" as well.
    """
    return (
        (matcher.equals is None or _same(value, matcher.equals))
        and (matcher.not_equals is None or text(value) != text(matcher.not_equals))
        and (not matcher.in_ or any(_same(value, one) for one in matcher.in_))
        and text(value) not in map(text, matcher.not_in)
        and (not matcher.matches or (isinstance(value, str) and any(globbed(value, glob) for glob in matcher.matches)))
    )


def _same(one: Claim, other: Claim) -> bool:
    return type(one) is type(other) and one == other


def _words(matcher: Matcher) -> str:
    """Say rules as they are written."""
    said = {
        "equals": [] if matcher.equals is None else [matcher.equals],
        "not_equals": [] if matcher.not_equals is None else [matcher.not_equals],
        "in": matcher.in_,
        "not_in": matcher.not_in,
        "matches": matcher.matches,
    }
    return ", ".join(f"{rule} {' or '.join(map(repr, values))}" for rule, values in said.items() if values)
