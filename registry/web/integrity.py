"""`/<registry>/integrity/…/provenance`: the attestations a file was uploaded with, as PyPI's clients ask for them.

https://packaging.python.org/en/latest/specifications/index-hosted-attestations/ (PEP 740)
"""

import hashlib
import json

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotAcceptable

from registry import names
from registry.attestations import provenance
from registry.errors import Forbidden, Invalid, NotFound, Unavailable
from registry.installation import Installation
from registry.model import Status
from registry.policy.roles import Action
from registry.web.auth import caller, known_project, known_registry, permit
from registry.web.doors import door

INTEGRITY = "application/vnd.pypi.integrity.v1+json"
_OFFERS = (INTEGRITY, "application/json")


def blueprint(installation: Installation) -> Blueprint:
    """Make the route of the provenance objects."""
    routes = Blueprint("integrity", __name__)

    @routes.get("/<registry>/integrity/<project>/<version>/<filename>/provenance")
    @door(Action.READ, "The attestations of a file (PEP 740)")
    def show(registry: str, project: str, version: str, filename: str) -> Response:
        view = installation.view()
        principal, name, wanted = caller(view), known_registry(view, registry), known_project(project)
        permit(view, principal, Action.READ, name, wanted)
        content_type = request.accept_mimetypes.best_match(_OFFERS) if request.accept_mimetypes else INTEGRITY
        if content_type is None:
            raise NotAcceptable(f"A provenance object is {INTEGRITY}; ask for that, or for application/json")
        try:
            dist = names.distribution(filename)
            named = (dist.project, dist.version) == (wanted, names.version(version))
        except Invalid as error:
            raise NotFound(str(error)) from None
        file = view.index.file(name, dist) if named else None
        if file is None or file.deleted:
            raise NotFound(f"Registry {name} has no file {filename[:230]!a} of {wanted} {version[:100]}")
        status = view.index.status(name, wanted)
        if status and status.status is Status.QUARANTINED:
            raise Forbidden(f"Project {wanted} is quarantined; its files are withheld (PEP 792)")
        if file.attested is None:
            raise NotFound(f"'{filename}' was uploaded without attestations; the JSON index says what is known of it")
        text = view.index.attestations(name, dist)
        if text is None or hashlib.sha256(text).hexdigest() != file.attested.sha256:
            raise Unavailable(f"The attestations of '{filename}' were damaged; restore them from a backup or mirror")
        response = Response(json.dumps(provenance(text, file.attested.publishers)), content_type=content_type)
        response.headers["Cache-Control"] = "private, max-age=0"
        response.headers["Vary"] = "Accept, Authorization"
        return response

    return routes
