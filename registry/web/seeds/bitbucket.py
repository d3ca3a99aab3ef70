"""Bitbucket Packages: one base URL that is both the upload URL and the index.

`https://<host>/<workspace>` is what twine, uv and Poetry are given for both. Uploads to it, `simple/` below it and
files need nothing here, as a workspace is as good as a registry's name (`auth.known_registry`). What is left is the
project right below the base, and the pip line, which leaves even the workspace out: there it is the default registry.
"""

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Response as Redirect

from registry.errors import NotFound
from registry.installation import Installation
from registry.policy.addresses import default_registry
from registry.policy.roles import Action
from registry.web.auth import meant
from registry.web.doors import Need, door
from registry.web.home import to_index
from registry.web.index import SimpleIndex, slashed


class Name(BaseConverter):
    """The beginning of a path that can be a registry, workspace or project: nothing below `/-/` or `/_/` is."""

    regex = "[A-Za-z0-9][^/]*"
    part_isolating = True


def blueprint(installation: Installation, index: SimpleIndex) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("bitbucket", __name__)

    @routes.record_once
    def know_names(state: BlueprintSetupState) -> None:
        state.app.url_map.converters["name"] = Name

    @routes.get("/<name:workspace>/<name:project>/")
    @door(Action.READ, "Bitbucket: the files of a project")
    def project(workspace: str, project: str) -> Response:
        return index.project(workspace, project, files="../files/")

    @routes.get("/<name:workspace>/<name:project>")
    @door(Need.NOTHING, "Leads to the same with a slash at its end")
    def slash(workspace: str, project: str) -> Redirect:  # noqa: ARG001 - part of the address
        return slashed(project)

    @routes.get("/<name:project>")
    @routes.get("/<name:project>/")
    @door(Action.READ, "Bitbucket: the files of a project of the default registry")
    def project_of_host(project: str) -> Response | Redirect:
        view = installation.view()
        try:
            registry = meant(view, lambda: default_registry(view.policy))
        except NotFound:
            return to_index(installation, project)  # it is no index then, and this the upload URL of a registry
        if not request.path.endswith("/"):
            return slashed(project)
        return index.project(registry, project, files=f"../{registry}/files/")

    return routes
