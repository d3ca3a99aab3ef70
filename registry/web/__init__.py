"""The web faces: they read requests, call one verb, and say what came of it. No rule lives here."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from registry.errors import WaybillError
from registry.installation import Installation
from registry.web import api, files, health, home, index, upload
from registry.web.log import RequestLog
from registry.web.refusals import from_error, from_http, refusal
from registry.web.request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Application(Flask):
    """Flask with our request class."""

    request_class = Request


def create_app(installation: Installation, log: Callable[[str], None] | None = None) -> Flask:
    """Wire the faces to one installation.

    Args:
        installation: what they serve.
        log: takes one line per request; None keeps silent.
    """
    app = Application(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # Werkzeug would answer 308, which clients keep for ever
    app.url_map.redirect_defaults = False
    for face in (health, home, api, upload, files, index):
        app.register_blueprint(face.blueprint(installation))
    app.register_error_handler(WaybillError, from_error)
    app.register_error_handler(HTTPException, _framework)
    app.register_error_handler(Exception, _defect)
    if log is not None:
        RequestLog(log).attach(app)
    setattr(app, "wsgi_app", _single_slashes(app.wsgi_app))  # noqa: B010 - Flask's documented way to put a layer in front
    return app


def _framework(error: HTTPException) -> Response:
    if error.code == 405 and "/simple" in request.path:
        error.description = "Uploads go to the registry's own URL, without /simple/"
    return from_http(error)


def _defect(error: Exception) -> Response:
    """Answer a defect without showing its insides; the log has them."""
    current_app.logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return refusal(
        500, "The registry made a mistake; its operator finds the details in the log under this request's time"
    )


def _single_slashes(app: "WSGIApplication") -> "WSGIApplication":
    """Read `//` as `/`: pipenv asks for `<source>/<name>/` where the source ends in a slash."""

    def collapsed(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if "//" in environ.get("PATH_INFO", ""):
            environ["PATH_INFO"] = re.sub(r"/{2,}", "/", environ["PATH_INFO"])
        return app(environ, start_response)

    return collapsed
