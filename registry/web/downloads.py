"""`…/downloads`: how often the files of a project were downloaded, on which days."""

from typing import TypedDict

from flask import Blueprint
from flask.typing import ResponseReturnValue

from registry.downloads import Counted
from registry.installation import Installation
from registry.policy.roles import Action
from registry.web import paging, params
from registry.web.audit import SINCE
from registry.web.auth import caller, known_project, known_registry, permit
from registry.web.doors import Query, door
from registry.web.paging import PAGES


class CountedAnswer(TypedDict):
    """How often a file was downloaded on a day, UTC."""

    day: str
    version: str
    filename: str
    downloads: int


class DownloadsAnswer(TypedDict):
    """A page of downloads, newest day first; what happened in the last seconds may be missing."""

    downloads: list[CountedAnswer]
    total: int
    next: str | None


def blueprint(installation: Installation) -> Blueprint:
    """Make the route of the downloads."""
    routes = Blueprint("downloads", __name__)

    @routes.get("/registries/<registry>/projects/<project>/downloads")
    @door(
        Action.READ,
        "How often the files of a project were downloaded, by day",
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
        since, until = params.time("since"), params.time("until", end_of_day=True)
        found = installation.downloads.of_project(name, wanted, since, until)
        for field in ("version", "filename"):
            value = params.optional(field)
            found = [one for one in found if value in {None, getattr(one, field)}]
        after = paging.cursor(int, str)
        rest = [one for one in found if after is None or _place(one) > (after[0], after[1])]
        total = sum(one.number for one in found)
        return paging.page("downloads", rest, _shown, lambda one: list(_place(one)), total=total)

    return routes


def _shown(one: Counted) -> CountedAnswer:
    return CountedAnswer(day=one.day.isoformat(), version=one.version, filename=one.filename, downloads=one.number)


def _place(one: Counted) -> tuple[int, str]:
    return -one.day.toordinal(), one.filename
