"""Is it alive, may it be sent traffic, and what would an operator have to mend?"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from registry import __version__
from registry.durable import failure
from registry.errors import WaybillError
from registry.installation import Installation
from registry.policy.files import BadFile, Problem
from registry.web.auth import caller

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
    def ready() -> ResponseReturnValue:
        installation.view()  # also of a disk that failed: downloads go on; it is /-/health that calls for an operator
        return jsonify(status="ready")

    @routes.get("/health")
    def health() -> ResponseReturnValue:
        try:
            view = installation.view()
            problems: list[Problem] = view.policy.problems()
        except WaybillError as error:
            return jsonify(status="failing", reason=str(error)), 503
        said = failure()
        if said:
            return jsonify(status="read-only", reason=said), 503
        shown: dict[str, Any] = {"status": "degraded" if problems else "ok", "version": __version__}
        shown["policy_problems"] = len(problems)
        principal = caller(view)
        if principal.name is None or not principal.scope.whole:
            return jsonify(shown)  # the texts quote the policy, which not everybody may read
        try:
            account = view.policy.accounts().get(principal.name)
        except BadFile:
            return jsonify(**shown, problems=[_NOBODY_KNOWN])
        if account is None or account.disabled:
            return jsonify(shown)
        return jsonify(
            **shown,
            policy=view.policy.commit,
            ledger=view.index.snapshot.id,
            problems=[str(problem) for problem in problems],
            maintenance=maintained(),
        )

    return routes
