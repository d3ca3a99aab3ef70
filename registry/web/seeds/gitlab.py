"""GitLab's package registry: a project takes uploads and is an index. Groups are in `gitlab_groups.py`."""

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as Redirect

from registry.installation import Installation
from registry.names import RegistryName
from registry.policy.addresses import addresses
from registry.policy.known_as import System
from registry.policy.roles import Action
from registry.web.auth import meant
from registry.web.doors import door
from registry.web.files import send_file
from registry.web.index import SimpleIndex, slashed
from registry.web.refusals import messages
from registry.web.upload import Uploads

# Each view takes both slash forms by one rule: with a path in it, Werkzeug answers 308 to the one without, also where
# another rule has it.
_PROJECT = "/projects/<path:id_>/packages/pypi"  # a path may come encoded, as %2F, or as a proxy has decoded it


def blueprint(installation: Installation, index: SimpleIndex, uploads: Uploads) -> Blueprint:
    """Make the routes; refusals are JSON with a `message`."""
    routes = Blueprint("gitlab", __name__, url_prefix="/api/v4")
    messages(routes)

    def at(id_: str) -> RegistryName:
        view = installation.view()
        return meant(view, lambda: addresses(view.policy).find(System.GITLAB, id_))

    @routes.post(f"{_PROJECT}/", strict_slashes=False)
    @door(Action.PUBLISH, "GitLab: takes an upload")
    def upload(id_: str) -> Response:
        _, accepted = uploads.accept(at(id_))
        if accepted.commit is None:
            return jsonify(message=f"{accepted.file.filename} is here already with the same content")
        response = jsonify(message="201 Created")
        response.status_code = 201
        return response

    @routes.get(f"{_PROJECT}/simple/", strict_slashes=False)
    @door(Action.READ, "GitLab: the projects of a registry")
    def projects(id_: str) -> Response | Redirect:
        if not request.path.endswith("/"):
            return slashed(None)
        return index.projects(at(id_))

    @routes.get(f"{_PROJECT}/simple/<project>/", strict_slashes=False)
    @door(Action.READ, "GitLab: the files of a project")
    def project(id_: str, project: str) -> Response | Redirect:
        if not request.path.endswith("/"):
            return slashed(project)
        return index.project(at(id_), project)

    @routes.get(f"{_PROJECT}/files/<sha256>/<filename>")
    @door(Action.READ, "GitLab: a file, or its core metadata")
    def file(id_: str, sha256: str, filename: str) -> Response:
        return send_file(installation, at(id_), sha256, filename)

    return routes
