"""`/-/api/v1/registries/…/yank` and `…/status`: the verbs of `registry/curate.py` over HTTP."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry import curate, names
from registry.answers import status_json
from registry.errors import Invalid
from registry.installation import Installation
from registry.model import Release, Status
from registry.names import ProjectName
from registry.policy.roles import Action
from registry.web import params
from registry.web.auth import known_project, known_registry, permit
from registry.web.doors import door

_YANK = "/registries/<registry>/projects/<project>/releases/<version>/yank"


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes that change releases."""
    routes = Blueprint("curate", __name__)

    @routes.put(_YANK)
    @door(Action.YANK, "Hides a release unless it is pinned")
    def yank(registry: str, project: str, version: str) -> ResponseReturnValue:
        view, principal = params.known_caller(installation, pipelines=True)
        name, wanted = known_registry(view, registry), known_project(project)
        permit(view, principal, Action.YANK, name, wanted)
        reason = params.said(params.body("reason"), "reason") or ""
        return _shown(wanted, curate.yank(installation, principal, name, wanted, names.version(version), reason))

    @routes.delete(_YANK)
    @door(Action.YANK, "Takes a yank back")
    def unyank(registry: str, project: str, version: str) -> ResponseReturnValue:
        view, principal = params.known_caller(installation, pipelines=True)
        name, wanted = known_registry(view, registry), known_project(project)
        permit(view, principal, Action.YANK, name, wanted)
        return _shown(wanted, curate.unyank(installation, principal, name, wanted, names.version(version)))

    @routes.put("/registries/<registry>/projects/<project>/status")
    @door(Action.ADMINISTER, "Says what may be expected of a project (PEP 792)")
    def status(registry: str, project: str) -> ResponseReturnValue:
        view, principal = params.known_caller(installation, pipelines=True)
        name, wanted = known_registry(view, registry), known_project(project)
        permit(view, principal, Action.ADMINISTER, name, wanted)
        sent = params.body("status", "reason")
        reason = params.said(sent, "reason") or ""
        changed = curate.set_status(installation, principal, name, wanted, _status(params.said(sent, "status")), reason)
        return jsonify(registry=name, **status_json(changed))

    return routes


def _status(word: str | None) -> Status:
    try:
        return Status(word)
    except ValueError:
        raise Invalid(f"status: send one of {', '.join(each.value for each in Status)}") from None


def _shown(project: ProjectName, release: Release) -> ResponseReturnValue:
    yank = release.yank
    return jsonify(project=project, version=release.version, yanked=bool(yank), reason=yank.reason if yank else None)
