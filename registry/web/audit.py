"""`/-/api/v1/log`, `/who-can`, `/explain`: the questions of `registry/audit.py` over HTTP."""

from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Required, TypedDict

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from registry import audit, names
from registry.answers import EventAnswer, TurnAnswer, VerdictAnswer, event_json, turn_json, verdict_json
from registry.audit import Wanted
from registry.errors import Forbidden, Invalid
from registry.installation import Installation, View
from registry.marks import source_commit
from registry.members import members
from registry.model import Event
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed, entitled
from registry.policy.rights import belongs
from registry.policy.roles import Action, Principal
from registry.rights_log import Whose, turns
from registry.web import params
from registry.web.auth import known_project, known_registry
from registry.web.doors import Need, Query, door, passed
from registry.web.paging import LIMIT

MOST_EVENTS = 1000
REGISTRY = Query("registry", "only of this registry")
PROJECT = Query("project", "only of this project")
SINCE = Query("since", "a date or time, UTC where it names no zone")
WANTED = (
    REGISTRY,
    PROJECT,
    Query("version", "only of this version"),
    Query("pipeline", "only what this pipeline did, or any attempt of this run"),
    Query("repository", "only from this git repository: its address, the end of it, or its id"),
    Query("commit", "only from this commit of it, or one that begins like this"),
    SINCE,
    Query("until", "a date, its end meant, or time"),
    Query("declared", "also by what was not verified", {"enum": ["true", "false"]}),
)
_WHOSE = (Query("principal", "only rights of theirs"), REGISTRY, PROJECT, SINCE)
_QUESTION = (
    Query("action", "what for", {"enum": [action.value for action in Action]}, needed=True),
    Query("registry", "in which registry; may be left out where there is one"),
    Query("project", "on which project", needed=True),
    Query("at", "by the policy as it was: a commit, date or time"),
)


class EventsAnswer(TypedDict):
    """Commits of the ledger, newest first."""

    events: list[EventAnswer]


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
        Need.SIGNED_IN, "What happened to what one may read, newest first", query=(*WANTED, LIMIT), answer=EventsAnswer
    )
    def log() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        limit = min(params.number("limit", 100), MOST_EVENTS)
        events = audit.log(installation, wanted(view))
        may_see = sight(view, principal)
        visible = (event for event in events if may_see(event))
        return jsonify(events=[event_json(event) for event in islice(visible, limit)])

    @routes.get("/log/policy")
    @door(Need.AUDITOR, "Which commits of the policy changed whose rights", query=(*_WHOSE, LIMIT), answer=TurnsAnswer)
    def log_policy() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        _require_sight_of_policy(view, principal)
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
        _may_ask(view, principal, registry, project)
        policy = audit.policy_at(installation, request.args.get("at"))
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
        if who != principal.name:
            _may_ask(view, principal, registry, project)
        policy = audit.policy_at(installation, request.args.get("at"))
        verdict = audit.explain(policy, who, action, registry, project, view.now, view.index)
        first = audit.creating(policy, who, registry, project, verdict) if action is Action.PUBLISH else None
        return jsonify(policy=policy.commit, **verdict_json(Principal(who), verdict, first))

    return routes


def _may_ask(view: View, principal: Principal, registry: RegistryName, project: ProjectName) -> None:
    """Let those see others' rights who may change them, and auditors; a limited token sees what it is limited to."""
    auditors = tuple(named.name for named in view.policy.organization().auditors)
    if principal.scope.whole and belongs(view.policy, principal.name, auditors) is True:
        return
    behind = members(view.policy, registry)
    for one in (registry, *(behind.registries if behind else ())):
        verdict = entitled(view.policy, principal, Action.ADMINISTER, one, project, view.now)  # also while frozen
        if not isinstance(verdict, Allowed):
            raise Forbidden(f"{principal} may not ask about others' rights on {project}; its admins and auditors may")


def _require_sight_of_policy(view: View, principal: Principal) -> None:
    """Let those see the whole policy who may read its git repository: admins and auditors, by a token that may all."""
    organization = view.policy.organization()
    entitled_by = tuple(named.name for named in (*organization.admins, *organization.auditors))
    if not principal.scope.whole or belongs(view.policy, principal.name, entitled_by) is not True:
        raise Forbidden(
            f"{principal} may not see how rights changed; admins and auditors may, by a token without limits"
        )
    passed(Need.AUDITOR)


def sight(view: View, principal: Principal) -> Callable[[Event], bool]:
    """Tell which events a principal is shown: those of a project its readers, those of a token its owner.

    A limited token tells of no other token.
    """

    @cache  # one answer's events are of few projects, and each is decided by the same policy
    def may_read(registry: str, project: str) -> bool:
        verdict = view.decide(principal, Action.READ, RegistryName(registry), ProjectName(project))
        return isinstance(verdict, Allowed)

    def may_see(event: Event) -> bool:
        registry, project = event.facts.get("Registry"), event.facts.get("Project")
        if registry and project:
            return may_read(registry, project)
        own = event.facts.get("Owner") == principal.name
        return own and (principal.scope.whole or event.facts.get("Token-Id") == principal.token)

    return may_see


def wanted(view: View) -> Wanted:
    """Read which events are asked for.

    Raises:
        Invalid: a value cannot be meant.
    """
    given = request.args
    return Wanted(
        registry=known_registry(view, given["registry"]) if "registry" in given else None,
        project=known_project(given["project"]) if "project" in given else None,
        version=names.version(given["version"]) if "version" in given else None,
        pipeline=given.get("pipeline"),
        repository=given.get("repository"),
        commit=source_commit(given["commit"]) if "commit" in given else None,
        since=params.time("since"),
        until=params.time("until", end_of_day=True),
        declared=params.flag("declared"),
    )


def _question(view: View) -> tuple[Action, RegistryName, ProjectName]:
    try:
        action = Action(params.text("action"))
    except ValueError:
        raise Invalid(f"action: choose one of {', '.join(a.value for a in Action)}") from None
    registry = request.args.get("registry") or audit.only_registry(view.policy)
    return action, known_registry(view, registry), known_project(params.text("project"))
