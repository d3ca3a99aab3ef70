"""Buildkite Package Registries: where installers look, and how an organization and a registry are named there."""

from flask import Blueprint, Response
from werkzeug.wrappers import Response as Redirect

from registry.installation import Installation, View
from registry.names import RegistryName
from registry.policy.addresses import addresses
from registry.policy.known_as import System
from registry.policy.roles import Action
from registry.web.auth import meant
from registry.web.doors import Need, door
from registry.web.files import send_file
from registry.web.index import SimpleIndex, slashed


def registry_at(view: View, organization: str, slug: str) -> RegistryName:
    """Tell which registry the slugs of an organization and a registry mean."""
    return meant(view, lambda: addresses(view.policy).find(System.BUILDKITE, f"{organization}/{slug}"))


def blueprint(installation: Installation, index: SimpleIndex) -> Blueprint:
    """Make the routes of the index; the user name `buildkite` is as good as any."""
    routes = Blueprint("buildkite", __name__, url_prefix="/<organization>/<slug>/pypi")

    def at(organization: str, slug: str) -> RegistryName:
        return registry_at(installation.view(), organization, slug)

    @routes.get("/simple/")
    @door(Action.READ, "Buildkite: the projects of a registry")
    def projects(organization: str, slug: str) -> Response:
        return index.projects(at(organization, slug))

    @routes.get("/simple/<project>/")
    @door(Action.READ, "Buildkite: the files of a project")
    def project(organization: str, slug: str, project: str) -> Response:
        return index.project(at(organization, slug), project)

    @routes.get("/simple")
    @routes.get("/simple/<project>")
    @door(Need.NOTHING, "Leads to the same with a slash at its end")
    def slash(project: str | None = None, **_: str) -> Redirect:
        return slashed(project)

    @routes.get("/files/<sha256>/<filename>")
    @door(Action.READ, "Buildkite: a file, or its core metadata")
    def file(organization: str, slug: str, sha256: str, filename: str) -> Response:
        return send_file(installation, at(organization, slug), sha256, filename)

    return routes
