"""`POST /-/api/v1/check`: would this upload be accepted? The form is that of an upload, and so are the words."""

from contextlib import ExitStack
from typing import TypedDict

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry.installation import Installation
from registry.policy.roles import Action
from registry.upload import examine
from registry.web import params
from registry.web.doors import Query, door
from registry.web.upload import receive_form


class CheckAnswer(TypedDict):
    """That a file would be accepted, by which policy, and whether it is here already."""

    accepted: bool
    here: bool
    policy: str
    filename: str
    project: str
    version: str
    sha256: str


def blueprint(installation: Installation) -> Blueprint:
    """Make the route; nothing that comes through it is stored."""
    routes = Blueprint("check", __name__)

    @routes.post("/check")
    @door(
        Action.PUBLISH,
        "Whether an upload would be accepted; nothing is stored",
        query=(Query("registry", "into which registry", needed=True),),
        body={
            "type": "object",
            "properties": {"content": {"type": "string", "contentMediaType": "application/octet-stream"}},
            "required": ["content"],
        },
        sent="multipart/form-data",
        answer=CheckAnswer,
    )
    def check() -> ResponseReturnValue:
        registry = params.text("registry")
        with ExitStack() as stack:
            received = receive_form(installation, registry, stack)
            found = examine(installation, *received.upload)
            dist, sha256 = found.candidate.dist, found.candidate.sha256
        here = found.existing is not None
        identity = {"filename": dist.filename, "project": dist.project, "version": dist.version, "sha256": sha256}
        return jsonify(accepted=True, here=here, policy=found.policy.commit, **identity)

    return routes
