"""`/.well-known/pytp`: where an index takes identity tokens (PEP 807, a draft: https://peps.python.org/pep-0807/)."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import NotAcceptable

from registry import mint
from registry.errors import Invalid, NotFound
from registry.installation import Installation
from registry.web.auth import known_registry
from registry.web.doors import Need, door
from registry.web.refusals import problems

_FORM = "application/vnd.pypi.pytp.v1+json"
_ENDS = {"audience-endpoint": "/_/oidc/audience", "token-mint-endpoint": "/_/oidc/mint-token"}


def blueprint(installation: Installation) -> Blueprint:
    """Make the route of the discovery."""
    routes = Blueprint("discovery", __name__)
    problems(routes)

    @routes.get("/.well-known/pytp")
    @door(Need.NOTHING, "Where identity tokens are taken (PEP 807)")
    def discovery() -> Response:
        if request.accept_mimetypes and not request.accept_mimetypes.best_match([_FORM]):
            raise NotAcceptable(f"Only {_FORM} is served here")
        view = installation.view()
        known_registry(view, _path(request.args.get("discover", "")).strip("/").partition("/")[0])
        try:
            mint.audience(view.policy)
        except mint.Refused as error:
            raise NotFound(str(error)) from None
        base = (view.policy.organization().url or f"https://{request.host}").rstrip("/")
        response = jsonify({name: base + path for name, path in _ENDS.items()})
        response.content_type = _FORM
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        raise Invalid(f"discover: {url[:80]!a} is no URL; send the one that is uploaded to") from None
