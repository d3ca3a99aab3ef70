"""A CI run's identity token becomes an upload token: no secret is stored anywhere, and a token is taken once.

Upload tokens are random, and what they stand for lies in the state: so burning one ends it on every worker at once,
there is no signing key to keep, and whoever reads git or a backup of it finds nothing to publish with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from registry import credentials
from registry.errors import Forbidden, Invalid, Unauthenticated
from registry.installation import Installation
from registry.keys import Keys
from registry.model import UploadToken
from registry.oidc import Identity, identify
from registry.policy.claims import Fit
from registry.policy.files import BadFile, Organization
from registry.policy.policy import Policy
from registry.policy.publishing import Offer, compared
from registry.provenance import declared
from registry.publishers.base import pasted
from registry.state import LEEWAY

LIFE = timedelta(minutes=15)
LONGEST_FACT = 500  # characters; each becomes a line of a commit message
_NEAREST = 3  # statements that a refusal speaks of


class Refused(Forbidden):
    """An exchange that is refused, with the code that PyPI gives and clients know."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Minted:
    """A new upload token: the only moment its secret is known."""

    secret: str
    token: UploadToken


def audience(policy: Policy) -> str:
    """Tell what identity tokens must be made for: what the policy says, else the host it says it is at.

    Raises:
        Refused: this installation takes none.
    """
    try:
        organization = policy.organization()
    except BadFile:  # which line is wrong is not for strangers
        raise Refused(
            "not-enabled", "waybill.yaml cannot be read; whoever is signed in sees why in /-/health"
        ) from None
    found = organization.audience or urlsplit(organization.url or "").netloc
    if not organization.issuers:
        raise Refused("not-enabled", "No identity tokens are accepted here; an admin names issuers in waybill.yaml")
    if not found:
        raise Refused("not-enabled", "waybill.yaml has no audience; an admin writes one that nobody else uses")
    return found


def mint(installation: Installation, keys: Keys, token: str, said: Mapping[str, object]) -> Minted:
    """Exchange an identity token for an upload token.

    Args:
        installation: where.
        keys: of the issuers.
        token: as the CI system gave it to the pipeline.
        said: what the pipeline says about itself beyond its claims.

    Raises:
        Refused: it is not genuine, was used before, or fits no publisher.
        Unavailable: its issuer's keys, or the state, cannot be had now.
    """
    view = installation.view()
    ours, organization = audience(view.policy), view.policy.organization()
    try:
        only_declared = declared(said)
    except Invalid as error:
        raise Refused("invalid-payload", str(error)) from None
    try:
        identity = identify(token, organization, ours, keys, view.now)
        verified = _facts(identity)
    except Invalid as error:
        raise Refused("invalid-token", str(error)) from None
    _refuse_forgotten(identity, installation.state.begin())
    fitting = _fitting(view.policy, identity)
    title = identity.provider.title(identity.claims, fitting[0].publisher.fields)
    try:
        resolved = installation.resolver.resolved(identity.provider.NAME, identity.claims)  # of trusted pipelines only
    except Invalid as error:
        raise Refused("invalid-token", str(error)) from None
    only_declared = _without_what_is_known(only_declared, verified, "token proves")
    only_declared = _without_what_is_known(only_declared, resolved, "CI system's API answers")
    token_id, secret = credentials.new_secret()
    made = UploadToken(
        id=token_id,
        secret_sha256=credentials.digest(secret),
        expires=view.now.replace(microsecond=0) + LIFE,
        publisher=_line("publisher", f"{identity.provider.NAME}/{title}"),
        claims=identity.claims,
        places=tuple(dict.fromkeys((offer.registry, offer.project) for offer in fitting)),
        verified=verified,
        declared=only_declared,
        resolved={name: value for name, value in resolved.items() if verified.get(name) != value},
    )
    if not installation.state.exchange(identity.used, identity.until, made, datetime.now(UTC)):
        raise Refused(
            "invalid-reuse-token", "This identity token was used before; each is exchanged once, get a new one"
        )
    return Minted(secret, made)


def burn(installation: Installation, secret: str) -> None:
    """End an upload token; what is none, or an API token, is left alone.

    Raises:
        Unavailable: it cannot be ended now.
    """
    view = installation.view()
    try:
        principal = credentials.authenticate(view.index, secret, view.now, view.state)
    except Unauthenticated:
        return
    if principal.run and principal.token:
        installation.state.burn(principal.token)


def _facts(identity: Identity) -> dict[str, str]:
    """Give what will be recorded, sure that each can be a line of a commit message."""
    facts = {"Issuer": str(identity.claims["iss"]), **identity.provider.facts(identity.claims)}
    return {name: _line(name.lower(), value) for name, value in facts.items()}


def _line(name: str, value: str) -> str:
    if not value.isprintable() or value != value.strip() or len(value) > LONGEST_FACT:
        raise Refused("invalid-token", f"The token's {name} cannot be recorded as one line: {value[:80]!a}")
    return value


def _refuse_forgotten(identity: Identity, begun: int) -> None:
    """Take no token that may have been used before the state was lost."""
    if identity.issued.timestamp() < begun + LEEWAY and begun:
        raise Refused(
            "invalid-token",
            "The identity token is older than this registry's memory of used ones; run the job again in a minute",
        )


def _fitting(policy: Policy, identity: Identity) -> list[Offer]:
    """Find what the pipeline may publish."""
    fitting, near = [], []
    for offer, fit in compared(policy, identity.claims):
        if fit.good:
            fitting.append(offer)
        elif fit.related:
            near.append((offer, fit))
    if not fitting:
        raise Refused("invalid-publisher", _advice(identity, near, policy.organization()))
    return fitting


def _advice(identity: Identity, near: list[tuple[Offer, Fit]], organization: Organization) -> str:
    """Say what did not match, and what to write.

    Only statements that share an immutable id with the token are shown: anybody can have a token of a public CI system
    made for us, and strangers learn nothing of the policy.
    """
    hints = identity.provider.HINTS
    lines = [f"No publisher in the policy of {organization.organization} fits this token."]
    for offer, fit in sorted(near, key=lambda found: len(found[1].misfits))[:_NEAREST]:
        lines += [f"{offer.publisher.statement.place}: {misfit}" for misfit in fit.misfits]
        lines += [f"  {hints[claim]}" for claim in fit.absent if claim in hints]
    for claim in hints.keys() - identity.claims.keys():
        if claim.endswith("_id"):  # without which no statement can be written
            lines.append(f"The token has no {claim}: {hints[claim]}.")
    where = "registries/REGISTRY/projects/PROJECT.yaml"
    lines.append(f"To trust exactly this pipeline, propose this for {where}:")
    lines += ["publishers:", pasted(identity.provider.statement(identity.claims))]
    return "\n".join(lines)


def _without_what_is_known(said: Mapping[str, str], known: Mapping[str, str], how: str) -> dict[str, str]:
    """Keep of what was said only what adds something; a contradiction is a mistake or a lie."""
    for name, value in said.items():
        if known.get(name, value) != value:
            raise Refused(
                "invalid-payload",
                f"declared {name.lower()}: the pipeline says {value[:100]!a}, its {how} {known[name]!a}",
            )
    return {name: value for name, value in said.items() if name not in known}
