"""What a person sees who opens the address in a browser."""

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as Redirect

from registry.installation import Installation
from registry.web.auth import known_registry
from registry.web.doors import Need, door
from registry.web.html import page


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes for browsers."""
    routes = Blueprint("home", __name__)

    @routes.get("/")
    @door(Need.NOTHING, "The first page")
    def home() -> Response:
        return page(installation, "home.html", scheme=request.scheme)

    @routes.get("/<registry>")  # written out, because the framework would answer 308, which clients keep for ever
    @routes.get("/<registry>/")
    @routes.get("/<registry>/legacy")
    @routes.get("/<registry>/legacy/")
    @door(Need.NOTHING, "Leads from where uploads go to the index")
    def upload_url(registry: str) -> Redirect:
        name = known_registry(installation.view(), registry)
        return redirect({1: f"{name}/simple/", 2: "simple/", 3: "../simple/"}[request.path.count("/")], 302)

    return routes
