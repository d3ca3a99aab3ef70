"""Every refusal as its clients read it: status, text, and the reason phrase that twine alone prints."""

import json

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from registry.credentials import REDACTED
from registry.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Moved,
    NotFound,
    Reserved,
    TooLarge,
    Unauthenticated,
    Unavailable,
    WaybillError,
)
from registry.policy.files import BadFile
from registry.web.doors import fields

_STATUS: tuple[tuple[type[WaybillError], int], ...] = (
    (TooLarge, 413),
    (BadFile, 403),  # a policy file that cannot be read denies what it governs; the request itself is fine
    (Invalid, 400),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Reserved, 409),  # what PEP 752 asks for
    (Conflict, 400),  # what PyPI answers to a used filename; twine, Poetry and PDM look for it. The API says 409
    (Moved, 503),
    (Unavailable, 503),
)
_NO_ROUTE = "Nothing is here; /-/api/v1/openapi.json says what there is"
LONGEST_REASON = 400  # characters of a status line
RETRY_AFTER = 5  # seconds; never a date, which Poetry cannot read


def _told(text: str) -> str:
    """Leave out tokens: a client may have put one into an address, which many a proxy's log would then keep."""
    return REDACTED.sub("wb_[redacted]", text)


def status_of(error: WaybillError) -> int:
    """Give the HTTP status of a refusal."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def from_error(error: WaybillError) -> Response:
    """Answer a refusal of our own."""
    return refusal(status_of(error), str(error))


def from_http(error: HTTPException) -> Response:
    """Answer a refusal of the framework in the same form, with the headers it asks for, such as Allow."""
    response = refusal(error.code or 500, error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def refusal(status: int, text: str) -> Response:
    """Say one text in the three places clients look: reason phrase, JSON `code`, and body.

    Never application/problem+json here: on it, uv skips asking whether the file appeared meanwhile, and fails the job.
    """
    text = _told(text)
    phrase = f"{status} {_one_line(text)}"
    if request.accept_mimetypes.best_match(["text/plain", "application/json"]) == "application/json":
        response = Response(mimetype="application/json")
        response.set_data(json.dumps({"code": phrase, "message": text}))
    else:
        response = Response(text + "\n", content_type="text/plain; charset=utf-8")
    response.status = phrase
    return challenge(response)


def problems(routes: Blueprint) -> None:
    """Let these routes refuse by application/problem+json (RFC 9457), and a conflict by 409 (RFC 9110, 15.5.10).

    Where uploads go it is 400, which their clients look for; none of them asks here.
    """

    def refuse(error: WaybillError) -> Response:
        return _problem(409 if isinstance(error, Conflict) else status_of(error), str(error))

    routes.register_error_handler(WaybillError, refuse)
    routes.register_error_handler(HTTPException, problem_of)


def problem_of(error: HTTPException) -> Response:
    """Answer a refusal of the framework as a problem, with the headers it asks for, such as Allow."""
    said = error.description or error.name
    response = _problem(error.code or 500, _NO_ROUTE if error.code == 404 else said)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def messages(routes: Blueprint) -> None:
    """Let these routes refuse by a JSON object with a `message`, as the clients of some systems read it."""
    routes.register_error_handler(WaybillError, lambda error: _message(status_of(error), str(error)))
    routes.register_error_handler(
        HTTPException, lambda error: _message(error.code or 500, error.description or error.name)
    )


def _message(status: int, text: str) -> Response:
    text = _told(text)
    response = jsonify(message=text)
    response.status = f"{status} {_one_line(text)}"
    return challenge(response)


def _problem(status: int, detail: str) -> Response:
    said = {
        "type": "about:blank",
        "title": HTTP_STATUS_CODES.get(status, "Refused"),
        "status": status,
        "detail": _told(detail),
    }
    field = detail.partition(":")[0]  # our refusals begin with the name of what is wrong, where it has one
    if field in fields():
        said["field"] = field
    response = jsonify(said)
    response.status_code = status
    response.content_type = "application/problem+json"
    return challenge(response)


def challenge(response: Response) -> Response:
    """Add the headers that tell a client what to do about a refusal."""
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="Waybill", charset="UTF-8"'
    if response.status_code == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    response.headers["Cache-Control"] = "no-store"
    return response


def _one_line(text: str) -> str:
    """Make a text fit a status line: one line of visible Latin-1, and short."""
    flat = " ".join(text.split())
    safe = "".join(c if c.isprintable() and ord(c) < 256 else "?" for c in flat)
    return safe if len(safe) <= LONGEST_REASON else safe[: LONGEST_REASON - 3] + "..."
