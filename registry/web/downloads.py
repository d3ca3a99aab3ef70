"""`…/downloads`: how often the files of a project were downloaded, on which days."""

from datetime import UTC, date, datetime
from typing import TypedDict

from flask import Blueprint
from flask.typing import ResponseReturnValue

from registry.counts import DAYS, Asked, Counted
from registry.installation import Installation
from registry.policy.roles import Action
from registry.web import paging, params
from registry.web.auth import caller, known_project, known_registry, permit
from registry.web.doors import Query, door
from registry.web.paging import PAGES
from registry.web.sight import SINCE


class CountedAnswer(TypedDict):
    """How often a file was downloaded on a day, UTC, or where `period` is month, in the month that begins with it."""

    day: str
    period: str  # day or month
    version: str
    filename: str
    downloads: int


class DownloadsAnswer(TypedDict):
    """A page of downloads, newest day first, and the sum of all pages; the last seconds may be missing."""

    downloads: list[CountedAnswer]
    total: int
    next: str | None


def blueprint(installation: Installation) -> Blueprint:
    """Make the route of the downloads."""
    routes = Blueprint("downloads", __name__)

    @routes.get("/registries/<registry>/projects/<project>/downloads")
    @door(
        Action.READ,
        f"How often the files of a project were downloaded, by day; {DAYS} days later by month, on its first day",
        query=(
            SINCE,
            Query("until", "the last day"),
            Query("version", "only of this version, as it is listed"),
            Query("filename", "only of this file"),
            *PAGES,
        ),
        answer=DownloadsAnswer,
    )
    def downloads(registry: str, project: str) -> ResponseReturnValue:
        view = installation.view()
        principal, name, wanted = caller(view), known_registry(view, registry), known_project(project)
        permit(view, principal, Action.READ, name, wanted)
        asked = Asked(
            name,
            wanted,
            params.optional("version"),
            params.optional("filename"),
            _day(params.time("since")),
            _day(params.time("until", end_of_day=True)),
        )
        after = paging.cursor(int, int)
        found, total = installation.downloads.of_project(
            asked, paging.limit() + 1, (after[0], after[1]) if after else None
        )
        return paging.page("downloads", found, _shown, lambda one: list(one.place), total=total)

    return routes


def _day(moment: datetime | None) -> date | None:
    return moment.astimezone(UTC).date() if moment else None


def _shown(one: Counted) -> CountedAnswer:
    period = "month" if one.month else "day"
    return CountedAnswer(
        day=one.day.isoformat(), period=period, version=one.version, filename=one.filename, downloads=one.number
    )
