"""Project pages, rendered from a fragment per release, and as soon as a commit has landed."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from registry import simple
from registry.errors import WaybillError
from registry.index import Index
from registry.installation import Installation
from registry.kept import Kept
from registry.model import Project, Release
from registry.names import ProjectName, RegistryName
from registry.policy.files import BadFile
from registry.policy.policy import Policy
from registry.web.pages import Page, Pages

FILES = "../../files/"  # how a project's page reaches the files
WRITERS: dict[str, tuple[Callable[[Release, str, str], str], Callable[[Project, Mapping[str, str]], bytes]]] = {
    "html": (simple.release_html, simple.project_html),
    "json": (simple.release_json, simple.project_json),
}
FRAGMENT_BYTES = 16 * 2**20  # of one process; a project of 4,000 files takes 3 MB
_IN_ADVANCE = 1_000  # projects that wait to be rendered; those beyond are rendered when they are asked for
_SHARE = 0.03  # of one core, for rendering in advance
_IDLE = 1.0  # seconds until the thread that does so ends


def home(policy: Policy, registry: RegistryName) -> str:
    """Tell where a registry is for the whole world; empty where `waybill.yaml` does not say it, or cannot be read."""
    with suppress(BadFile):
        url = policy.organization().url
        return f"{url.rstrip('/')}/{registry}/" if url else ""
    return ""


class ProjectPages:
    """The pages of projects. A release that did not change is not rendered again, so a large project stays cheap."""

    def __init__(self, installation: Installation, pages: Pages) -> None:
        self._installation = installation
        self.pages = pages
        self._fragments: Kept[tuple[str, str, str, str], str] = Kept(FRAGMENT_BYTES, len)
        self._waiting: dict[tuple[RegistryName, ProjectName], None] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def get(self, index: Index, registry: RegistryName, name: ProjectName, kind: str, files: str, home: str) -> Page:
        """Give a project's page.

        Args:
            index: the ledger it shows.
            registry: of the project.
            name: the project; one without files is an empty page.
            kind: "html" or "json".
            files: relative URL of the folder of files.
            home: absolute URL of the registry; empty where nobody has said it.
        """
        key = (simple.FORMAT, name, index.fingerprint(registry, name) or "empty", kind, files, home)
        return self.pages.lasting(key, lambda: self._render(index, registry, name, kind, files, home))

    def soon(self, registry: RegistryName, name: ProjectName) -> None:
        """Render a project's pages in the background, so that the first reader after a commit need not wait."""
        with self._changed:
            self._waiting[registry, name] = None
            if len(self._waiting) > _IN_ADVANCE:
                del self._waiting[next(iter(self._waiting))]
            if self._thread is None:  # not before, as a process that forks would leave its thread behind
                self._thread = threading.Thread(target=self._render_all, name="pages", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _render(
        self, index: Index, registry: RegistryName, name: ProjectName, kind: str, files: str, home: str
    ) -> bytes:
        write_release, write = WRITERS[kind]
        provenance = f"{home}integrity/" if home else ""
        offered: dict[str, str] = {}
        for version, id_ in index.fingerprints(registry, name).items():

            def written(version: str = version) -> str:
                return write_release(index.release(registry, name, version), files, provenance)

            text = self._fragments.get((id_, kind, files, home), written)
            if text:
                offered[version] = text
        return write(index.status(registry, name) or Project(name), offered)

    def _render_all(self) -> None:
        """Render what waits, and end when for a while nothing does."""
        while found := self._next():
            began = time.monotonic()
            with suppress(WaybillError, BadFile, OSError):  # whoever asks for the page is told what is wrong
                view = self._installation.view()
                for kind in WRITERS:
                    self.get(view.index, *found, kind, FILES, home(view.policy, found[0])).encode("gzip")
            time.sleep((time.monotonic() - began) * (1 / _SHARE - 1))

    def _next(self) -> tuple[RegistryName, ProjectName] | None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, timeout=_IDLE):
                self._thread = None
                return None
            found = next(iter(self._waiting))
            del self._waiting[found]
            return found
