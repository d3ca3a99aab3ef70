"""`POST /-/api/v1/registries/…/promote`: `registry/promotion.py` over HTTP."""

from typing import TypedDict

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry import names
from registry.errors import Invalid
from registry.installation import Installation
from registry.outcomes import PromotedAnswer, promoted_json
from registry.policy.roles import Action
from registry.promotion import Route, promote
from registry.web import params
from registry.web.auth import known_project, known_registry, permit
from registry.web.doors import door

_RELEASE = "/registries/<registry>/projects/<project>/releases/<version>"


class Target(TypedDict):
    """Where it is to go."""

    to: str


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes that promote."""
    routes = Blueprint("promotion", __name__)

    def promoted(registry: str, project: str, version: str, filename: str | None) -> ResponseReturnValue:
        view, principal = params.known_caller(installation, pipelines=True)
        target = params.said(params.body("to"), "to")
        if target is None:
            raise Invalid('to: missing; send {"to": "<registry>"}')
        source, to, wanted = known_registry(view, registry), known_registry(view, target), known_project(project)
        permit(view, principal, Action.READ, source, wanted)
        permit(view, principal, Action.PUBLISH, to, wanted)
        route = Route(source, to, wanted, names.version(version), filename)
        return jsonify(promoted_json(route, promote(installation, principal, route)))

    @routes.post(f"{_RELEASE}/promote")
    @door(Action.PUBLISH, "Lets a release enter another registry", query=(), body=Target, answer=PromotedAnswer)
    def promote_release(registry: str, project: str, version: str) -> ResponseReturnValue:
        return promoted(registry, project, version, None)

    @routes.post(f"{_RELEASE}/files/<filename>/promote")
    @door(Action.PUBLISH, "Lets a file enter another registry", query=(), body=Target, answer=PromotedAnswer)
    def promote_file(registry: str, project: str, version: str, filename: str) -> ResponseReturnValue:
        return promoted(registry, project, version, filename)

    return routes
