"""`/-/api/v1/tokens`: one's own API tokens."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry import tokens
from registry.answers import token_json
from registry.history import moment
from registry.installation import Installation
from registry.web import params
from registry.web.doors import Need, door


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the tokens."""
    routes = Blueprint("tokens", __name__)

    @routes.get("/tokens")
    @door(Need.SIGNED_IN, "One's own API tokens")
    def listing() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        own = (t for t in tokens.every(view.index) if t.owner == principal.name)
        shown = [token_json(t) for t in own if principal.scope.whole or t.id == principal.token]
        return jsonify(tokens=shown)

    @routes.post("/tokens")
    @door(Need.SIGNED_IN, "Makes an API token of one's own")
    def create() -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        sent = params.body("owner", "role", "registries", "projects", "expires", "note")
        expires = params.said(sent, "expires")
        issued = tokens.create(
            installation,
            principal,
            params.said(sent, "owner") or principal.name or "",
            scope=params.scope(sent),
            expires=None if expires is None else moment(expires),
            note=params.said(sent, "note") or "",
        )
        return jsonify(secret=issued.secret, **token_json(issued.token)), 201

    @routes.delete("/tokens/<token_id>")
    @door(Need.SIGNED_IN, "Ends an API token")
    def revoke(token_id: str) -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        return jsonify(token_json(tokens.revoke(installation, principal, token_id)))

    return routes
