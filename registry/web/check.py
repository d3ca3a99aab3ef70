"""`POST /-/api/v1/check`: would this upload be accepted? The form is that of an upload, and so are the words."""

from contextlib import ExitStack

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry.installation import Installation
from registry.policy.roles import Action
from registry.upload import examine
from registry.web import params
from registry.web.doors import door
from registry.web.upload import receive_file


def blueprint(installation: Installation) -> Blueprint:
    """Make the route; nothing that comes through it is stored."""
    routes = Blueprint("check", __name__)

    @routes.post("/check")
    @door(Action.PUBLISH, "Whether an upload would be accepted; nothing is stored")
    def check() -> ResponseReturnValue:
        registry = params.text("registry")
        with ExitStack() as stack:
            received = receive_file(installation, registry, stack)
            found = examine(installation, *received[:-1])
            dist, sha256 = found.candidate.dist, found.candidate.sha256
        here = found.existing is not None
        identity = {"filename": dist.filename, "project": dist.project, "version": dist.version, "sha256": sha256}
        return jsonify(accepted=True, here=here, policy=found.policy.commit, **identity)

    return routes
