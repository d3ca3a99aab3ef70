"""Is it alive, may it be sent traffic, and what would an operator have to mend?"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from registry import __version__
from registry.durable import failure
from registry.errors import Unavailable, WaybillError
from registry.following import Following
from registry.installation import Installation
from registry.policy.files import BadFile, Problem
from registry.state import State
from registry.web.auth import caller
from registry.web.doors import Need, door

_OUT_OF_DATE = (
    "the policy could not be brought up to date in time, so nothing is written; whoever is signed in sees why"
)
_NOBODY_KNOWN = "people.yaml cannot be read, so nobody may be told more; repair it on branch main"


def blueprint(installation: Installation, maintained: Callable[[], dict[str, Any]]) -> Blueprint:
    """Make the routes for load balancers and operators.

    Args:
        installation: whose health.
        maintained: tells what the last maintenance did.
    """
    routes = Blueprint("health", __name__, url_prefix="/-")

    @routes.after_request
    def uncached(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.get("/ready")
    @door(Need.NOTHING, "Whether it serves")
    def ready() -> ResponseReturnValue:
        installation.view()  # also of a disk that failed: downloads go on; it is /-/health that calls for an operator
        return jsonify(status="ready")

    @routes.get("/health")
    @door(Need.NOTHING, "What an operator would have to mend; the texts for who is signed in")
    def health() -> ResponseReturnValue:
        try:
            view = installation.view()
            installation.following.state()
            problems: list[Problem] = view.policy.problems()
        except WaybillError as error:
            return jsonify(status="failing", reason=str(error)), 503
        said = failure()
        if said:
            return jsonify(status="read-only", reason=said), 503
        shown: dict[str, Any] = {"status": "degraded" if problems else "ok", "version": __version__}
        shown["policy_problems"] = len(problems)
        code = _add_remote(shown, installation.following, view.now)
        _add_exchange(shown, installation.state)
        principal = caller(view)
        if principal.name is None or not principal.scope.whole:
            return jsonify(shown), code  # the texts quote the policy, which not everybody may read
        try:
            account = view.policy.accounts().get(principal.name)
        except BadFile:
            return jsonify(**shown, problems=[_NOBODY_KNOWN]), code
        if account is None or account.disabled:
            return jsonify(shown), code
        told = jsonify(
            **shown,
            policy=view.policy.commit,
            ledger=view.index.snapshot.id,
            problems=[str(problem) for problem in problems],
            maintenance=maintained(),
            policy_rules=installation.checker.wall() if installation.checker else "not run",
            policy_remote_state=installation.following.facts(),
        )
        return told, code

    return routes


def _add_exchange(shown: dict[str, Any], state: State) -> None:
    """Say why no identity tokens can be exchanged, where that is so; all else goes on."""
    try:
        state.require_usable()
    except Unavailable as error:
        shown["exchange"] = str(error)
        if shown["status"] == "ok":
            shown["status"] = "degraded"


def _add_remote(shown: dict[str, Any], following: Following, now: datetime) -> int:
    """Say in a word how following the policy's remote goes, where there is one.

    Returns:
        The status: 503 once writes are refused for it.
    """
    state = following.state()
    if state is None:
        return 200
    shown["policy_remote"] = state.trouble.kind if state.trouble else "ok"
    if state.trouble:
        shown["status"] = "degraded"
    if now <= state.until:
        return 200
    shown["status"], shown["reason"] = "read-only", _OUT_OF_DATE
    return 503
