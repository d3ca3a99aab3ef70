"""Who a token belongs to. The ledger keeps a digest of each secret, and nothing that could be used as one.

Form: wb_<id>_<secret><checksum>. The prefix and checksum let secret scanners recognise a leaked token without a guess.
A plain SHA-256 suffices at rest: the secret is 190 random bits, not a password, and a slow hash would cost every call.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from datetime import datetime

from registry.errors import Unauthenticated
from registry.index import Index
from registry.model import Origin, Token, UploadToken
from registry.policy.roles import Principal, Role, Run, Scope
from registry.records import timestamp
from registry.state import State
from registry.token_records import read_token_record

_BASE36 = string.ascii_lowercase + string.digits
_BASE62 = string.digits + string.ascii_letters
_ID = re.compile(r"[a-z0-9]{10}")
_TOKEN = re.compile(r"wb_([a-z0-9]{10})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")
# Also as a project name would be spelled, and percent-encoded: whoever puts a token into a URL may see it so again.
REDACTED = re.compile(r"wb(?:[-_.]|%(?:25)*5F)+[a-z0-9]{10}(?:[-_.]|%(?:25)*5F)+[0-9a-z]+", re.ASCII | re.IGNORECASE)


def new_secret(request: str | None = None) -> tuple[str, str]:
    """Make up a token.

    Args:
        request: names what it is made for, unlike anything else; the same gives the same id, never the same secret.

    Returns:
        Its id and the whole secret.
    """
    known = None if request is None else int(digest(request), 16)
    drawn = [secrets.randbelow(36) if known is None else known // 36**n % 36 for n in range(10)]
    token_id = "".join(_BASE36[number] for number in drawn)
    body = "".join(secrets.choice(_BASE62) for _ in range(32))
    return token_id, f"wb_{token_id}_{body}{_checksum(token_id + body)}"


def digest(secret: str) -> str:
    """Give what the ledger keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_path(token_id: str) -> str:
    """Tell where a token's record lies in the ledger."""
    return f"tokens/{token_id}.json"


def find(index: Index, token_id: str) -> Token | None:
    """Read a token's record by its id; None where there is none."""
    text = index.snapshot.read(token_path(token_id)) if _ID.fullmatch(token_id) else None
    return read_token_record(text) if text is not None else None


def authenticate(index: Index, given: str, now: datetime, state: State | None = None) -> Principal:
    """Tell who a token belongs to: a person or service account, or a pipeline.

    Args:
        index: the newest ledger; a revocation counts at the next call.
        given: what the client sent as password or bearer token.
        now: the moment of use.
        state: where upload tokens are, so that a burning counts too; None: only API tokens are known.

    Raises:
        Unauthenticated: it is not a token, unknown, expired or revoked; wrong secrets and unknown ids read alike.
    """
    parts = _TOKEN.fullmatch(given)
    if parts is None or _checksum(parts[1] + parts[2]) != parts[3]:
        repair = "was it copied whole?" if given.startswith("wb_") else "'waybill token create' makes one"
        raise Unauthenticated(f"The password is not a Waybill token, which begins with wb_; {repair}")
    token = find(index, parts[1]) or (state.upload_token(parts[1]) if state else None)
    expected = token.secret_sha256 if token else "0" * 64
    if not hmac.compare_digest(digest(given), expected) or token is None:
        raise Unauthenticated("This token is not known here; was it made for another registry, or burned after use?")
    if isinstance(token, UploadToken):
        _require_unexpired(token, now)
        run = Run(token.claims, token.places, token.verified, token.declared, token.resolved)
        return Principal(token.publisher, token.id, run=run)
    return _principal(token, now)


def by_id(index: Index, token_id: str, now: datetime) -> Principal:
    """Tell who a token belongs to that another process of ours has seen, and whose secret it does not pass on.

    Raises:
        Unauthenticated: it is unknown, expired or revoked.
    """
    token = find(index, token_id)
    if token is None:
        raise Unauthenticated("This token is not known here; was it made for another registry?")
    return _principal(token, now)


def require_live(index: Index, principal: Principal, now: datetime, state: State | None = None) -> None:
    """Check again that the token a caller came with still holds, for verbs that took time since it was read.

    Raises:
        Unauthenticated: it was revoked, burned or expired meanwhile.
    """
    if principal.run and principal.token:
        upload = state.upload_token(principal.token) if state else None
        if upload is None:
            raise Unauthenticated(f"Upload token {principal.token} was burned, or has expired; ask for a new one")
        _require_unexpired(upload, now)
        return
    token = find(index, principal.token) if principal.token else None
    if token is not None:
        _require_live(token, now)


def origin(principal: Principal) -> Origin:
    """Tell where what a caller does comes from."""
    if principal.run:
        run = principal.run
        return Origin("oidc", principal.name or "", None, run.verified, run.declared, run.resolved)
    return Origin("token", principal.name or "", principal.token)


def _require_unexpired(token: UploadToken, now: datetime) -> None:
    if now >= token.expires:
        raise Unauthenticated(f"Upload token {token.id} expired at {timestamp(token.expires)}; ask for a new one")


def _principal(token: Token, now: datetime) -> Principal:
    _require_live(token, now)
    return Principal(token.owner, token.id, Scope(Role.named(token.role), token.registries, token.projects))


def _require_live(token: Token, now: datetime) -> None:
    if token.revoked:
        raise Unauthenticated(f"Token {token.id} was revoked; make a new one with 'waybill token create'")
    if token.expires and now >= token.expires:
        raise Unauthenticated(f"Token {token.id} expired at {timestamp(token.expires)}; make a new one")


def _checksum(text: str) -> str:
    value, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits = _BASE62[digit] + digits
    return digits
