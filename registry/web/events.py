"""`/-/api/v1/events`: what happened to facts and policy, in one stream: by pages, or whole as NDJSON."""

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import TypedDict

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from registry.answers import EventAnswer, event_json
from registry.changes.clearance import is_reader
from registry.chronicle import Asked, Chronicle, Told, require_place
from registry.errors import Forbidden
from registry.installation import Installation, View
from registry.policy.files import BadFile
from registry.policy.roles import Principal
from registry.web import paging, params
from registry.web.doors import Need, Query, door
from registry.web.paging import PAGES
from registry.web.sight import LOOKING, WANTED, sight, wanted

NDJSON = "application/x-ndjson"


class ToldAnswer(EventAnswer):
    """One event, with the branch that it is recorded on."""

    branch: str


class StreamAnswer(TypedDict):
    """A page of events, newest first; perhaps an empty one, and more behind it."""

    events: list[ToldAnswer]
    next: str | None


def blueprint(installation: Installation) -> Blueprint:
    """Make the route of the events."""
    routes = Blueprint("events", __name__)

    @routes.get("/events")
    @door(
        Need.SIGNED_IN,
        "What happened, newest first: all of it for admins and auditors, else what one may read; with "
        f"`Accept: {NDJSON}` as a stream, whole where no limit is given",
        query=(
            *WANTED,
            Query(
                "event",
                "only of this kind, such as publish or yank; policy: commits of the policy (those of a registry or "
                "project touched its files, or changed who may do what there)",
            ),
            Query("principal", "only by them, or about their tokens"),
            *PAGES,
        ),
        answer=StreamAnswer,
        stream=ToldAnswer,
    )
    def events() -> ResponseReturnValue:
        view, principal = params.known_caller(installation)
        whole = _sees_all(view, principal)
        asked = Asked(wanted(view), params.optional("event"), params.optional("principal"), policy=whole)
        given = paging.cursor(str, str)
        place = require_place(installation, (given[0], given[1])) if given else None
        may_see = sight(view, principal)
        found = Chronicle(installation, asked, lambda event: whole or may_see(event), place)
        if request.accept_mimetypes.best_match(["application/json", NDJSON]) == NDJSON:
            most = paging.limit() if "limit" in request.args else None
            return Response(_lines(found, most), content_type=NDJSON)
        return _page(found)

    return routes


def _sees_all(view: View, principal: Principal) -> bool:
    """Tell whether somebody may see every event: admins and auditors, by a token that may all."""
    try:
        return principal.scope.whole and is_reader(view.policy, principal)
    except BadFile as bad:
        raise Forbidden(f"The policy cannot be read, so nobody may. {bad.problems[0]}") from None


def _page(found: Chronicle) -> Response:
    """Take what may be seen; the next page begins at the next of it, so that a cursor tells of nothing else that fits.

    Where that takes long, the page ends, perhaps empty, and the next one goes on.
    """
    most, place = paging.limit(), found.place
    events: list[ToldAnswer] = []
    ends = time.monotonic() + LOOKING
    for told in found:
        seen = _shown(told)
        if seen and len(events) == most:
            break
        events += seen
        place = found.place
        if time.monotonic() > ends:
            break
    return paging.whole("events", events, list(place) if place else None)


def _shown(told: Told) -> list[ToldAnswer]:
    return [ToldAnswer(branch=told.branch, **event_json(told.looked.event))] if told.looked.event else []


def _lines(found: Chronicle, most: int | None) -> Iterator[str]:
    shown = (one for told in found for one in _shown(told))
    for one in islice(shown, most):
        yield json.dumps(one) + "\n"
