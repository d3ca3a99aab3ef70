"""`/-/api/v1/log`, `/who-can`, `/explain`: the questions of `registry/audit.py` over HTTP."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Required, TypedDict

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from registry import audit
from registry.answers import EventAnswer, TurnAnswer, VerdictAnswer, event_json, turn_json, verdict_json
from registry.audit import Looked
from registry.errors import Invalid
from registry.installation import Installation, View
from registry.model import Event
from registry.names import ProjectName, RegistryName
from registry.policy.roles import Action, Principal
from registry.rights_log import Whose, turns
from registry.store import LEDGER
from registry.web import paging, params
from registry.web.asking import of_composite, only_registry, require_say, require_sight_of_policy, sees_behind
from registry.web.auth import known_project, known_registry
from registry.web.doors import Need, Query, door
from registry.web.paging import LIMIT, PAGES
from registry.web.sight import LOOKING, PROJECT, REGISTRY, SINCE, WANTED, sight, wanted

MOST_EVENTS = 1000
_WHOSE = (Query("principal", "only rights of theirs"), REGISTRY, PROJECT, SINCE)
_QUESTION = (
    Query("action", "what for", {"enum": [action.value for action in Action]}, needed=True),
    Query("registry", "in which registry; may be left out where there is one"),
    Query("project", "on which project", needed=True),
    Query("at", "by the policy as it was: a commit, date or time"),
)


class EventsAnswer(TypedDict):
    """A page of events of the ledger, newest first; perhaps an empty one, and more behind it."""

    events: list[EventAnswer]
    next: str | None


class TurnsAnswer(TypedDict):
    """Commits of the policy, newest first."""

    commits: list[TurnAnswer]


class WhoAnswer(TypedDict):
    """Who may, by which policy."""

    policy: str
    principals: list[VerdictAnswer]


class WhyAnswer(VerdictAnswer):
    """Why somebody may, or may not, by which policy."""

    policy: Required[str]


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the audit."""
    routes = Blueprint("audit", __name__)

    @routes.get("/log")
    @door(
        Need.SIGNED_IN, "What happened to what one may read, newest first", query=(*WANTED, *PAGES), answer=EventsAnswer
    )
    def log() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        [begins] = paging.cursor(str) or [None]
        if begins is not None:
            audit.require_commit(installation, LEDGER, begins)
        found = audit.look(installation, wanted(view), begins)
        events, following = _page(found, sight(view, principal), paging.limit())
        return paging.whole("events", events, [following] if following else None)

    @routes.get("/log/policy")
    @door(Need.AUDITOR, "Which commits of the policy changed whose rights", query=(*_WHOSE, LIMIT), answer=TurnsAnswer)
    def log_policy() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        require_sight_of_policy(view, principal)
        given = request.args
        whose = Whose(
            principal=given.get("principal"),
            registry=known_registry(view, given["registry"]) if "registry" in given else None,
            project=known_project(given["project"]) if "project" in given else None,
            since=params.time("since"),
        )
        limit = min(params.number("limit", 100), MOST_EVENTS)
        return jsonify(commits=[turn_json(turn) for turn in islice(turns(installation, whose), limit)])

    @routes.get("/who-can")
    @door(
        Need.SIGNED_IN,
        "Who may do something; for those who may change it, and auditors",
        query=_QUESTION,
        answer=WhoAnswer,
    )
    def who_can() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        action, registry, project = _question(view)
        policy = audit.policy_at(installation, request.args.get("at"))
        require_say(view, principal, registry, project, policy)
        found = audit.who_can(policy, action, registry, project, view.now, view.index)
        return jsonify(policy=policy.commit, principals=[verdict_json(who, verdict) for who, verdict in found])

    @routes.get("/explain")
    @door(
        Need.SIGNED_IN,
        "Why somebody may, or may not; about others for who may ask who can",
        query=(Query("principal", "an id of people.yaml", needed=True), *_QUESTION),
        answer=WhyAnswer,
    )
    def explain() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        action, registry, project = _question(view)
        who = params.text("principal")
        policy = audit.policy_at(installation, request.args.get("at"))
        if who != principal.name:
            require_say(view, principal, registry, project, policy)
        elif action is Action.READ and not sees_behind(view, principal, registry, project, policy):
            return of_composite(view, principal, registry, project)
        verdict = audit.explain(policy, who, action, registry, project, view.now, view.index)
        first = audit.creating(policy, who, registry, project, verdict) if action is Action.PUBLISH else None
        return jsonify(policy=policy.commit, **verdict_json(Principal(who), verdict, first))

    return routes


def _page(found: Iterator[Looked], may_see: Callable[[Event], bool], most: int) -> tuple[list[EventAnswer], str | None]:
    """Take what may be seen, and where to read on: at the next of it, so that a cursor tells of nothing else that fits.

    Where that takes long, the page ends, perhaps empty, and the next one goes on: each gets past one commit at least,
    however slow it is to find, or reading on would never end.
    """
    events: list[EventAnswer] = []
    ends = time.monotonic() + LOOKING
    for passed_by, looked in enumerate(found):
        seen = looked.event if looked.event and may_see(looked.event) else None
        if (passed_by and time.monotonic() > ends) or (seen and len(events) == most):
            return events, looked.commit
        if seen:
            events.append(event_json(seen))
    return events, None


def _question(view: View) -> tuple[Action, RegistryName, ProjectName]:
    try:
        action = Action(params.text("action"))
    except ValueError:
        raise Invalid(f"action: choose one of {', '.join(a.value for a in Action)}") from None
    registry = request.args.get("registry") or only_registry(view.policy)
    return action, known_registry(view, registry), known_project(params.text("project"))
