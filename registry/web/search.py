"""`/-/api/v1/search` and `/dependents`: what is here, and who needs it, among what the caller may read."""

from collections.abc import Callable
from functools import cache
from typing import TypedDict

from flask import Blueprint
from flask.typing import ResponseReturnValue

from registry import names
from registry.errors import Invalid
from registry.finder import Dependent, Found
from registry.index import Index
from registry.installation import Installation, View
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed
from registry.policy.roles import Action, Principal
from registry.sought import Sought
from registry.store import LEDGER
from registry.web import paging, params
from registry.web.auth import known_project, known_registry
from registry.web.catalogue import sighted
from registry.web.doors import Need, Query, door
from registry.web.paging import PAGES
from registry.web.sight import REGISTRY

_SHORT = "A page may have fewer than asked for, even none, and a next: ask on until that is null"


class FoundAnswer(TypedDict):
    """A project, as the release describes it that an installer would choose."""

    registry: str
    name: str
    version: str | None
    status: str
    summary: str
    keywords: list[str]
    classifiers: list[str]


class SearchAnswer(TypedDict):
    """A page of projects, those first whose names fit best; it may be empty and yet have a next."""

    projects: list[FoundAnswer]
    next: str | None


class DependentAnswer(TypedDict):
    """A release that needs the project."""

    registry: str
    project: str
    version: str
    requirement: str
    latest: bool


class DependentsAnswer(TypedDict):
    """A page of releases; it may be empty and yet have a next."""

    dependents: list[DependentAnswer]
    next: str | None


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the search."""
    routes = Blueprint("search", __name__)

    def newest() -> Index:
        return Index(installation.head(LEDGER))

    @routes.get("/search")
    @door(
        Need.SIGHT,
        f"Projects by what they say of themselves; all that is given must fit. {_SHORT}",
        query=(
            Query("q", "words, or beginnings of words, of name, summary and keywords"),
            REGISTRY,
            Query("keyword", "one of its keywords"),
            Query("classifier", "one of its classifiers, or the beginning of one, up to a ::"),
            Query("depends-on", "a project that its latest release needs"),
            *PAGES,
        ),
        answer=SearchAnswer,
    )
    def search() -> ResponseReturnValue:
        view, principal = sighted(installation)
        registry, on = params.optional("registry"), params.optional("depends-on")
        sought = Sought(
            params.optional("q") or "",
            known_registry(view, registry) if registry is not None else None,
            params.optional("keyword"),
            params.optional("classifier"),
            _name(on) if on is not None else None,
        )
        after, may_read = paging.cursor(int, str, str, int), _sight(view, principal)
        page = installation.finder.find(newest, sought, may_read, paging.limit(), after)
        return paging.whole("projects", [_shown(one) for one in page.found], page.rest)

    @routes.get("/dependents/<project>")
    @door(
        Need.SIGHT,
        f"The releases that need a project, wherever it comes from. {_SHORT}",
        query=PAGES,
        answer=DependentsAnswer,
    )
    def dependents(project: str) -> ResponseReturnValue:
        view, principal = sighted(installation)
        after, may_read = paging.cursor(str, str, str, str, int), _sight(view, principal)
        page = installation.finder.dependents(newest, known_project(project), may_read, paging.limit(), after)
        return paging.whole("dependents", [_needing(one) for one in page.found], page.rest)

    return routes


def _name(raw: str) -> ProjectName:
    try:
        return names.project_name(raw)
    except Invalid as error:
        raise Invalid(f"depends-on: {error}") from None


def _sight(view: View, principal: Principal) -> Callable[[str, str], bool]:
    @cache
    def may_read(registry: str, project: str) -> bool:
        verdict = view.decide(principal, Action.READ, RegistryName(registry), ProjectName(project))
        return isinstance(verdict, Allowed)

    return may_read


def _shown(one: Found) -> FoundAnswer:
    return FoundAnswer(
        registry=one.registry,
        name=one.name,
        version=one.version,
        status=one.status,
        summary=one.summary,
        keywords=list(one.keywords),
        classifiers=list(one.classifiers),
    )


def _needing(one: Dependent) -> DependentAnswer:
    return DependentAnswer(
        registry=one.registry,
        project=one.project,
        version=one.version,
        requirement=one.requirement,
        latest=one.latest,
    )
