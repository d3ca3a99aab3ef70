"""`/-/login` and `/-/logout`: a session of a browser in exchange for a token."""

import re
from contextlib import suppress

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from registry.errors import Forbidden, Unauthenticated
from registry.installation import Installation
from registry.sessions import Sessions
from registry.web.doors import Need, door
from registry.web.html import page, refusals
from registry.web.visitor import forget, remember, require_own_page, session_secret, sign_in, visitor

LOGOUT = "logout"
_LONGEST = 200  # characters of what may be a token
_OURS = re.compile(r"/-/changes(/[a-z0-9._-]{1,64})?")  # where to go afterwards: nowhere else, whoever made the link


def blueprint(installation: Installation, sessions: Sessions) -> Blueprint:
    """Make the routes of signing in and out.

    Args:
        installation: whose.
        sessions: who is signed in.
    """
    routes = Blueprint("login", __name__, url_prefix="/-")
    refusals(routes, installation)

    def form(status: int = 200, error: str = "") -> Response:
        return page(installation, "login.html", status, error=error, next=_next())

    @routes.get("/login")
    @door(Need.NOTHING, "The form to sign in")
    def ask() -> Response:
        return form()

    @routes.post("/login")
    @door(Need.PROOF, "Signs a browser in, by a token")
    def enter() -> Response | Redirect:
        try:
            require_own_page(installation)
            secret = sign_in(installation, sessions, request.form.get("token", "").strip()[:_LONGEST])
        except (Unauthenticated, Forbidden) as error:
            return form(403, str(error))
        response = redirect(request.script_root + _next(), 303)
        remember(response, secret)
        return response

    @routes.post("/logout")
    @door(Need.NOTHING, "Signs a browser out")
    def leave() -> Redirect:
        require_own_page(installation)
        response = redirect(url_for("login.ask"), 303)
        with suppress(Unauthenticated):  # the session has ended; the browser may forget it all the same
            visitor(installation, sessions).require_seal(LOGOUT)
        sessions.end(session_secret())
        forget(response)
        return response

    return routes


def _next() -> str:
    wanted = request.values.get("next", "")
    return wanted if _OURS.fullmatch(wanted) else "/-/changes"
