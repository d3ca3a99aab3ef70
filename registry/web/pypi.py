"""`/<registry>/pypi/<project>/json`, and `/pypi/…` of the default registry or the only one: PyPI's JSON, for bots."""

from contextlib import suppress

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from registry import audit, catalogue
from registry.errors import Invalid, NotFound
from registry.installation import Installation, View
from registry.model import Status
from registry.names import ProjectName, RegistryName
from registry.policy.addresses import default_registry
from registry.policy.roles import Action
from registry.pypi import project_json
from registry.web.auth import caller, known_project, known_registry, meant
from registry.web.doors import door
from registry.web.together import reading


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of PyPI's JSON API."""
    routes = Blueprint("pypi", __name__)

    @routes.get("/pypi/<project>/json")
    @routes.get("/<registry>/pypi/<project>/json")
    @door(Action.READ, "A project as PyPI's JSON API describes it")
    def latest(project: str, registry: str | None = None) -> ResponseReturnValue:
        view, named, name, wanted = _asked(installation, registry, project)
        found = view.index.project(name, wanted)
        version = catalogue.latest(view.index, name, wanted)
        releases = [one for one in found.releases if one.live] if found else []
        if not releases or found is None or found.status is Status.QUARANTINED:  # which offers no files (PEP 792)
            raise NotFound(f"Registry {name} offers no files of '{wanted}'")
        shown = next((one for one in releases if one.version == version), releases[-1])
        digests = installation.looks.at_hand((file for one in releases for file in one.live), shown.live)
        return jsonify(
            project_json(view.index, name, wanted, _base(view, named), shown, releases=releases, digests=digests)
        )

    @routes.get("/pypi/<project>/<version>/json")
    @routes.get("/<registry>/pypi/<project>/<version>/json")
    @door(Action.READ, "A release as PyPI's JSON API describes it")
    def release(project: str, version: str, registry: str | None = None) -> ResponseReturnValue:
        view, named, name, wanted = _asked(installation, registry, project)
        found = view.index.release(name, wanted, catalogue.version_of(view.index, name, wanted, version))
        state = view.index.status(name, wanted)
        if not found.live or (state and state.status is Status.QUARANTINED):
            raise NotFound(f"Registry {name} offers no files of {wanted} {found.version}")
        digests = installation.looks.at_hand(found.live, found.live)
        return jsonify(project_json(view.index, name, wanted, _base(view, named), found, releases=[], digests=digests))

    return routes


def _asked(
    installation: Installation, registry: str | None, project: str
) -> tuple[View, RegistryName, RegistryName, ProjectName]:
    """Tell which registry is asked, and which one answers for the project."""
    view = installation.view()
    principal = caller(view)
    named, wanted = known_registry(view, registry or _unnamed(view)), known_project(project)
    name = reading(view, principal, named, wanted).owner(wanted)
    if name is None:
        raise NotFound(f"Registry {named} has no project '{wanted}'")
    return view, named, name, wanted


def _unnamed(view: View) -> RegistryName:
    """Tell which registry is meant where none is named: the one that `waybill.yaml` says, or the only one."""
    with suppress(NotFound):
        return meant(view, lambda: default_registry(view.policy))
    try:
        return audit.only_registry(view.policy)
    except Invalid:
        raise NotFound("There are several registries; ask at /<registry>/pypi/<project>/json") from None


def _base(view: View, registry: RegistryName) -> str:
    return (view.policy.organization().url or request.host_url).rstrip("/") + f"/{registry}/"
