"""`/-/api/v1/registries`: registries, projects and releases, for whoever may read them."""

from typing import TypedDict

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from registry import catalogue, names
from registry.catalogue import ListedProject, ListedRelease, ProjectAnswer, RegistryAnswer
from registry.errors import Unauthenticated
from registry.installation import Installation, View
from registry.names import ProjectName, version_order
from registry.policy.roles import Action, Principal
from registry.web import paging
from registry.web.auth import caller, known_project, known_registry, permit
from registry.web.doors import Need, Query, door, passed
from registry.web.paging import PAGES


class RegistriesAnswer(TypedDict):
    """Registries, by name."""

    registries: list[RegistryAnswer]


class ProjectsAnswer(TypedDict):
    """A page of projects, by name."""

    projects: list[ListedProject]
    next: str | None


class ReleasesAnswer(TypedDict):
    """A page of releases, newest version first."""

    releases: list[ListedRelease]
    next: str | None


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the catalogue."""
    routes = Blueprint("catalogue", __name__, url_prefix="/registries")

    @routes.get("")
    @door(Need.SIGHT, "The registries of which one may read something", query=(), answer=RegistriesAnswer)
    def registries() -> ResponseReturnValue:
        view, principal = sighted(installation)
        return jsonify(registries=list(catalogue.registries(view, principal)))

    @routes.get("/<registry>/projects")
    @door(
        Action.READ,
        "The projects of a registry that one may read, by name",
        query=(Query("q", "what the name must have in it"), *PAGES),
        answer=ProjectsAnswer,
    )
    def projects(registry: str) -> ResponseReturnValue:
        view = installation.view()
        principal, name = caller(view), known_registry(view, registry)
        permit(view, principal, Action.READ, name, None)
        [after] = paging.cursor(str) or [""]
        found = catalogue.projects(view, principal, name, request.args.get("q", "").lower(), after)
        return paging.page(
            "projects", found, lambda project: catalogue.listed(view.index, name, project), lambda project: [project]
        )

    @routes.get("/<registry>/projects/<project>")
    @door(Action.READ, "A project", query=(), answer=ProjectAnswer)
    def project(registry: str, project: str) -> ResponseReturnValue:
        view = installation.view()
        principal, name, wanted = caller(view), known_registry(view, registry), known_project(project)
        permit(view, principal, Action.READ, name, wanted)
        return jsonify(catalogue.project(view, name, wanted))

    @routes.get("/<registry>/projects/<project>/releases")
    @door(Action.READ, "The releases of a project, newest version first", query=PAGES, answer=ReleasesAnswer)
    def releases(registry: str, project: str) -> ResponseReturnValue:
        view = installation.view()
        principal, name, wanted = caller(view), known_registry(view, registry), known_project(project)
        permit(view, principal, Action.READ, name, wanted)
        catalogue.project(view, name, wanted)
        versions = _versions_after(view.index.versions(name, wanted), paging.cursor(str))
        return paging.page(
            "releases",
            versions,
            lambda version: catalogue.release_listed(view.index.release(name, ProjectName(wanted), version)),
            lambda version: [version],
        )

    return routes


def sighted(installation: Installation) -> tuple[View, Principal]:
    """Let in whoever may read something, wherever; each answer says for itself what they may.

    Raises:
        Unauthenticated: nobody in particular asks, and nothing is public.
    """
    view = installation.view()
    principal = caller(view)
    if principal.name is None and not any(catalogue.registries(view, principal)):
        raise Unauthenticated("Nothing here is public; send a token as Basic password or as Bearer")
    passed(Need.SIGHT)
    return view, principal


def _versions_after(versions: list[str], after: list[str] | None) -> list[str]:
    """Sort versions, newest first, and leave out those up to the one that was shown last."""
    ordered = sorted(versions, key=version_order, reverse=True)
    if after is None:
        return ordered
    last = version_order(names.version(after[0]))
    return [version for version in ordered if version_order(version) < last]
