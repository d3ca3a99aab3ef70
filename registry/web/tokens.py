"""`/-/api/v1/tokens`: one's own API tokens."""

from datetime import datetime
from typing import TypedDict

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from registry import tokens
from registry.answers import TokenAnswer, token_json
from registry.errors import Invalid
from registry.history import moment
from registry.installation import Installation
from registry.token_rights import require_admin
from registry.web import params
from registry.web.doors import Need, Query, door

_OWNER = Query("owner", "whose: an id of people.yaml, or * for everybody's; for admins, by a token without limits")
_KEY = Query("Idempotency-Key", "names this request; a second one with it is 409 and says which token was made")
_LONGEST_KEY = 255  # characters


class TokensAnswer(TypedDict):
    """API tokens, newest first."""

    tokens: list[TokenAnswer]


class TokenMade(TokenAnswer):
    """A new token: the only moment its secret is known."""

    secret: str


class TokenWanted(TypedDict, total=False):
    """What a new token shall be; what is left out is no limit."""

    owner: str | None
    role: str | None
    registries: list[str] | None
    projects: list[str] | None
    expires: str | None
    note: str | None


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the tokens."""
    routes = Blueprint("tokens", __name__)

    @routes.get("/tokens")
    @door(Need.SIGNED_IN, "One's own API tokens; everybody's for admins", query=(_OWNER,), answer=TokensAnswer)
    def listing() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        owner = request.args.get("owner", principal.name)
        if owner != principal.name:
            require_admin(view, principal)
            return jsonify(tokens=[token_json(t) for t in tokens.every(view.index) if owner in {"*", t.owner}])
        own = (t for t in tokens.every(view.index) if t.owner == principal.name)
        return jsonify(tokens=[token_json(t) for t in own if principal.scope.whole or t.id == principal.token])

    @routes.post("/tokens")
    @door(
        Need.SIGNED_IN,
        "Makes an API token of one's own; with a key, a request that is repeated makes no second one",
        query=(),
        headers=(_KEY,),
        body=TokenWanted,
        answer=TokenMade,
        status=201,
    )
    def create() -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        sent = params.body("owner", "role", "registries", "projects", "expires", "note")
        expires = params.said(sent, "expires")
        issued = tokens.create(
            installation,
            principal,
            params.said(sent, "owner") or principal.name or "",
            scope=params.scope(sent),
            expires=None if expires is None else _end(expires),
            note=params.said(sent, "note") or "",
            key=_key(),
        )
        return jsonify(secret=issued.secret, **token_json(issued.token)), 201

    @routes.delete("/tokens/<token_id>")
    @door(Need.SIGNED_IN, "Ends an API token: one's own, or for admins, anybody's", query=(), answer=TokenAnswer)
    def revoke(token_id: str) -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        return jsonify(token_json(tokens.revoke(installation, principal, token_id)))

    return routes


def _end(expires: str) -> datetime:
    """Read when a new token ends.

    Raises:
        Invalid: it says no moment.
    """
    try:
        return moment(expires)
    except Invalid as error:
        raise Invalid(f"expires: {error}") from None


def _key() -> str | None:
    """Read by what a client tells a repeated request from another one (draft-ietf-httpapi-idempotency-key-header).

    Raises:
        Invalid: it is too long, or no text.
    """
    key = request.headers.get(_KEY.name)
    if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Invalid(f"{_KEY.name}: send 1 to {_LONGEST_KEY} printable ASCII characters, such as a new UUID")
    return key
