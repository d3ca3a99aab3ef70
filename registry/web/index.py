"""The simple index over HTTP: negotiation, validators, and the past under `@<revision>`."""

import zlib
from collections.abc import Callable

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as Redirect

from registry import history, simple
from registry.errors import NotFound
from registry.index import Index, project_folder
from registry.installation import Installation
from registry.policy.roles import Action
from registry.store import LEDGER, POLICY
from registry.web.auth import caller, known_project, known_registry
from registry.web.basis import rests_on
from registry.web.doors import Need, door, refused
from registry.web.pages import WORTH_COMPRESSING, Page
from registry.web.projects import FILES, ProjectPages, home
from registry.web.together import Reading, reading

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


class SimpleIndex:
    """The pages of the simple index, for whichever URL asks for them."""

    def __init__(self, installation: Installation, pages: ProjectPages) -> None:
        self._installation = installation
        self._pages = pages

    def projects(self, registry: str, revision: str | None = None) -> Response:
        """Answer with the projects that the caller may read.

        Args:
            registry: as the request names it.
            revision: of the ledger; None: the newest.
        """
        view = self._installation.view()
        principal, name = caller(view), known_registry(view, registry)
        asked = reading(view, principal, name, None)
        asked, index = self._seen(revision, asked, *asked.registries)
        shown = ",".join(str(index.fingerprint(one)) for one in asked.registries)
        key = (name, shown, asked.policy.commit, view.policy.commit, repr(principal), str(view.now.date()))
        kind, content_type = negotiated()
        render = simple.projects_json if kind == "json" else simple.projects_html
        page = self._pages.pages.get((*key, kind), lambda: render([*asked.projects(index)]))
        return answer(page.digest, kind, content_type, lambda: page)

    def project(self, registry: str, project: str, revision: str | None = None, files: str | None = None) -> Response:
        """Answer with the files of a project.

        Args:
            registry: as the request names it.
            project: in any spelling.
            revision: of the ledger; None: the newest.
            files: how the page reaches the files, as a relative URL, where that is not as it is everywhere.
        """
        view = self._installation.view()
        principal, name = caller(view), known_registry(view, registry)
        wanted = known_project(project)
        asked = reading(view, principal, name, wanted)
        asked, index = self._seen(revision, asked, *(project_folder(one, wanted) for one in asked.registries))
        owner = asked.owner(wanted, index)
        fingerprint = index.fingerprint(owner, wanted) if owner else None
        if owner is None or (fingerprint is None and not asked.declares(owner, wanted)):
            raise NotFound(f"Registry {name} has no project '{wanted}'")
        kind, content_type = negotiated()
        public = home(view.policy, owner)
        path = files or (FILES if revision is None else f"../{FILES}")
        if revision is not None and asked.composite:
            path = f"../../../../{owner}/files/"  # as the composite may be made up of something else now

        def page() -> Page:
            # A declared project without files is an empty page, not 404: on 404 clients would look elsewhere.
            return self._pages.get(index, owner, wanted, kind, path, public)

        version = f"{fingerprint or 'empty'}-{zlib.crc32(path.encode()):08x}{zlib.crc32(public.encode()):08x}"
        return answer(version, kind, content_type, page)

    def _seen(self, revision: str | None, asked: Reading, *paths: str) -> tuple[Reading, Index]:
        """Choose which ledger is shown, and what a composite had then; rights are always those of now."""
        if revision is None:
            rests_on(asked.view, asked.principal, *paths)
            return asked, asked.view.index
        trail = self._installation.trail
        shown = history.at(trail, LEDGER, revision)
        return asked.then(self._installation.policy_of(history.beside(trail, POLICY, shown))), Index(shown)


def blueprint(index: SimpleIndex) -> Blueprint:
    """Make the routes of the simple index."""
    routes = Blueprint("index", __name__)

    @routes.get("/<registry>/simple/")
    @routes.get("/<registry>/@<revision>/simple/")
    @door(Action.READ, "The simple index: the projects of a registry")
    def projects(registry: str, revision: str | None = None) -> Response:
        return index.projects(registry, revision)

    @routes.get("/<registry>/simple/<project>/")
    @routes.get("/<registry>/@<revision>/simple/<project>/")
    @door(Action.READ, "The simple index: the files of a project")
    def project(registry: str, project: str, revision: str | None = None) -> Response:
        return index.project(registry, project, revision)

    @routes.get("/<registry>/simple")
    @routes.get("/<registry>/simple/<project>")
    @routes.get("/<registry>/@<revision>/simple")
    @routes.get("/<registry>/@<revision>/simple/<project>")
    @door(Need.NOTHING, "Leads to the same with a slash at its end")
    def slash(project: str | None = None, **_: str) -> Redirect:
        return slashed(project)

    return routes


def slashed(project: str | None) -> Redirect:
    """Lead from an address without a slash at its end to the same with one.

    Relative, so that it holds behind any proxy, and temporary: clients keep permanent ones for ever. Only to a name:
    "https:elsewhere" would be read as another host.
    """
    last = known_project(project) if project is not None else "simple"
    refused()
    return redirect(f"{last}/", 302)


def negotiated() -> tuple[str, str]:
    """Choose the representation (PEP 691); `?format=` overrides the header."""
    wanted = request.args.get("format", "").replace(" ", "+")  # PEP 691 writes the plus of "v1+json" unquoted
    best = wanted if wanted in _OFFERS else request.accept_mimetypes.best_match(list(_OFFERS), "text/html")
    return _OFFERS[best or "text/html"]


def _encoding() -> str:
    liked = request.accept_encodings.quality
    best = max(("zstd", "gzip"), key=liked)  # the first of equals
    return best if liked(best) > 0 and liked(best) >= liked("identity") else "identity"


def answer(fingerprint: str, kind: str, content_type: str, page: Callable[[], Page]) -> Response:
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
