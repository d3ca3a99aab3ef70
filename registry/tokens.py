"""API tokens: long-lived secrets of people and service accounts, made and ended here."""

from dataclasses import dataclass, replace
from datetime import datetime

from registry import names
from registry.credentials import digest, find, new_secret, token_path
from registry.errors import Forbidden, Invalid, NotFound
from registry.index import Index
from registry.installation import OPERATOR, Installation, Trailer, View, Writing
from registry.model import Decision, Origin, Token
from registry.policy.files import BadFile, Statement
from registry.policy.rights import belongs
from registry.policy.roles import Principal, Scope
from registry.records import timestamp, token_record

LONGEST_NOTE = 200  # characters
MOST_LIMITS = 100  # registries, and project patterns, of one token: each request weighs them


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token: the only moment its secret is known."""

    token: Token
    secret: str


def every(index: Index) -> list[Token]:
    """List all tokens, newest first."""
    found = (find(index, name.removesuffix(".json")) for name in index.snapshot.entries("tokens"))
    return sorted((t for t in found if t), key=lambda t: (t.created, t.id), reverse=True)


def create(
    installation: Installation,
    by: Principal | None,
    owner: str,
    *,
    scope: Scope,
    expires: datetime | None,
    note: str = "",
) -> Issued:
    """Make a token for a person or service account.

    Args:
        installation: where.
        by: who asks; None is the operator on the host.
        owner: whose rights it carries, an id of people.yaml.
        scope: what it narrows them to.
        expires: when it stops working; None: never.
        note: what it is for, shown in lists.

    Raises:
        Invalid: the owner is unknown or disabled, or the token could not be meant.
        Forbidden: the caller may not make this token.
    """
    note = names.sentence("note", note, LONGEST_NOTE)
    token_id, secret = new_secret()

    def record(writing: Writing) -> Issued:
        account = writing.policy.accounts().get(owner)
        if account is None:
            raise Invalid(f"people.yaml has no entry '{owner}'; add one before making a token for it")
        if account.disabled:
            raise Invalid(f"{account.statement.place} says disabled: true; a token of {owner} would not work")
        _check_limits(writing, scope, expires)
        origin, statement = _manager(writing, by, owner)
        _check_outlives(writing, by, expires)
        token = Token(
            id=token_id,
            owner=owner,
            secret_sha256=digest(secret),
            role=str(scope.role),
            registries=scope.registries,
            projects=scope.projects,
            created=writing.now,
            created_by=origin.principal,
            expires=expires,
            note=note,
        )
        writing.record(
            f"token-create: {token_id} of {owner}",
            [Trailer("Token-Id", token_id), Trailer("Owner", owner), Trailer("Role", str(scope.role))],
            {token_path(token_id): token_record(token)},
            origin,
            Decision(writing.policy.commit, statement),
        )
        return Issued(token, secret)

    return installation.write(by, record)[0]


def revoke(installation: Installation, by: Principal | None, token_id: str) -> Token:
    """End a token; it fails at its next use everywhere. Revoking twice changes nothing.

    Args:
        installation: where.
        by: who asks; None is the operator on the host. A token may always revoke itself.
        token_id: the part between the underscores, never the secret.

    Raises:
        NotFound: there is no such token.
        Forbidden: the caller may not end it.
    """

    def record(writing: Writing) -> Token:
        token = find(writing.index, token_id)
        if token is None:
            raise NotFound("There is no token with this id; 'waybill token list' shows the ids")
        if by is not None and by.token == token_id:
            origin, statement = Origin("token", by.name or "", by.token), token_path(token_id)
        else:
            origin, statement = _ender(writing, by, token.owner)
        if token.revoked:
            return token
        ended = replace(token, revoked=writing.now, revoked_by=origin.principal)
        writing.record(
            f"token-revoke: {token_id} of {token.owner}",
            [Trailer("Token-Id", token_id), Trailer("Owner", token.owner)],
            {token_path(token_id): token_record(ended)},
            origin,
            Decision(writing.policy.commit, statement),
        )
        return ended

    return installation.write(by, record, revokes=True)[0]


def end_of_the_gone(installation: Installation) -> int:
    """End the tokens of accounts that `people.yaml` has no more: whoever is given such an id later is somebody else.

    Returns:
        How many were ended.
    """
    if not _of_the_gone(installation.view()):
        return 0

    def record(writing: Writing) -> int:
        found = _of_the_gone(writing)
        if found:
            ended = [replace(token, revoked=writing.now, revoked_by="people.yaml") for token in found]
            writing.record(
                f"token-revoke: {len(ended)} of accounts that are gone",
                [Trailer("Token-Id", token.id) for token in ended],
                {token_path(token.id): token_record(token) for token in ended},
                Origin(OPERATOR, OPERATOR),
                Decision(writing.policy.commit, "people.yaml"),
            )
        return len(found)

    return installation.write(None, record, revokes=True)[0]


def _of_the_gone(view: View) -> list[Token]:
    try:
        known = view.policy.accounts()
    except BadFile:
        return []
    return [token for token in every(view.index) if not token.revoked and token.owner not in known]


def _check_limits(writing: Writing, scope: Scope, expires: datetime | None) -> None:
    """Refuse a token that could not be meant."""
    if max(len(scope.registries), len(scope.projects)) > MOST_LIMITS:
        raise Invalid(f"A token takes at most {MOST_LIMITS} registries and {MOST_LIMITS} project patterns")
    known = writing.policy.registries()
    for name in scope.registries:
        if name not in known:
            raise Invalid(f"There is no registry '{name}' here; there are: {', '.join(known)}")
    if expires is not None and expires <= writing.now:
        raise Invalid(f"The token would have expired at {timestamp(expires)}; choose a later time")


def _check_outlives(writing: Writing, by: Principal | None, expires: datetime | None) -> None:
    """Refuse a token that would outlive the one it is made with: an end could otherwise be put off for ever."""
    mother = find(writing.index, by.token) if by is not None and by.token else None
    if mother and mother.expires and (expires is None or expires > mother.expires):
        raise Forbidden(
            f"Token {mother.id} expires at {timestamp(mother.expires)}, and what it makes may not live longer; "
            "ask for an earlier end"
        )


def require_admin(view: View, by: Principal) -> Statement:
    """Tell what lets somebody see and end the tokens of others.

    Raises:
        Forbidden: nothing does: they are no admin, or their token is limited.
    """
    try:
        admins = view.policy.organization().admins
    except BadFile:
        admins = ()
    found = next((one for one in admins if belongs(view.policy, by.name, (one.name,)) is True), None)
    if found is None or not by.scope.whole or by.run:
        raise Forbidden(f"{by} may not manage tokens of others; they, admins and the operator on the host can")
    return found.statement


def _ender(writing: Writing, by: Principal | None, owner: str) -> tuple[Origin, str]:
    """Tell who ends a token and what lets them: who manages it, or an admin."""
    if by is None or by.name == owner:
        return _manager(writing, by, owner)
    return Origin("token", by.name or "", by.token), require_admin(writing, by).ref


def _manager(writing: Writing, by: Principal | None, owner: str) -> tuple[Origin, str]:
    """Tell who manages a token and what lets them: the operator any, a person their own through an unlimited token.

    For the operator no policy file is read: a broken one must not hold up a revocation.
    """
    if by is None:
        return Origin(OPERATOR, OPERATOR), "operator on the host"
    account = writing.policy.accounts().get(owner)
    if by.name != owner or account is None:
        raise Forbidden(f"{by} may not manage tokens of {owner}; {owner} or the operator on the host can")
    if not by.scope.whole:
        raise Forbidden(f"token {by.token} is limited, so it makes and ends no tokens but itself; use an unlimited one")
    return Origin("token", by.name, by.token), account.statement.ref
