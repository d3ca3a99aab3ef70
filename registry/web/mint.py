"""`/_/oidc/...`: trusted publishing as PyPI's clients speak it (its user documentation: Trusted Publishers, Internals).

Clients give up after five seconds, so nothing here waits for a commit.
"""

import json
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from registry import mint
from registry.errors import WaybillError
from registry.installation import Installation
from registry.keys import Keys
from registry.policy.roles import Principal
from registry.web.doors import Need, door, passed
from registry.web.refusals import RETRY_AFTER


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of trusted publishing."""
    routes = Blueprint("mint", __name__)
    keys = Keys(installation.state)

    @routes.after_request
    def uncached(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.errorhandler(HTTPException)
    def unread(error: HTTPException) -> Response:
        return _said(error.code or 500, "invalid-payload", error.description or error.name)

    @routes.get("/_/oidc/audience")
    @door(Need.NOTHING, "For whom identity tokens must be made")
    def audience() -> Response:
        try:
            return jsonify(audience=mint.audience(installation.policy()))
        except mint.Refused as error:
            return _answer(403, message=str(error))

    @routes.post("/_/oidc/mint-token")
    @routes.post("/_/oidc/github/mint-token")  # older versions of PyPI's action
    @door(Need.PROOF, "An identity token becomes an upload token")
    def mint_token() -> Response:
        try:
            token, said = _payload()
            minted = mint.mint(installation, keys, token, said)
        except WaybillError as error:
            return _refused(error)
        passed(Need.PROOF)
        g.principal = Principal(minted.token.publisher, minted.token.id)
        return jsonify(success=True, token=minted.secret, expires=int(minted.token.expires.timestamp()))

    @routes.post("/_/oidc/burn-token")
    @door(Need.PROOF, "Ends an upload token before its time")
    def burn_token() -> Response:
        try:
            with suppress(mint.Refused):  # what was sent is not talked about
                mint.burn(installation, _payload()[0])
        except WaybillError as error:
            return _refused(error)
        passed(Need.PROOF)  # what was no token ended nothing, and the answer does not say so
        return Response(status=202)

    return routes


def _payload() -> tuple[str, dict[str, object]]:
    """Read the token, and what the pipeline declares; other members are of other indexes' protocols.

    Raises:
        Refused: it is something else.
    """
    try:
        sent = json.loads(request.get_data())
    except (ValueError, RecursionError):
        sent = None
    members = sent if isinstance(sent, dict) else {}
    token, said = members.get("token"), members.get("declared", {})
    if not isinstance(token, str) or not isinstance(said, dict):
        form = '{"token": "the identity token"}'
        raise mint.Refused("invalid-payload", f"Send a JSON object like {form}, perhaps with an object 'declared'")
    return token, said


def _refused(error: WaybillError) -> Response:
    if isinstance(error, mint.Refused):
        return _said(422, error.code, str(error))
    response = _said(503, "unavailable", str(error))
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _said(status: int, code: str, text: str) -> Response:
    """Say no in the form that PyPI's clients show: they look at nothing but `errors`."""
    response = _answer(status, message="Token request failed", errors=[{"code": code, "description": text}])
    response.status = f"{status} {code}"
    return response


def _answer(status: int, **content: Any) -> Response:
    response = jsonify(content)
    response.status_code = status
    return response
