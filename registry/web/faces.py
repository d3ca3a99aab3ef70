"""All the faces, wired to one installation. They read requests, call one verb, and say what came of it."""

from pathlib import Path

from flask import Flask

from registry.installation import Installation
from registry.sessions import Sessions
from registry.store.backend import Backend
from registry.web import (
    api,
    change_pages,
    discovery,
    git,
    home,
    hooks,
    html,
    integrity,
    login,
    mint,
    pypi,
    schemas,
    seeds,
    upload,
)
from registry.web.application import Application, Log, bare, fronted, guarded
from registry.web.early import Maintained, add_reading
from registry.web.index import SimpleIndex
from registry.web.pages import Pages
from registry.web.projects import ProjectPages


def create_app(
    installation: Installation,
    log: Log | None = None,
    cache: Path | None = None,
    *,
    maintained: Maintained = dict,
    backend: Backend | None = None,
    sessions: Sessions | None = None,
    hook: hooks.Hook | None = None,
) -> Flask:
    """Make the application that does everything.

    Args:
        installation: what it serves.
        log: takes one line per request; None keeps silent.
        cache: folder for copies of rendered pages, which may be deleted at any time; None keeps none.
        maintained: tells what the last maintenance did.
        backend: runs C git, for clones and pushes; None where there is none.
        sessions: who is signed in with a browser; None keeps them in this process.
        hook: what a webhook of the policy's forge does; None where `main` follows none.
    """
    pages = ProjectPages(installation, Pages(cache))
    app = wired(installation, log, pages, maintained, backend=backend, sessions=sessions or Sessions(), hook=hook)
    return fronted(app, app.wsgi_app, installation, log)


def wired(
    installation: Installation,
    log: Log | None,
    pages: ProjectPages,
    maintained: Maintained,
    *,
    backend: Backend | None,
    sessions: Sessions,
    hook: hooks.Hook | None,
) -> Application:
    """Make it without the layer in front; arguments are those of `create_app`."""
    app = bare(log)
    simple, uploads = SimpleIndex(installation, pages), upload.Uploads(installation, pages.soon)
    add_reading(app, installation, simple, maintained)
    for face in (home, api, integrity, mint, discovery, pypi):
        app.register_blueprint(face.blueprint(installation))
    app.register_blueprint(html.blueprint())
    for pages_of in (login, change_pages):
        app.register_blueprint(pages_of.blueprint(installation, sessions))
    app.register_blueprint(upload.blueprint(uploads))
    for routes in seeds.blueprints(installation, simple, uploads):
        app.register_blueprint(routes)
    app.register_blueprint(schemas.blueprint())
    app.register_blueprint(git.blueprint(installation, backend))
    app.register_blueprint(hooks.blueprint(installation, hook))
    return guarded(app)
