"""Artifact Keeper: everything below `/pypi`, with the key of a registry or without one."""

from flask import Blueprint, Response
from werkzeug.wrappers import Response as Redirect

from registry.installation import Installation
from registry.names import RegistryName
from registry.policy.addresses import addresses, default_registry
from registry.policy.known_as import System
from registry.policy.roles import Action
from registry.web.auth import meant
from registry.web.doors import Need, door
from registry.web.files import send_file
from registry.web.index import SimpleIndex, slashed
from registry.web.upload import Uploads, told


def blueprint(installation: Installation, index: SimpleIndex, uploads: Uploads) -> Blueprint:
    """Make the routes: its guide leaves the key out, its server wants one."""
    routes = Blueprint("artifact_keeper", __name__, url_prefix="/pypi")

    def at(key: str | None) -> RegistryName:
        view = installation.view()
        if key is None:
            return meant(view, lambda: default_registry(view.policy))
        return meant(view, lambda: addresses(view.policy).find(System.ARTIFACT_KEEPER, key))

    @routes.post("")
    @routes.post("/")
    @routes.post("/<key>")
    @routes.post("/<key>/")
    @door(Action.PUBLISH, "Artifact Keeper: takes an upload")
    def upload(key: str | None = None) -> Response:
        return told(uploads.accept(at(key))[1])

    @routes.get("/simple/")
    @routes.get("/<key>/simple/")
    @door(Action.READ, "Artifact Keeper: the projects of a registry")
    def projects(key: str | None = None) -> Response:
        return index.projects(at(key))

    @routes.get("/simple/<project>/")
    @routes.get("/<key>/simple/<project>/")
    @door(Action.READ, "Artifact Keeper: the files of a project")
    def project(project: str, key: str | None = None) -> Response:
        return index.project(at(key), project)

    @routes.get("/simple")
    @routes.get("/simple/<project>")
    @routes.get("/<key>/simple")
    @routes.get("/<key>/simple/<project>")
    @door(Need.NOTHING, "Leads to the same with a slash at its end")
    def slash(project: str | None = None, key: str | None = None) -> Redirect:  # noqa: ARG001 - part of the address
        return slashed(project)

    @routes.get("/files/<sha256>/<filename>")
    @routes.get("/<key>/files/<sha256>/<filename>")
    @door(Action.READ, "Artifact Keeper: a file, or its core metadata")
    def file(sha256: str, filename: str, key: str | None = None) -> Response:
        return send_file(installation, at(key), sha256, filename)

    return routes
