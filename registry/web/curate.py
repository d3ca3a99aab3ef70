"""`/-/api/v1/registries/…/yank`: the verbs of `registry/curate.py` over HTTP."""

from typing import TypedDict

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry import curate, names
from registry.installation import Installation
from registry.model import Release
from registry.names import ProjectName
from registry.policy.roles import Action
from registry.web import params
from registry.web.auth import known_project, known_registry, permit
from registry.web.doors import door

_YANK = "/registries/<registry>/projects/<project>/releases/<version>/yank"


class Reason(TypedDict, total=False):
    """Why."""

    reason: str | None


class YankAnswer(TypedDict):
    """A release, yanked or not."""

    project: str
    version: str
    yanked: bool
    reason: str | None


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes that change releases."""
    routes = Blueprint("curate", __name__)

    @routes.put(_YANK)
    @door(Action.YANK, "Hides a release unless it is pinned", query=(), body=Reason, answer=YankAnswer)
    def yank(registry: str, project: str, version: str) -> ResponseReturnValue:
        view, principal = params.known_caller(installation, pipelines=True)
        name, wanted = known_registry(view, registry), known_project(project)
        permit(view, principal, Action.YANK, name, wanted)
        reason = params.said(params.body("reason"), "reason") or ""
        return _shown(wanted, curate.yank(installation, principal, name, wanted, names.version(version), reason))

    @routes.delete(_YANK)
    @door(Action.YANK, "Takes a yank back", query=(), answer=YankAnswer)
    def unyank(registry: str, project: str, version: str) -> ResponseReturnValue:
        view, principal = params.known_caller(installation, pipelines=True)
        name, wanted = known_registry(view, registry), known_project(project)
        permit(view, principal, Action.YANK, name, wanted)
        return _shown(wanted, curate.unyank(installation, principal, name, wanted, names.version(version)))

    return routes


def _shown(project: ProjectName, release: Release) -> ResponseReturnValue:
    yank = release.yank
    return jsonify(project=project, version=release.version, yanked=bool(yank), reason=yank.reason if yank else None)
