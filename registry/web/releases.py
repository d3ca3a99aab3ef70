"""A release and where its files come from, and what a pipeline published: `registry/recall.py` over HTTP."""

from typing import TypedDict

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry import names
from registry.answers import RecallAnswer, ReleaseAnswer, recall_json, release_json
from registry.errors import NotFound
from registry.installation import Installation
from registry.policy.decide import Allowed
from registry.policy.roles import Action
from registry.recall import recalled
from registry.web import params
from registry.web.auth import caller, known_project, known_registry, permit
from registry.web.doors import Need, door
from registry.web.sight import WANTED, wanted


class ReleaseShown(ReleaseAnswer):
    """A release of a registry."""

    registry: str


class RecallsAnswer(TypedDict):
    """Releases that one may propose to yank."""

    releases: list[RecallAnswer]


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes that show releases."""
    routes = Blueprint("releases", __name__)

    @routes.get("/registries/<registry>/projects/<project>/releases/<version>")
    @door(Action.READ, "A release and where each of its files comes from", query=(), answer=ReleaseShown)
    def show(registry: str, project: str, version: str) -> ResponseReturnValue:
        view = installation.view()
        principal, name, asked = caller(view), known_registry(view, registry), known_project(project)
        permit(view, principal, Action.READ, name, asked)
        versions, meant = view.index.versions(name, asked), names.version(version)
        found = next((one for one in versions if names.same_version(one, meant)), None)
        if found is None:
            raise NotFound(f"Registry {name} has no release {asked} {meant}")
        return jsonify(registry=name, **release_json(asked, view.index.release(name, asked, found)))

    @routes.get("/log/releases")
    @door(
        Need.SIGNED_IN,
        "What a pipeline published or promoted and is still there, as releases",
        query=WANTED,
        answer=RecallsAnswer,
    )
    def published() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        found = [
            recall
            for recall in recalled(installation, wanted(view))
            if isinstance(view.decide(principal, Action.READ, recall.registry, recall.project), Allowed)
        ]
        return jsonify(releases=[recall_json(recall) for recall in found])

    return routes
