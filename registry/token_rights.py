"""Who may make, describe and end API tokens, and what one may be."""

from datetime import datetime

from registry.credentials import find
from registry.errors import Forbidden, Invalid
from registry.installation import OPERATOR, View, Writing
from registry.model import Origin
from registry.policy.files import Statement
from registry.policy.given import readable
from registry.policy.rights import belongs
from registry.policy.roles import Principal, Scope
from registry.records import timestamp

MOST_LIMITS = 100  # registries, and project patterns, of one token: each request weighs them


def require_sense(writing: Writing, scope: Scope, expires: datetime | None) -> None:
    """Refuse a token that could not be meant.

    Raises:
        Invalid: it names what is not there, too much of it, or has ended already.
    """
    if max(len(scope.registries), len(scope.projects)) > MOST_LIMITS:
        raise Invalid(f"A token takes at most {MOST_LIMITS} registries and {MOST_LIMITS} project patterns")
    known = writing.policy.registries()
    for name in scope.registries:
        if name not in known:
            raise Invalid(f"There is no registry '{name}' here; there are: {', '.join(known)}")
    if expires is not None and expires <= writing.now:
        raise Invalid(f"The token would have expired at {timestamp(expires)}; choose a later time")


def require_mortal(writing: Writing, by: Principal | None, expires: datetime | None) -> None:
    """Refuse a token that would outlive the one it is made with: an end could otherwise be put off for ever.

    Raises:
        Forbidden: it would.
    """
    mother = find(writing.index, by.token) if by is not None and by.token else None
    if mother and mother.expires and (expires is None or expires > mother.expires):
        end = timestamp(mother.expires)
        raise Forbidden(f"Token {mother.id} expires at {end}, and what it makes may not live longer")


def require_admin(view: View, by: Principal) -> Statement:
    """Tell what lets somebody see and end the tokens of others.

    Raises:
        Forbidden: nothing does: they are no admin, or their token is limited.
    """
    organization = readable(view.policy.organization)
    admins = organization.admins if organization else ()
    found = next((one for one in admins if belongs(view.policy, by.name, (one.name,)) is True), None)
    if found is None or not by.scope.whole or by.run:
        raise Forbidden(f"{by} may not manage tokens of others; they, admins and the operator on the host can")
    return found.statement


def ender(writing: Writing, by: Principal | None, owner: str) -> tuple[Origin, str]:
    """Tell who ends a token and what lets them: who manages it, or an admin.

    Raises:
        Forbidden: nothing does.
    """
    if by is None or by.name == owner:
        return manager(writing, by, owner)
    return Origin("token", by.name or "", by.token), require_admin(writing, by).ref


def manager(writing: Writing, by: Principal | None, owner: str) -> tuple[Origin, str]:
    """Tell who manages a token and what lets them: the operator any, a person their own through an unlimited token.

    For the operator no policy file is read: a broken one must not hold up a revocation.

    Raises:
        Forbidden: nothing does.
    """
    if by is None:
        return Origin(OPERATOR, OPERATOR), "operator on the host"
    account = writing.policy.accounts().get(owner)
    if by.name != owner or account is None:
        raise Forbidden(f"{by} may not manage tokens of {owner}; {owner} or the operator on the host can")
    if not by.scope.whole:
        raise Forbidden(f"token {by.token} is limited, so it makes and ends no tokens but itself; use an unlimited one")
    return Origin("token", by.name, by.token), account.statement.ref
