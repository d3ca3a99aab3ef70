"""`POST /-/api/v1/registries/…/promote`: `registry/promotion.py` over HTTP."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry import names
from registry.answers import promoted_json
from registry.errors import Invalid
from registry.installation import Installation
from registry.policy.roles import Action
from registry.promotion import Route, promote
from registry.web import params
from registry.web.auth import known_project, known_registry, permit
from registry.web.doors import door

_RELEASE = "/registries/<registry>/projects/<project>/releases/<version>"


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes that promote."""
    routes = Blueprint("promotion", __name__)

    @routes.post(f"{_RELEASE}/promote")
    @routes.post(f"{_RELEASE}/files/<filename>/promote")
    @door(Action.READ, "Brings a release or a file into another registry")
    def promoting(registry: str, project: str, version: str, filename: str | None = None) -> ResponseReturnValue:
        view, principal = params.known_caller(installation, pipelines=True)
        target = params.said(params.body("to"), "to")
        if target is None:
            raise Invalid('to: missing; send {"to": "<registry>"}')
        source, to, wanted = known_registry(view, registry), known_registry(view, target), known_project(project)
        permit(view, principal, Action.READ, source, wanted)
        permit(view, principal, Action.PUBLISH, to, wanted)
        route = Route(source, to, wanted, names.version(version), filename)
        return jsonify(promoted_json(route, promote(installation, principal, route)))

    return routes
