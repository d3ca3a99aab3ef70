"""`DELETE /-/api/v1/registries/…` and `POST …/restore`: the verbs of `registry/removal.py` over HTTP."""

from typing import TypedDict

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from registry import names, removal
from registry.installation import Installation
from registry.outcomes import RemovalAnswer, outcome_json
from registry.policy.roles import Action, Principal
from registry.removal import Whole
from registry.web import params
from registry.web.auth import known_project, known_registry, permit
from registry.web.doors import Query, door

_PROJECT = "/registries/<registry>/projects/<project>"
_RELEASE = f"{_PROJECT}/releases/<version>"
_FILE = f"{_RELEASE}/files/<filename>"
_WHY = (Query("reason", "Why, where the body cannot say it"),)


class Reason(TypedDict, total=False):
    """Why."""

    reason: str | None


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes that delete and restore; those of a whole project ask for more."""
    routes = Blueprint("removal", __name__)

    def asked(registry: str, project: str, version: str | None, filename: str | None) -> tuple[Principal, Whole]:
        view, principal = params.known_caller(installation, pipelines=True)
        known = known_registry(view, registry), known_project(project)
        whole = Whole(*known, None if version is None else names.version(version), filename)
        permit(view, principal, whole.action, *known)
        return principal, whole

    def delete(by: Principal, whole: Whole) -> ResponseReturnValue:
        return jsonify(outcome_json(whole, removal.delete(installation, by, whole, _reason())))

    def restore(by: Principal, whole: Whole) -> ResponseReturnValue:
        params.body()
        return jsonify(outcome_json(whole, removal.restore(installation, by, whole)))

    @routes.delete(_PROJECT)
    @door(Action.ADMINISTER, "Deletes a project", query=_WHY, body=Reason, answer=RemovalAnswer)
    def delete_project(registry: str, project: str) -> ResponseReturnValue:
        return delete(*asked(registry, project, None, None))

    @routes.post(f"{_PROJECT}/restore")
    @door(Action.ADMINISTER, "Restores a deleted project", query=(), answer=RemovalAnswer)
    def restore_project(registry: str, project: str) -> ResponseReturnValue:
        return restore(*asked(registry, project, None, None))

    @routes.delete(_RELEASE)
    @door(Action.DELETE, "Deletes a release", query=_WHY, body=Reason, answer=RemovalAnswer)
    def delete_release(registry: str, project: str, version: str) -> ResponseReturnValue:
        return delete(*asked(registry, project, version, None))

    @routes.post(f"{_RELEASE}/restore")
    @door(Action.DELETE, "Restores a deleted release", query=(), answer=RemovalAnswer)
    def restore_release(registry: str, project: str, version: str) -> ResponseReturnValue:
        return restore(*asked(registry, project, version, None))

    @routes.delete(_FILE)
    @door(Action.DELETE, "Deletes a file", query=_WHY, body=Reason, answer=RemovalAnswer)
    def delete_file(registry: str, project: str, version: str, filename: str) -> ResponseReturnValue:
        return delete(*asked(registry, project, version, filename))

    @routes.post(f"{_FILE}/restore")
    @door(Action.DELETE, "Restores a deleted file", query=(), answer=RemovalAnswer)
    def restore_file(registry: str, project: str, version: str, filename: str) -> ResponseReturnValue:
        return restore(*asked(registry, project, version, filename))

    return routes


def _reason() -> str:
    """Read why: from the body, or the query, as some proxies drop the body of a DELETE (RFC 9110, 9.3.5)."""
    return params.said(params.body("reason"), "reason") or request.args.get("reason", "")
