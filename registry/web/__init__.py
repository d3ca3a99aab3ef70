"""The web faces: they read requests, call one verb, and say what came of it. No rule lives here."""

import errno
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException

from registry.errors import WaybillError
from registry.installation import Installation
from registry.sessions import Sessions
from registry.store.backend import Backend
from registry.web import (
    api,
    change_pages,
    discovery,
    files,
    git,
    health,
    home,
    hooks,
    html,
    index,
    integrity,
    login,
    mint,
    pypi,
    schemas,
    upload,
)
from registry.web.doors import guard
from registry.web.front import Front
from registry.web.log import RequestLog
from registry.web.pages import Pages
from registry.web.projects import ProjectPages
from registry.web.refusals import from_error, from_http, problem_of, refusal
from registry.web.request import Request  # this submodule takes the name `request` here: hence flask.request below

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


# What a machine answers when its disk is broken, full or gone, or when it has run out of something.
_REFUSALS = {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOLCK, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class Application(Flask):
    """Flask with our request class."""

    request_class = Request


def create_app(
    installation: Installation,
    log: Callable[[str], None] | None = None,
    cache: Path | None = None,
    *,
    maintained: Callable[[], dict[str, Any]] = dict,
    backend: Backend | None = None,
    sessions: Sessions | None = None,
    hook: hooks.Hook | None = None,
) -> Flask:
    """Wire the faces to one installation.

    Args:
        installation: what they serve.
        log: takes one line per request; None keeps silent.
        cache: folder for copies of rendered pages, which may be deleted at any time; None keeps none.
        maintained: tells what the last maintenance did.
        backend: runs C git, for clones and pushes; None where there is none.
        sessions: who is signed in with a browser; None keeps them in this process.
        hook: what a webhook of the policy's forge does; None where `main` follows none.
    """
    app = Application(__name__, static_folder=None)
    app.jinja_options = html.OPTIONS
    app.url_map.merge_slashes = False  # Werkzeug would answer 308, which clients keep for ever
    app.url_map.redirect_defaults = False
    pages = Pages(cache)
    project_pages = ProjectPages(installation, pages)
    app.register_blueprint(health.blueprint(installation, maintained))
    for face in (home, api, files, integrity, mint, discovery, pypi):
        app.register_blueprint(face.blueprint(installation))
    sessions = sessions or Sessions()
    app.register_blueprint(html.blueprint())
    for pages_of in (login, change_pages):
        app.register_blueprint(pages_of.blueprint(installation, sessions))
    app.register_blueprint(upload.blueprint(installation, project_pages.soon))
    app.register_blueprint(index.blueprint(installation, pages, project_pages))
    app.register_blueprint(schemas.blueprint())
    app.register_blueprint(git.blueprint(installation, backend))
    app.register_blueprint(hooks.blueprint(installation, hook))
    app.register_error_handler(WaybillError, from_error)
    app.register_error_handler(HTTPException, _framework)
    app.register_error_handler(OSError, _machine)
    app.register_error_handler(Exception, _defect)
    request_log = RequestLog(log) if log else None
    if request_log:
        request_log.attach(app)
    guard(app, _defect)  # the last to be added hears first: the log has what really goes out
    front = Front(_single_slashes(app.wsgi_app), installation, request_log)
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
