"""The git repository over HTTP: clone and fetch for who may read all of it, push for changes of the policy.

Only git's smart protocol (gitprotocol-http(5)) is served, by C git; what may be pushed, its hooks decide.
"""

import re

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotImplemented as NoGit

from registry.changes import heal
from registry.changes.clearance import person, reader
from registry.errors import Forbidden, Invalid, NotFound
from registry.installation import Installation, View
from registry.policy.files import BadFile
from registry.policy.roles import Principal
from registry.store.backend import Backend, Call, Caller
from registry.store.git import MOST_PUSHED
from registry.web.auth import caller
from registry.web.doors import Need, door, passed
from registry.web.request import Request

FETCH, PUSH = "git-upload-pack", "git-receive-pack"
_ASKED = 2**20  # bytes of what a fetch says it has and wants, perhaps packed
_PUSHED = 2 * MOST_PUSHED  # of a push: git itself counts more exactly, and tells the client
_PROTOCOL = re.compile(r"[a-z0-9=:._-]{1,100}")
_NO_GIT = "This server has no C git, which clones and pushes need; its operator can install git and restart it"
_ONLY_SMART = (
    "Only git's smart protocol is served here: git clone URL/-/git/ORGANIZATION.git, and then "
    "git push origin HEAD:change/NAME"
)


def blueprint(installation: Installation, backend: Backend | None) -> Blueprint:
    """Make the routes of the git repository.

    Args:
        installation: whose.
        backend: runs C git; None where there is none.
    """
    routes = Blueprint("git", __name__, url_prefix="/-/git")

    @routes.get("/<organization>.git/info/refs")
    @door(Need.AUDITOR, "What a fetch or push of git asks first")
    def advertise(organization: str) -> ResponseReturnValue:
        service = request.args.get("service", "")
        if service not in {FETCH, PUSH}:
            raise Forbidden(_ONLY_SMART)
        return _answered(installation, backend, organization, service, advertises=True)

    @routes.post("/<organization>.git/<any('git-upload-pack', 'git-receive-pack'):service>")
    @door(Need.AUDITOR, "A fetch, or a push of a change by a person")
    def serve(organization: str, service: str) -> ResponseReturnValue:
        return _answered(installation, backend, organization, service, advertises=False)

    @routes.get("/<path:other>")
    @door(Need.NOTHING, "Says that only the smart protocol is served")
    def dumb(other: str) -> ResponseReturnValue:  # noqa: ARG001 - the rule's own part
        raise NotFound(_ONLY_SMART)

    return routes


def _answered(
    installation: Installation, backend: Backend | None, organization: str, service: str, *, advertises: bool
) -> Response:
    view = installation.view()
    principal = caller(view)
    _permit(view, principal, organization, service)
    if backend is None:
        raise NoGit(_NO_GIT)
    if advertises:
        heal(installation)
    call = Call(
        service,
        advertises,
        _plain("Content-Type", rf"application/x-{service}-request") if not advertises else "",
        _plain("Content-Encoding", "gzip" if service == FETCH else "identity"),
        _plain("Git-Protocol", _PROTOCOL.pattern),
    )
    receiving = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Werkzeug's way out of the proxy
    if isinstance(receiving, Request):
        receiving.allow(0 if advertises else _ASKED if service == FETCH else _PUSHED, 0)
    pages = (view.policy.organization().url or request.host_url).rstrip("/") + "/-/changes"
    given = Caller(principal.name or "", principal.token or "", pages)
    answer = backend.call(call, given, _nothing if advertises else request.stream.read)
    response = current_app.response_class(iter(answer), answer.status, answer.headers)
    response.call_on_close(answer.close)
    return response


def _permit(view: View, principal: Principal, organization: str, service: str) -> None:
    """Let a request pass that its caller may make."""
    try:
        (person if service == PUSH else reader)(view.policy, principal)
        known = view.policy.organization().organization
    except BadFile as bad:
        raise Forbidden(f"The policy cannot be read, so nobody may. {bad.problems[0]}") from None
    if organization != known:
        raise NotFound(f"There is no git repository {organization[:80]!a} here; it is /-/git/{known}.git")
    passed(Need.AUDITOR)


def _plain(header: str, expected: str) -> str:
    """Read a header that goes into a process's environment: only what git clients send."""
    value = request.headers.get(header, "")
    if value and not re.fullmatch(expected, value):
        raise Invalid(f"{header}: {value[:80]!a} is not accepted here; use a git client")
    return value


def _nothing(_size: int) -> bytes:
    return b""
