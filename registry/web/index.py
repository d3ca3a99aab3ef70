"""The simple index over HTTP: negotiation, validators, and the past under `@<revision>`."""

import zlib
from collections.abc import Callable

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as Redirect

from registry import history, simple
from registry.errors import NotFound
from registry.index import Index, project_folder
from registry.installation import Installation, View
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed
from registry.policy.files import BadFile
from registry.policy.roles import Action, Principal
from registry.store import LEDGER
from registry.web.auth import caller, known_project, known_registry, permit
from registry.web.basis import rests_on
from registry.web.doors import Need, door
from registry.web.pages import WORTH_COMPRESSING, Page, Pages
from registry.web.projects import FILES, ProjectPages, home

# What a client may ask for, and what it is answered with; first wins among equals, so */* is HTML (pipenv, hatch).
_OFFERS = {
    "text/html": ("html", "text/html; charset=utf-8"),
    simple.JSON: ("json", simple.JSON),
    simple.HTML: ("html", simple.HTML),
    "application/vnd.pypi.simple.latest+json": ("json", simple.JSON),
    "application/vnd.pypi.simple.latest+html": ("html", simple.HTML),
}
_VARY = "Accept, Accept-Encoding, Authorization"
_REVALIDATE = "private, max-age=0"  # pip >= 26.2, uv, Poetry and PDM honour a longer age: fresh uploads would be hidden


def blueprint(installation: Installation, pages: Pages, project_pages: ProjectPages) -> Blueprint:
    """Make the routes of the simple index."""
    routes = Blueprint("index", __name__)

    def seen(revision: str | None, view: View, principal: Principal, path: str) -> tuple[Index, str]:
        """Choose which ledger is shown, and how its pages reach the files; rights are always those of now."""
        if revision is None:
            rests_on(view, principal, path)
            return view.index, FILES
        return Index(history.at(installation.trail, LEDGER, revision)), f"../{FILES}"

    @routes.get("/<registry>/simple/")
    @routes.get("/<registry>/@<revision>/simple/")
    @door(Action.READ, "The simple index: the projects of a registry")
    def projects(registry: str, revision: str | None = None) -> Response:
        view = installation.view()
        principal, name = caller(view), known_registry(view, registry)
        permit(view, principal, Action.READ, name, None)
        index, _ = seen(revision, view, principal, name)
        key = (name, str(index.fingerprint(name)), view.policy.commit, repr(principal), str(view.now.date()))
        kind, content_type = _negotiated()
        render = simple.projects_json if kind == "json" else simple.projects_html
        page = pages.get((*key, kind), lambda: render(_readable(view, index, principal, name)))
        return _answer(page.digest, kind, content_type, lambda: page)

    @routes.get("/<registry>/simple/<project>/")
    @routes.get("/<registry>/@<revision>/simple/<project>/")
    @door(Action.READ, "The simple index: the files of a project")
    def project(registry: str, project: str, revision: str | None = None) -> Response:
        view = installation.view()
        principal, name = caller(view), known_registry(view, registry)
        wanted = known_project(project)
        permit(view, principal, Action.READ, name, wanted)
        index, files = seen(revision, view, principal, project_folder(name, wanted))
        fingerprint = index.fingerprint(name, wanted)
        if fingerprint is None and not _declared(view, name, wanted):
            raise NotFound(f"Registry {name} has no project '{wanted}'")
        kind, content_type = _negotiated()
        public = home(view.policy, name)

        def page() -> Page:
            # A declared project without files is an empty page, not 404: on 404 clients would look elsewhere.
            return project_pages.get(index, name, wanted, kind, files, public)

        version = f"{fingerprint or 'empty'}-{len(files)}{zlib.crc32(public.encode()):08x}"
        return _answer(version, kind, content_type, page)

    @routes.get("/<registry>/simple")
    @routes.get("/<registry>/simple/<project>")
    @routes.get("/<registry>/@<revision>/simple")
    @routes.get("/<registry>/@<revision>/simple/<project>")
    @door(Need.NOTHING, "Leads to the same with a slash at its end")
    def slash(**named: str) -> Redirect:
        # Relative, so that it holds behind any proxy, and temporary: clients keep permanent ones for ever. Only to a
        # name: "https:elsewhere" would be read as another host.
        last = known_project(named["project"]) if "project" in named else "simple"
        return redirect(f"{last}/", 302)

    return routes


def _declared(view: View, registry: RegistryName, project: ProjectName) -> bool:
    try:
        return view.policy.project(registry, project) is not None
    except BadFile:
        return True


def _readable(view: View, index: Index, principal: Principal, registry: RegistryName) -> list[ProjectName]:
    """List the projects this caller may read, those still without files included."""
    every = {*index.projects(registry), *view.policy.declared(registry)}
    return [p for p in sorted(every) if isinstance(view.decide(principal, Action.READ, registry, p), Allowed)]


def _negotiated() -> tuple[str, str]:
    """Choose the representation (PEP 691); `?format=` overrides the header."""
    wanted = request.args.get("format", "").replace(" ", "+")  # PEP 691 writes the plus of "v1+json" unquoted
    best = wanted if wanted in _OFFERS else request.accept_mimetypes.best_match(list(_OFFERS), "text/html")
    return _OFFERS[best or "text/html"]


def _encoding() -> str:
    liked = request.accept_encodings.quality
    best = max(("zstd", "gzip"), key=liked)  # the first of equals
    return best if liked(best) > 0 and liked(best) >= liked("identity") else "identity"


def _answer(fingerprint: str, kind: str, content_type: str, page: Callable[[], Page]) -> Response:
    """Answer with a page or 304. The ETag is strong and differs by representation (RFC 9110, 8.8.3)."""
    encoding = _encoding()
    etag = f"{simple.FORMAT}-{fingerprint}-{kind}-{encoding}"
    response = Response(status=304)
    if not request.if_none_match.contains_weak(etag):  # weak comparison (RFC 9110, 13.1.2): proxies weaken tags
        found = page()
        if encoding != "identity" and len(found.body) < WORTH_COMPRESSING:
            encoding = "identity"
        response = Response(found.encode(encoding), content_type=content_type)
        if encoding != "identity":
            response.headers["Content-Encoding"] = encoding
    response.set_etag(etag)
    response.headers["Vary"] = _VARY
    response.headers["Cache-Control"] = _REVALIDATE
    return response
