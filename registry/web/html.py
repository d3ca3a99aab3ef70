"""Pages for people: one frame, one stylesheet, no script, and headers that let a browser do nothing else with them."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Redirect

from registry.errors import Unauthenticated, WaybillError
from registry.installation import Installation
from registry.shown import shown
from registry.web.doors import Need, door, refused
from registry.web.refusals import status_of

_CSP = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # not no-referrer: browsers would then send forms with 'Origin: null'
    "Cross-Origin-Opener-Policy": "same-origin",
}
_STYLE = Path(__file__).parent / "templates" / "style.css"


def blueprint() -> Blueprint:
    """Make the route of the stylesheet."""
    routes = Blueprint("html", __name__)
    text = _STYLE.read_text()

    @routes.get("/-/style.css")
    @door(Need.NOTHING, "The stylesheet of the pages")
    def style() -> Response:
        response = Response(text, content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = "max-age=300"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return routes


def refusals(routes: Blueprint, installation: Installation) -> None:
    """Let the routes of pages say on a page what is wrong; who is not signed in is asked to, and comes back."""

    def said(error: WaybillError) -> Response | Redirect:
        if isinstance(error, Unauthenticated):
            refused()
            return redirect(url_for("login.ask", next=request.path), 303)
        return page(installation, "refusal.html", status_of(error), text=str(error))

    def wrong(error: HTTPException) -> Response:
        return page(installation, "refusal.html", error.code or 500, text=error.description or error.name)

    routes.register_error_handler(WaybillError, said)
    routes.register_error_handler(HTTPException, wrong)


def page(installation: Installation, template: str, status: int = 200, **values: Any) -> Response:
    """Make a page; whatever a template is given is escaped where it stands.

    Args:
        installation: whose name the page bears.
        template: its file.
        status: of the answer.
        values: what the template shows.
    """
    text = render_template(template, organization=_organization(installation), host=request.host, **values)
    response = Response(text, status, content_type="text/html; charset=utf-8")
    response.headers.update(_HEADERS)
    return response


def _visible(value: object) -> object:
    """Escape what could make a line look like another one; what a template made itself is left alone."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return "\n".join(map(shown, value.split("\n")))


OPTIONS = {"finalize": _visible, "trim_blocks": True, "lstrip_blocks": True}  # of the templates


def _organization(installation: Installation) -> str:
    try:
        return installation.policy().organization().organization
    except WaybillError:
        return "Waybill"
