"""API tokens: long-lived secrets of people and service accounts, made, described and ended here."""

from dataclasses import dataclass, replace
from datetime import datetime

from registry import names
from registry.credentials import digest, find, new_secret, token_path
from registry.errors import Conflict, Invalid, NotFound
from registry.index import Index
from registry.installation import OPERATOR, Installation, Trailer, View, Writing
from registry.model import Decision, Origin, Token
from registry.policy.files import BadFile
from registry.policy.roles import Principal, Scope
from registry.records import timestamp
from registry.token_records import token_record
from registry.token_rights import ender, manager, require_mortal, require_sense

LONGEST_NOTE = 200  # characters


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
    key: str | None = None,
) -> Issued:
    """Make a token for a person or service account.

    Args:
        installation: where.
        by: who asks; None is the operator on the host.
        owner: whose rights it carries, an id of people.yaml.
        scope: what it narrows them to.
        expires: when it stops working; None: never.
        note: what it is for, shown in lists.
        key: names this request among those for tokens of the owner: together they make the id, so that only the first
            of several makes a token, and nothing else needs to be remembered.

    Raises:
        Invalid: the owner is unknown or disabled, or the token could not be meant.
        Forbidden: the caller may not make this token.
        Conflict: a request of this key made one already.
    """
    note = names.sentence("note", note, LONGEST_NOTE)
    token_id, secret = new_secret() if key is None else new_secret(f"token of {owner}: {key}")

    def record(writing: Writing) -> Issued:
        account = writing.policy.accounts().get(owner)
        if account is None:
            raise Invalid(f"people.yaml has no entry '{owner}'; add one before making a token for it")
        if account.disabled:
            raise Invalid(f"{account.statement.place} says disabled: true; a token of {owner} would not work")
        require_sense(writing, scope, expires)
        origin, statement = manager(writing, by, owner)
        if key is not None and (made := find(writing.index, token_id)) is not None:
            raise Conflict(
                f"Token {made.id} was made by this request at {timestamp(made.created)}, and its secret is kept "
                "nowhere. If it did not arrive, end that token, and ask for another one with another Idempotency-Key"
            )
        require_mortal(writing, by, expires)
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
        token = _known(writing, token_id)
        if by is not None and by.token == token_id:
            origin, statement = Origin("token", by.name or "", by.token), token_path(token_id)
        else:
            origin, statement = ender(writing, by, token.owner)
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


def describe(installation: Installation, by: Principal | None, token_id: str, note: str) -> Token:
    """Say anew what a token is for; what it can do stays as it was made. The same again changes nothing.

    Args:
        installation: where.
        by: who asks; None is the operator on the host.
        token_id: the part between the underscores, never the secret.
        note: what it is for, shown in lists.

    Raises:
        NotFound: there is no such token.
        Forbidden: the caller may not manage it.
        Conflict: it was ended, and what is said of it stays for who asks what it was.
    """
    note = names.sentence("note", note, LONGEST_NOTE)

    def record(writing: Writing) -> Token:
        token = _known(writing, token_id)
        origin, statement = manager(writing, by, token.owner)
        if token.revoked:
            raise Conflict(f"Token {token_id} was ended at {timestamp(token.revoked)}; make another one")
        described = replace(token, note=note)
        if described != token:
            writing.record(
                f"token-describe: {token_id} of {token.owner}",
                [Trailer("Token-Id", token_id), Trailer("Owner", token.owner)],
                {token_path(token_id): token_record(described)},
                origin,
                Decision(writing.policy.commit, statement),
            )
        return described

    return installation.write(by, record)[0]


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


def _known(view: View, token_id: str) -> Token:
    token = find(view.index, token_id)
    if token is None:
        raise NotFound("There is no token with this id; 'waybill token list' shows the ids")
    return token
