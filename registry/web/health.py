"""Is it alive, may it be sent traffic, and what would an operator have to mend?"""

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from registry import __version__
from registry.errors import WaybillError
from registry.installation import Installation
from registry.policy.files import Problem
from registry.web.auth import caller


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes for load balancers and operators."""
    routes = Blueprint("health", __name__, url_prefix="/-")

    @routes.after_request
    def uncached(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.get("/ready")
    def ready() -> ResponseReturnValue:
        installation.view()
        return jsonify(status="ready")

    @routes.get("/health")
    def health() -> ResponseReturnValue:
        try:
            view = installation.view()
            problems: list[Problem] = view.policy.problems()
        except WaybillError as error:
            return jsonify(status="failing", reason=str(error)), 503
        shown = {"status": "degraded" if problems else "ok", "version": __version__}
        if caller(view).name is None:
            return jsonify(**shown, policy_problems=len(problems))  # which, only somebody signed in is told
        return jsonify(
            **shown,
            policy=view.policy.commit,
            ledger=view.index.snapshot.id,
            policy_problems=len(problems),
            problems=[str(problem) for problem in problems],
        )

    return routes
