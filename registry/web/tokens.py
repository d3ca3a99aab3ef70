"""`/-/api/v1/tokens`: one's own API tokens."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry import tokens
from registry.answers import token_json
from registry.history import moment
from registry.installation import Installation
from registry.web import params

LONGEST_NOTE = 200


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the tokens."""
    routes = Blueprint("tokens", __name__)

    @routes.get("/tokens")
    def listing() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        return jsonify(tokens=[token_json(t) for t in tokens.every(view.index) if t.owner == principal.name])

    @routes.post("/tokens")
    def create() -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        sent = params.body()
        issued = tokens.create(
            installation,
            principal,
            str(sent.get("owner") or principal.name),
            scope=params.scope(sent),
            expires=moment(str(sent["expires"])) if sent.get("expires") else None,
            note=str(sent.get("note") or "")[:LONGEST_NOTE],
        )
        return jsonify(secret=issued.secret, **token_json(issued.token)), 201

    @routes.delete("/tokens/<token_id>")
    def revoke(token_id: str) -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        return jsonify(token_json(tokens.revoke(installation, principal, token_id)))

    return routes
