"""`/-/api/v1`: what the commands ask of a server they are not on. Errors are problem+json here (RFC 9457)."""

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import HTTPException

from registry.errors import WaybillError
from registry.installation import Installation
from registry.web import audit, changes, check, curate, tokens
from registry.web.refusals import challenge, status_of


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the API."""
    routes = Blueprint("api", __name__, url_prefix="/-/api/v1")
    for part in (audit, changes, check, curate, tokens):
        routes.register_blueprint(part.blueprint(installation))
    routes.register_error_handler(WaybillError, _from_error)
    routes.register_error_handler(HTTPException, _from_http)
    return routes


def _from_error(error: WaybillError) -> Response:
    return _problem(status_of(error), str(error))


def _from_http(error: HTTPException) -> Response:
    return _problem(error.code or 500, error.description or error.name)


def _problem(status: int, detail: str) -> Response:
    response = jsonify(type="about:blank", status=status, detail=detail)
    response.status_code = status
    response.content_type = "application/problem+json"
    return challenge(response)
