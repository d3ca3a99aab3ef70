"""A GitLab group: several registries read as one, in no order, so that a name which two claim is nobody's."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as Redirect

from registry import simple
from registry.errors import NotFound
from registry.index import project_folder
from registry.installation import Installation, View
from registry.members import Members
from registry.names import ProjectName, RegistryName
from registry.policy.addresses import addresses
from registry.policy.roles import Action, Principal
from registry.web.auth import caller, known_project, meant
from registry.web.basis import also_rests_on, rests_on
from registry.web.doors import door
from registry.web.files import distribution, send_file
from registry.web.index import SimpleIndex, answer, negotiated, slashed
from registry.web.pages import Page
from registry.web.refusals import messages
from registry.web.together import enter, owner, readable

# Each view takes both slash forms by one rule: with a path in it, Werkzeug answers 308 to the one without, also where
# another rule has it.
_GROUP = "/groups/<path:id_>/-/packages/pypi"


def blueprint(installation: Installation, index: SimpleIndex) -> Blueprint:
    """Make the routes; refusals are JSON with a `message`."""
    routes = Blueprint("gitlab_groups", __name__, url_prefix="/api/v4")
    messages(routes)
    groups = _Groups(installation, index)

    @routes.get(f"{_GROUP}/simple/", strict_slashes=False)
    @door(Action.READ, "GitLab: the projects of a group")
    def projects(id_: str) -> Response | Redirect:
        if not request.path.endswith("/"):
            return slashed(None)
        return groups.projects(id_)

    @routes.get(f"{_GROUP}/simple/<project>/", strict_slashes=False)
    @door(Action.READ, "GitLab: the files of a project of a group")
    def project(id_: str, project: str) -> Response | Redirect:
        if not request.path.endswith("/"):
            return slashed(project)
        return groups.project(id_, project)

    @routes.get(f"{_GROUP}/files/<sha256>/<filename>")
    @door(Action.READ, "GitLab: a file of a group, or its core metadata")
    def file(id_: str, sha256: str, filename: str) -> Response:
        return groups.file(id_, sha256, filename)

    return routes


class _Groups:
    """The views of groups."""

    def __init__(self, installation: Installation, index: SimpleIndex) -> None:
        self._installation = installation
        self._index = index

    def projects(self, group: str) -> Response:
        """Answer with the projects of all registries that the caller may read."""
        view, principal, found = entered(self._installation, group)
        enter(view, principal, found)
        rests_on(view, principal, *found.registries)
        seen = [*readable(view, principal, found, view.index)]
        kind, content_type = negotiated()
        page = Page((simple.projects_json if kind == "json" else simple.projects_html)(seen))
        return answer(page.digest, kind, content_type, lambda: page)

    def project(self, group: str, project: str) -> Response:
        """Answer with the project's page, as the registry that owns the name has it."""
        wanted = known_project(project)
        return self._owned(group, wanted, lambda owner: self._index.project(owner, wanted))

    def file(self, group: str, sha256: str, filename: str) -> Response:
        """Answer with a file, or its core metadata, of the registry that owns the name."""
        wanted = distribution(filename.removesuffix(".metadata")).project
        return self._owned(group, wanted, lambda owner: send_file(self._installation, owner, sha256, filename))

    def _owned(self, group: str, wanted: ProjectName, shown: Callable[[RegistryName], Response]) -> Response:
        view, principal, found = entered(self._installation, group)
        name = owner(view, principal, found, wanted)
        if name is None:
            raise NotFound(f"No registry of this group has a project '{wanted}'")
        response = shown(name)
        also_rests_on(view, *(project_folder(registry, wanted) for registry in found.registries))
        return response


def entered(installation: Installation, group: str) -> tuple[View, Principal, Members]:
    """See who asks, and for which registries; only those that are an index by themselves count.

    Raises:
        NotFound: there are none.
        Forbidden: that cannot be told.
    """
    view = installation.view()
    principal = caller(view)
    found = meant(view, lambda: addresses(view.policy).below(group))
    sources = tuple(name for name in found if (file := view.policy.registry(name)) and file.kind == "source")
    if not sources:
        raise NotFound("No registry of this group has packages of its own")
    return view, principal, Members(sources, ordered=False)
