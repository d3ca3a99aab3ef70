"""`/-/api/v1`: what the commands ask of a server they are not on. Errors are problem+json here (RFC 9457).

Every GET has a strong ETag of what it says, so asking again costs a 304. Lists come by pages (`paging.py`). PUT and
DELETE may be repeated. So may POST /tokens with an Idempotency-Key, though its answer has a secret, kept nowhere: the
second answer is 409 and names the token.
"""

import hashlib

from flask import Blueprint, Response, request

from registry.installation import Installation
from registry.web import (
    audit,
    catalogue,
    changes,
    check,
    curate,
    details,
    downloads,
    events,
    openapi,
    promotion,
    releases,
    removal,
    search,
    tokens,
)
from registry.web.doors import require_known_query
from registry.web.refusals import problems


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the API."""
    routes = Blueprint("api", __name__, url_prefix="/-/api/v1")
    reading = (audit, catalogue, details, downloads, events, releases, search)
    for part in (*reading, changes, check, curate, promotion, removal, tokens):
        routes.register_blueprint(part.blueprint(installation))
    routes.register_blueprint(openapi.blueprint())
    routes.before_request(require_known_query)
    routes.after_request(_validated)
    problems(routes)
    return routes


def _validated(response: Response) -> Response:
    """Let a client ask again by what it has (RFC 9110, 8.8.3); answers differ by who asks."""
    if request.method not in {"GET", "HEAD"} or response.status_code != 200 or response.is_streamed:
        return response
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, max-age=0"
    response.headers["Vary"] = "Accept, Authorization"
    asked = {name: value for name, value in request.environ.items() if name != "HTTP_RANGE"}
    response.make_conditional(asked)
    return response
