"""`/-/schemas/<kind>.json`: the JSON Schema of every policy file, so that editors complete and check them."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry.errors import NotFound
from registry.policy.parse import json_schemas
from registry.web.doors import Need, door


def blueprint() -> Blueprint:
    """Make the routes of the schemas; they hold no secret, so anybody may read them."""
    routes = Blueprint("schemas", __name__, url_prefix="/-/schemas")
    schemas = json_schemas()

    @routes.get("/<kind>.json")
    @door(Need.NOTHING, "The JSON Schema of a policy file")
    def schema(kind: str) -> ResponseReturnValue:
        if kind not in schemas:
            raise NotFound(f"There is no policy file of kind '{kind}'; there are: {', '.join(schemas)}")
        return jsonify(schemas[kind])

    return routes
