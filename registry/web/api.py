"""`/-/api/v1`: what the commands ask of a server they are not on. Errors are problem+json here (RFC 9457)."""

from flask import Blueprint

from registry.installation import Installation
from registry.web import audit, changes, check, curate, promotion, releases, removal, tokens
from registry.web.refusals import problems


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the API."""
    routes = Blueprint("api", __name__, url_prefix="/-/api/v1")
    for part in (audit, changes, check, curate, promotion, releases, removal, tokens):
        routes.register_blueprint(part.blueprint(installation))
    problems(routes)
    return routes
