"""What all routes share: the request class, the request log, and an answer for everything that can go wrong."""

import errno
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import flask
from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException

from registry.errors import WaybillError
from registry.installation import Installation
from registry.web import html
from registry.web.doors import guard
from registry.web.front import Front
from registry.web.log import RequestLog
from registry.web.refusals import from_error, from_http, problem_of, refusal
from registry.web.request import Request  # this submodule takes the name `request` here: hence flask.request below

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


# What a machine answers when its disk is broken, full or gone, or when it has run out of something.
_REFUSALS = {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOLCK, errno.EMFILE, errno.ENFILE, errno.ENOMEM}

Log = Callable[[str], None]


class Application(Flask):
    """Flask with our request class."""

    request_class = Request


def bare(log: Log | None) -> Application:
    """Make an application without routes.

    Args:
        log: takes one line per request; None keeps silent.
    """
    app = Application(__name__, static_folder=None)
    app.jinja_options = html.OPTIONS
    app.url_map.merge_slashes = False  # Werkzeug would answer 308, which clients keep for ever
    app.url_map.redirect_defaults = False
    app.register_error_handler(WaybillError, from_error)
    app.register_error_handler(HTTPException, _framework)
    app.register_error_handler(OSError, _machine)
    app.register_error_handler(Exception, _defect)
    if log:
        RequestLog(log).attach(app)
    return app


def guarded(app: Application) -> Application:
    """Hold an application, now that it has all its routes, to what they declare."""
    guard(app, _defect)  # the last to be added hears first: the log has what really goes out
    return app


def fronted(app: Application, answers: "WSGIApplication", installation: Installation, log: Log | None) -> Flask:
    """Put before an application the layer that repeats what stays true.

    Args:
        app: who is asked for by its name.
        answers: what answers the rest: the application's own WSGI callable, or what stands for it.
        installation: what is served.
        log: takes one line per request.
    """
    front = Front(_single_slashes(answers), installation, RequestLog(log) if log else None)
    setattr(app, "wsgi_app", front)  # noqa: B010 - Flask's documented way to put a layer in front
    app.extensions["front"] = front
    return app


def _framework(error: HTTPException) -> Response:
    if flask.request.path.startswith("/-/api/"):
        return problem_of(error)
    if error.code == 405 and "/simple" in flask.request.path:
        error.description = "Uploads go to the registry's own URL, without /simple/"
    elif error.code == 404:
        error.description = "Nothing is here; indexes are at /<registry>/simple/, uploads go to /<registry>/"
    return from_http(error)


def _machine(error: OSError) -> Response:
    """Answer that the machine below refused, which is no defect of ours and may be over in a moment."""
    if error.errno not in _REFUSALS:
        return _defect(error)
    current_app.logger.error("request %s: %s", flask.g.get("request_id", "without id"), error)
    return refusal(503, f"The machine of this registry refused ({error.strerror}); try again, or ask its operator")


def _defect(error: Exception) -> Response:
    """Answer a defect without showing its insides; the log has them."""
    request_id = flask.g.get("request_id", "without id")  # not the path: a client may have put a token there
    current_app.logger.error("request %s failed", request_id, exc_info=error)
    return refusal(500, f"The registry made a mistake; its operator finds the details in the log, request {request_id}")


def _single_slashes(app: "WSGIApplication") -> "WSGIApplication":
    """Read `//` as `/`: pipenv asks for `<source>/<name>/` where the source ends in a slash."""

    def collapsed(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if "//" in environ.get("PATH_INFO", ""):
            environ["PATH_INFO"] = re.sub(r"/{2,}", "/", environ["PATH_INFO"])
        return app(environ, start_response)

    return collapsed
