"""The upload endpoint, as every client sends it: the legacy multipart form, or a lone `file` field.

PyPI documents the form ("Upload API"); what each client really sends was tried with each of them.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from registry.blobs.incoming import Incoming
from registry.errors import Invalid, TooLarge
from registry.installation import Installation
from registry.names import ProjectName, RegistryName
from registry.policy.bounds import Limits
from registry.policy.files import BadFile
from registry.policy.roles import Action, Principal
from registry.provenance import declared
from registry.upload import Accepted, upload
from registry.web.auth import caller, known_registry, permit
from registry.web.doors import door
from registry.web.form import FORM_BYTES, FORM_PARTS, Form, receive
from registry.web.legacy import UPLOAD, ordered
from registry.web.request import Request

_SINGLE = (
    "name",
    "version",
    "filetype",
    "md5_digest",
    "sha256_digest",
    "blake2_256_digest",
    "attestations",
    "reason",
    ":action",
    "protocol_version",
)


class Received(NamedTuple):
    """Who sent which form, and what it says."""

    principal: Principal
    registry: RegistryName
    form: Form
    said: dict[str, str]
    declared: dict[str, str] | None  # of where it comes from

    @property
    def action(self) -> str:
        """What is asked for."""
        return self.said.get(":action", UPLOAD)

    @property
    def upload(self) -> tuple[Principal, RegistryName, str, Incoming, dict[str, str]]:
        """What is uploaded, in the order in which the verb asks for it.

        Raises:
            Invalid: the form asks for something else, or carries no file.
        """
        if self.action != UPLOAD:
            raise Invalid(f":action: {self.action[:80]!a} is not served here; only {UPLOAD!a} is")
        return self.principal, self.registry, self.form.filename, self.form.draft, self.said


class Uploads:
    """Takes uploads, for whichever URL they are sent to."""

    def __init__(self, installation: Installation, landed: Callable[[RegistryName, ProjectName], None]) -> None:
        """Take them.

        Args:
            installation: what is uploaded to.
            landed: is told of each project that has a new file.
        """
        self._installation = installation
        self._landed = landed

    def accept(self, registry: str) -> tuple[RegistryName, Accepted]:
        """Take the upload that this request is.

        Args:
            registry: as the request names it.

        Returns:
            Where it went, and what came of it; a refusal is raised.
        """
        with ExitStack() as stack:
            return self._taken(receive_form(self._installation, registry, stack))

    def answer(self, registry: str) -> Response:
        """Take the upload that this request is, or do what the form asks for beside."""
        with ExitStack() as stack:
            received = receive_form(self._installation, registry, stack)
            if received.action == UPLOAD or received.form.filename:
                return told(self._taken(received)[1])
            done = ordered(self._installation, received.principal, received.registry, received.action, received.said)
        return _text(done)

    def _taken(self, received: Received) -> tuple[RegistryName, Accepted]:
        accepted = upload(self._installation, *received.upload, declared=received.declared)
        if accepted.commit:
            self._landed(received.registry, accepted.file.dist.project)
        return received.registry, accepted


def blueprint(uploads: Uploads) -> Blueprint:
    """Make the routes of the upload: both slash forms, because uploaders do not follow redirects."""
    routes = Blueprint("upload", __name__)

    @routes.post("/<registry>/")
    @routes.post("/<registry>")
    @routes.post("/<registry>/legacy/")
    @routes.post("/<registry>/legacy")
    @door(Action.PUBLISH, "Uploads a file; by :action, yanks, unyanks or deletes a release")
    def receive_upload(registry: str) -> Response:
        return uploads.answer(registry)

    return routes


def receive_form(installation: Installation, raw_registry: str, stack: ExitStack) -> Received:
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
    return Received(principal, registry, form, _said(form), said)


def _said(form: Form) -> dict[str, str]:
    """Read the fields that say what is meant; all others are accepted and ignored, also unknown ones."""
    said: dict[str, str] = {}
    for field in _SINGLE:
        values = [value for value in form.values(field) if value != "UNKNOWN"]
        if len(set(values)) > 1:
            raise Invalid(f"{field}: given {len(values)} times with different values; send it once")
        if values:
            said[field] = values[0]
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


def told(accepted: Accepted) -> Response:
    """Say what came of an upload, for whoever reads the log of a pipeline."""
    file = accepted.file
    if request.accept_mimetypes.best_match(["text/plain", "application/json"]) == "application/json":
        return jsonify(filename=file.filename, sha256=file.sha256, commit=accepted.commit)
    if accepted.commit is None:
        text = f"{file.filename} is here already with the same content, sha256 {file.sha256}; nothing was written"
    else:
        text = f"Accepted {file.filename}, sha256 {file.sha256}, as ledger commit {accepted.commit}"
    return _text(text)


def _text(sentence: str) -> Response:
    return current_app.response_class(f"{sentence}\n", content_type="text/plain; charset=utf-8")


def _request() -> Request:
    """Give the request by its own class, which create_app chose."""
    current = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Werkzeug's way out of the proxy
    if not isinstance(current, Request):
        raise TypeError("the application was not made by create_app")
    return current
