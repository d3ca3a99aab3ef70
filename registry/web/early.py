"""What installers ask for, served before all else is there: a third of the code is enough for the first page.

A process that begins to serve imports what reads the index and the files; the rest follows in a thread, or when
somebody asks for it, who waits for some tenths of a second.
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.exceptions import HTTPException

from registry import names
from registry.errors import Invalid
from registry.installation import Installation
from registry.web import files, health
from registry.web.application import Application, Log, bare, fronted, guarded
from registry.web.index import SimpleIndex, blueprint
from registry.web.projects import ProjectPages

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_FAILED = "waybill.failed"  # in the WSGI environment: why the whole application could not be made
SOON = 0.3  # seconds until the rest is made, unless somebody asks for it: the first page is not to wait for a core
Maintained = Callable[[], dict[str, Any]]


def add_reading(app: Application, installation: Installation, index: SimpleIndex, maintained: Maintained) -> None:
    """Add the routes of the index, the files and the health.

    Args:
        app: to this application.
        installation: what is served.
        index: its pages.
        maintained: tells what the last maintenance did.
    """
    app.register_blueprint(health.blueprint(installation, maintained))
    app.register_blueprint(files.blueprint(installation))
    app.register_blueprint(blueprint(index))


def begin(
    installation: Installation,
    log: Log | None,
    pages: ProjectPages,
    maintained: Maintained,
    whole: "Callable[[], WSGIApplication]",
) -> Flask:
    """Make an application that reads from now on, and does all the rest as soon as it can.

    Args:
        installation: what is served.
        log: takes one line per request.
        pages: the rendered pages, which both parts share.
        maintained: tells what the last maintenance did.
        whole: makes the application that does everything.
    """
    app = bare(log)
    app.before_request(_tell_failure)
    add_reading(app, installation, SimpleIndex(installation, pages), maintained)
    guarded(app)
    return fronted(app, Early(app, whole), installation, log)


class Early:
    """Lets the small application answer what it can until the whole one is there."""

    def __init__(self, small: Flask, whole: "Callable[[], WSGIApplication]") -> None:
        self._small, self._small_app = small, small.wsgi_app  # which is about to be replaced
        self._make = whole
        self._whole: WSGIApplication | None = None
        self._making = threading.Lock()
        soon = threading.Timer(SOON, self._try)
        soon.daemon = True
        soon.start()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        """Answer by one or the other."""
        if self._whole is None and self._is_small(environ):
            return self._small_app(environ, start_response)
        try:
            whole = self._made()
        except Exception as error:  # noqa: BLE001 - the small application has an answer for each
            environ[_FAILED] = error
            whole = self._small_app
        return whole(environ, start_response)

    def _is_small(self, environ: "WSGIEnvironment") -> bool:
        """Tell whether the small application answers; where no registry is named, another system's address begins."""
        try:
            _, named = self._small.url_map.bind_to_environ(environ).match()
            if "registry" in named:
                names.registry_name(named["registry"])
        except (HTTPException, Invalid):
            return False
        return True

    def _try(self) -> None:
        """Make it before somebody asks; where that fails, whoever asks tries again, and is told."""
        with suppress(Exception):
            self._made()

    def _made(self) -> "WSGIApplication":
        with self._making:
            if self._whole is None:
                self._whole = self._make()
            return self._whole


def _tell_failure() -> None:
    """Raise what kept the whole application from being made where it is answered and logged as any other failure."""
    failed: Exception | None = request.environ.get(_FAILED)
    if failed is not None:
        raise failed
