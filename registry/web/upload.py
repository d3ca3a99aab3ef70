"""The upload endpoint, as every client sends it: the legacy multipart form, or a lone `file` field.

PyPI documents the form ("Upload API"); what each client really sends was tried with each of them.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from registry.blobs.incoming import Incoming
from registry.errors import Invalid, TooLarge
from registry.installation import Installation
from registry.names import ProjectName, RegistryName
from registry.policy.files import BadFile, Limits
from registry.policy.roles import Action, Principal
from registry.provenance import declared
from registry.upload import Accepted, upload
from registry.web.auth import caller, known_registry, permit
from registry.web.doors import door
from registry.web.form import FORM_BYTES, FORM_PARTS, Form, receive
from registry.web.request import Request

_SINGLE = (
    "name",
    "version",
    "filetype",
    "md5_digest",
    "sha256_digest",
    "blake2_256_digest",
    "attestations",
    ":action",
    "protocol_version",
)


class Received(NamedTuple):
    """Who uploads what, in the order in which `upload` asks for it."""

    principal: Principal
    registry: RegistryName
    filename: str
    draft: Incoming
    form: dict[str, str]  # what the client says of it
    declared: dict[str, str] | None  # and of where it comes from


def blueprint(installation: Installation, landed: Callable[[RegistryName, ProjectName], None]) -> Blueprint:
    """Make the routes of the upload: both slash forms, because uploaders do not follow redirects.

    Args:
        installation: what is uploaded to.
        landed: is told of each project that has a new file.
    """
    routes = Blueprint("upload", __name__)

    @routes.post("/<registry>/")
    @routes.post("/<registry>")
    @routes.post("/<registry>/legacy/")
    @routes.post("/<registry>/legacy")
    @door(Action.PUBLISH, "Uploads a file")
    def receive_upload(registry: str) -> Response:
        with ExitStack() as stack:
            received = receive_file(installation, registry, stack)
            accepted = upload(installation, *received[:-1], declared=received.declared)
        if accepted.commit:
            landed(RegistryName(registry), accepted.file.dist.project)
        return _told(accepted)

    return routes


def receive_file(installation: Installation, raw_registry: str, stack: ExitStack) -> Received:
    """Authenticate before a byte of the body is read, then stream it into a draft.

    Args:
        installation: what is uploaded to.
        raw_registry: the registry, as the request names it.
        stack: closes the draft.
    """
    view = installation.view()
    registry, principal = known_registry(view, raw_registry), caller(view)
    permit(view, principal, Action.PUBLISH, registry, None)
    installation.following.require_fresh(view.now)
    said = None if principal.run else _declared()
    try:
        limits = view.policy.organization().limits
    except BadFile:
        limits = Limits()
    try:
        form = receive(_request(), _SINGLE, installation.blobs, limits.file_bytes, stack)
    except RequestEntityTooLarge:
        raise TooLarge(_too_large(limits)) from None
    return Received(principal, registry, form.filename, form.draft, _said(form), said)


def _said(form: Form) -> dict[str, str]:
    """Read the fields that say which file this is; all others are accepted and ignored, also unknown ones."""
    said: dict[str, str] = {}
    for field in _SINGLE:
        values = [value for value in form.values(field) if value != "UNKNOWN"]
        if len(set(values)) > 1:
            raise Invalid(f"{field}: given {len(values)} times with different values; send it once")
        if values:
            said[field] = values[0]
    action = said.get(":action", "file_upload")
    if action != "file_upload":
        raise Invalid(f":action: {action!a} is not served here; only 'file_upload' is")
    if said.get("protocol_version", "1") != "1":
        raise Invalid(f"protocol_version: {said['protocol_version']!a} is unknown; send 1")
    return said


def _declared() -> dict[str, str]:
    """Read what is declared by headers; a pipeline that is known by its claims declared when it got its token."""
    start = "X-Waybill-Declared-"
    return declared({name[len(start) :]: value for name, value in request.headers if name.title().startswith(start)})


def _too_large(limits: Limits) -> str:
    return (
        f"The upload is too large: at most {limits.file_bytes // 2**20} MB are accepted as file (limits.file_mb in "
        f"waybill.yaml), and {FORM_BYTES // 2**20} MB in {FORM_PARTS} parts as form"
    )


def _told(accepted: Accepted) -> Response:
    file = accepted.file
    if accepted.commit is None:
        text = f"{file.filename} is here already with the same content, sha256 {file.sha256}; nothing was written"
    else:
        text = f"Accepted {file.filename}, sha256 {file.sha256}, as ledger commit {accepted.commit}"
    return current_app.response_class(text + "\n", content_type="text/plain; charset=utf-8")


def _request() -> Request:
    """Give the request by its own class, which create_app chose."""
    current = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Werkzeug's way out of the proxy
    if not isinstance(current, Request):
        raise TypeError("the application was not made by create_app")
    return current
