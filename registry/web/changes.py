"""`/-/api/v1/changes`: changes of the policy, seen and decided on."""

from typing import TypedDict

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry import changes
from registry.change_answers import (
    ChangeAnswer,
    ChangeShown,
    OutcomeAnswer,
    change_json,
    change_shown,
    outcome_json,
)
from registry.changes import Change
from registry.changes.audience import require_sight, seen
from registry.errors import Invalid
from registry.installation import Installation
from registry.policy.roles import Principal
from registry.web import params
from registry.web.doors import Need, door


class ChangesAnswer(TypedDict):
    """Changes of the policy."""

    changes: list[ChangeAnswer]


class Seen(TypedDict):
    """What is agreed to: the two ids that the change was shown with."""

    base: str
    tree: str


class WithdrawnAnswer(TypedDict):
    """That a change is no more."""

    name: str
    withdrawn: bool


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the changes."""
    routes = Blueprint("changes", __name__, url_prefix="/changes")

    @routes.get("")
    @door(Need.SIGNED_IN, "The changes of the policy that one may see", query=(), answer=ChangesAnswer)
    def listing() -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        return jsonify(changes=[change_json(found) for found in seen(installation, principal)])

    @routes.get("/<name>")
    @door(Need.SIGNED_IN, "A change, for its owners, authors, admins and auditors", query=(), answer=ChangeShown)
    def show(name: str) -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        return jsonify(change_shown(find(installation, principal, name), installation.store))

    @routes.post("/<name>/approve")
    @door(Need.SIGNED_IN, "Agrees to a change as it was shown", query=(), body=Seen, answer=OutcomeAnswer)
    def approve(name: str) -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        sent = params.body("base", "tree")
        base, tree = params.said(sent, "base"), params.said(sent, "tree")
        if not (base and tree):
            raise Invalid("base, tree: send both as the change shows them, so that you approve what you saw")
        return jsonify(outcome_json(changes.approve(installation, principal, name, base, tree)))

    @routes.post("/<name>/merge")
    @door(Need.SIGNED_IN, "Merges a change that waits for nothing", query=(), answer=OutcomeAnswer)
    def merge(name: str) -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        params.body()
        return jsonify(outcome_json(changes.merge(installation, principal, name)))

    @routes.post("/<name>/withdraw")
    @door(Need.SIGNED_IN, "Ends a change that is not merged", query=(), answer=WithdrawnAnswer)
    def withdraw(name: str) -> ResponseReturnValue:
        _, principal = params.known_caller(installation)
        params.body()
        changes.withdraw(installation, principal, name)
        return jsonify(name=name, withdrawn=True)

    return routes


def find(installation: Installation, principal: Principal, name: str) -> Change:
    """Look at a change that the caller may see.

    Raises:
        NotFound: there is none of this name.
        Forbidden: they may not see it.
    """
    found = changes.find(installation, name)
    require_sight(installation.policy(), principal, found)
    return found
