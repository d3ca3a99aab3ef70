"""A GitLab group: several registries read as one, for whoever may read any of them."""

from collections.abc import Callable
from typing import NoReturn

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as Redirect

from registry import simple
from registry.errors import Forbidden, NotFound, Unauthenticated
from registry.index import project_folder
from registry.installation import Installation, View
from registry.members import Members
from registry.names import ProjectName, RegistryName
from registry.policy.addresses import addresses
from registry.policy.decide import Allowed
from registry.policy.roles import Action, Principal
from registry.web.auth import caller, known_project, meant
from registry.web.basis import also_rests_on, rests_on
from registry.web.doors import door, passed
from registry.web.files import distribution, send_file
from registry.web.index import SimpleIndex, answer, negotiated, slashed
from registry.web.pages import Page
from registry.web.refusals import messages
from registry.web.together import seen

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
        names = [*seen(view, principal, found, view.policy, view.index)]
        kind, content_type = negotiated()
        page = Page((simple.projects_json if kind == "json" else simple.projects_html)(names))
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
        name = _owner(view, principal, found, wanted)
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
    return view, principal, Members(sources)


def enter(view: View, principal: Principal, found: Members) -> None:
    """Let in who may read one of the registries; nobody in particular must be able to read all.

    Else somebody without credentials would be told, by 404, which names private registries do not have. Who has some
    is told, as a group is all below a path, whoever may read it, and clients of GitLab go on to PyPI on 404.
    """
    may = (isinstance(view.decide(principal, Action.READ, one, None), Allowed) for one in found.registries)
    if not (any(may) if principal.name else all(may)):
        _refuse(principal)
    passed(Action.READ)


def _refuse(principal: Principal) -> NoReturn:
    """Refuse in words that name no registry: those of a group are known to who may read them."""
    if principal.name is None:
        raise Unauthenticated("To read in this group, give a token as password, with user name __token__")
    raise Forbidden(f"{principal} may not read this in the group; who administers its registries can give that right")


def _owner(view: View, principal: Principal, found: Members, project: ProjectName) -> RegistryName | None:
    """Tell whose a name is, to who may read it there; None: nobody's.

    Raises:
        Unauthenticated: no credentials were sent, and some are needed.
        Forbidden: the caller may not read it, or several claim it. Only who may read all of them learns which.
    """
    claims = found.claims(view.policy, view.index, project)
    if not claims:
        enter(view, principal, found)
        return None
    if not all(isinstance(view.decide(principal, Action.READ, one.registry, project), Allowed) for one in claims):
        _refuse(principal)
    passed(Action.READ)
    if len(claims) == 1:
        return claims[0].registry
    raise Forbidden(
        f"In this group, {' and '.join(claim.reason for claim in claims)}, so the name means neither. Remove the file "
        "that declares it, or take one registry out of the group (known_as in its registry.yaml)"
    )
