"""API tokens: long-lived secrets of people and service accounts. The ledger keeps only a digest of each.

Form: wb_<id>_<secret><checksum>. The prefix and checksum let secret scanners recognise a leaked token without a guess.
A plain SHA-256 suffices at rest: the secret is 190 random bits, not a password, and a slow hash would cost every call.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, replace
from datetime import datetime

from registry.errors import Forbidden, Invalid, NotFound, Unauthenticated
from registry.index import Index
from registry.installation import OPERATOR, Fact, Installation
from registry.model import Decision, Origin, Token
from registry.policy.files import Statement
from registry.policy.roles import Principal, Role, Scope
from registry.records import read_token_record, timestamp, token_record

_BASE62 = string.digits + string.ascii_letters
_TOKEN = re.compile(r"wb_([a-z0-9]{10})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")
# Also as a project name would be spelled: whoever puts a token into a URL may see it normalised in an answer.
REDACTED = re.compile(r"wb[-_.]+[a-z0-9]{10}[-_.]+[0-9a-z]+", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token: the only moment its secret is known."""

    token: Token
    secret: str


def authenticate(index: Index, given: str, now: datetime) -> Principal:
    """Tell who a token belongs to.

    Args:
        index: the newest ledger; a revocation counts at the next call.
        given: what the client sent as password or bearer token.
        now: the moment of use.

    Raises:
        Unauthenticated: it is not a token, unknown, expired or revoked; wrong secrets and unknown ids read alike.
    """
    parts = _TOKEN.fullmatch(given)
    if parts is None or _checksum(parts[1] + parts[2]) != parts[3]:
        raise Unauthenticated(
            "The password is not a Waybill token; tokens begin with wb_ and are made by 'waybill token create'"
        )
    token = find(index, parts[1])
    expected = token.secret_sha256 if token else "0" * 64
    if not hmac.compare_digest(_digest(given), expected) or token is None:
        raise Unauthenticated("This token is not known here; was it made for another registry?")
    if token.revoked:
        raise Unauthenticated(f"Token {token.id} was revoked; make a new one with 'waybill token create'")
    if token.expires and now >= token.expires:
        raise Unauthenticated(f"Token {token.id} expired at {timestamp(token.expires)}; make a new one")
    return Principal(token.owner, token.id, Scope(Role.named(token.role), token.registries, token.projects))


def find(index: Index, token_id: str) -> Token | None:
    """Read a token's record by its id."""
    text = index.snapshot.read(f"tokens/{token_id}.json")
    return read_token_record(text) if text is not None else None


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
        Invalid: the owner is unknown or disabled, or the expiry is past.
        Forbidden: the caller may not make this token.
    """
    token_id = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(10))
    body = "".join(secrets.choice(_BASE62) for _ in range(32))
    secret = f"wb_{token_id}_{body}{_checksum(token_id + body)}"
    with installation.writing() as writing:
        account = writing.policy.accounts().get(owner)
        if account is None:
            raise Invalid(f"people.yaml has no entry '{owner}'; add one before making a token for it")
        if account.disabled:
            raise Invalid(f"{account.statement.place} says disabled: true; a token of {owner} would not work")
        for name in scope.registries:
            if name not in writing.policy.registries():
                raise Invalid(
                    f"There is no registry '{name}' here; there are: {', '.join(writing.policy.registries())}"
                )
        if expires is not None and expires <= writing.now:
            raise Invalid(f"The token would have expired at {timestamp(expires)}; choose a later time")
        origin, statement = _manager(by, owner, account.statement)
        token = Token(
            token_id, owner, _digest(secret), str(scope.role), scope.registries, scope.projects,
            writing.now, origin.principal, expires, note,
        )  # fmt: skip
        writing.record(
            f"token-create: {token_id} of {owner}",
            [Fact("Token-Id", token_id), Fact("Owner", owner), Fact("Role", str(scope.role))],
            {_path(token_id): token_record(token)},
            origin,
            Decision(writing.policy.commit, statement),
        )
    return Issued(token, secret)


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
    with installation.writing() as writing:
        token = find(writing.index, token_id) if re.fullmatch(r"[a-z0-9]{10}", token_id) else None
        if token is None:
            raise NotFound("There is no token with this id; 'waybill token list' shows the ids")
        account = writing.policy.accounts().get(token.owner)
        if by is not None and by.token == token_id:
            origin, statement = Origin("token", by.name or "", by.token), f"tokens/{token_id}.json"
        else:
            origin, statement = _manager(by, token.owner, account.statement if account else None)
        if token.revoked:
            return token
        ended = replace(token, revoked=writing.now, revoked_by=origin.principal)
        writing.record(
            f"token-revoke: {token_id} of {token.owner}",
            [Fact("Token-Id", token_id), Fact("Owner", token.owner)],
            {_path(token_id): token_record(ended)},
            origin,
            Decision(writing.policy.commit, statement),
        )
    return ended


def _manager(by: Principal | None, owner: str, statement: Statement | None) -> tuple[Origin, str]:
    """Tell who manages a token and what lets them: the operator any, a person their own through an unlimited token."""
    if by is None:
        return Origin(OPERATOR, OPERATOR), "operator on the host"
    if by.name != owner or statement is None:
        raise Forbidden(f"{by} may not manage tokens of {owner}; {owner} or the operator on the host can")
    if not by.scope.whole:
        raise Forbidden(f"token {by.token} is limited, so it makes and ends no tokens but itself; use an unlimited one")
    return Origin("token", by.name, by.token), statement.ref


def _path(token_id: str) -> str:
    return f"tokens/{token_id}.json"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(text: str) -> str:
    value, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits = _BASE62[digit] + digits
    return digits
