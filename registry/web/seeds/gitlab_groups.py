"""A GitLab group: several registries read as one. Each name has one owner among them, and it alone answers.

The owner does not depend on who asks: whoever may not read what it has gets nothing from another registry instead, as
that would be the way to slip a package under a name of others.
"""

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as Redirect

from registry import simple
from registry.errors import Forbidden, NotFound
from registry.index import project_folder
from registry.installation import Installation, View
from registry.names import ProjectName, RegistryName
from registry.policy.addresses import addresses
from registry.policy.decide import Allowed
from registry.policy.policy import project_path
from registry.policy.roles import Action, Principal
from registry.web.auth import caller, known_project, meant, permit
from registry.web.basis import also_rests_on, rests_on
from registry.web.doors import door
from registry.web.files import distribution, send_file
from registry.web.index import SimpleIndex, answer, declared, negotiated, slashed
from registry.web.pages import Page
from registry.web.refusals import messages

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
        view, principal, registries = self._entered(group)
        _enter(view, principal, registries)
        rests_on(view, principal, *registries)
        found = sorted({name for registry in registries for name in _names(view, registry)})
        owned = [(name, _claims(view, registries, name)) for name in found]
        seen = [name for name, by in owned if len(by) == 1 and _reads(view, principal, by[0][0], name)]
        kind, content_type = negotiated()
        page = Page((simple.projects_json if kind == "json" else simple.projects_html)(seen))
        return answer(page.digest, kind, content_type, lambda: page)

    def project(self, group: str, project: str) -> Response:
        """Answer with the project's page, as the registry that owns the name has it."""
        view, principal, registries = self._entered(group)
        wanted = known_project(project)
        owner = _owner(view, principal, registries, wanted)
        if owner is None:
            _enter(view, principal, registries)
            raise NotFound(f"No registry of this group has a project '{wanted}'")
        response = self._index.project(owner, wanted)
        also_rests_on(view, *(project_folder(registry, wanted) for registry in registries))
        return response

    def file(self, group: str, sha256: str, filename: str) -> Response:
        """Answer with a file, or its core metadata, of the registry that owns the name."""
        view, principal, registries = self._entered(group)
        wanted = distribution(filename.removesuffix(".metadata")).project
        owner = _owner(view, principal, registries, wanted)
        if owner is None:
            _enter(view, principal, registries)
            raise NotFound(f"No registry of this group has a project '{wanted}'")
        response = send_file(self._installation, owner, sha256, filename)
        also_rests_on(view, *(project_folder(registry, wanted) for registry in registries))
        return response

    def _entered(self, group: str) -> tuple[View, Principal, list[RegistryName]]:
        """See who asks, and for which registries; only those that are an index by themselves count."""
        view = self._installation.view()
        principal = caller(view)
        found = meant(view, lambda: addresses(view.policy).below(group))
        sources = [name for name in found if (file := view.policy.registry(name)) and file.kind == "source"]
        if not sources:
            raise NotFound("No registry of this group has packages of its own")
        return view, principal, sources


def _enter(view: View, principal: Principal, registries: list[RegistryName]) -> None:
    """Let in who may read one of the registries; nobody in particular must be able to read all.

    Else somebody without credentials would be told, by 404, which names private registries do not have.
    """
    if principal.name is None:
        for registry in registries:
            permit(view, principal, Action.READ, registry, None)
        return
    readable = (name for name in registries if isinstance(view.decide(principal, Action.READ, name, None), Allowed))
    permit(view, principal, Action.READ, next(readable, registries[0]), None)


def _owner(
    view: View, principal: Principal, registries: list[RegistryName], project: ProjectName
) -> RegistryName | None:
    """Tell whose a name is; None: nobody's.

    Raises:
        Forbidden: several claim it. Only who may read all of them learns which.
    """
    claims = _claims(view, registries, project)
    if len(claims) < 2:
        return claims[0][0] if claims else None
    for registry, _ in claims:
        permit(view, principal, Action.READ, registry, project)
    raise Forbidden(
        f"In this group, {' and '.join(why for _, why in claims)}, so the name means neither. Remove the file that "
        "declares it, or take one registry out of the group (known_as in its registry.yaml)"
    )


def _claims(view: View, registries: list[RegistryName], project: ProjectName) -> list[tuple[RegistryName, str]]:
    """List who claims a name, with the reason: who had files of it first, and whoever declares it.

    Neither comes before the other. Which was there first cannot be told from what holds now, and either could take
    the name of another registry by an upload, or by a file that only its own owners have seen.
    """
    having = [(at, name) for name in registries if (at := view.index.created(name, project)) is not None]
    found = {name: f"registry {name} has files of '{project}'" for _, name in sorted(having)[:1]}
    for name in registries:
        if name not in found and declared(view, name, project):
            found[name] = f"{project_path(name, project)} declares '{project}'"
    return list(found.items())


def _names(view: View, registry: RegistryName) -> set[ProjectName]:
    return {*view.index.projects(registry), *view.policy.declared(registry)}


def _reads(view: View, principal: Principal, registry: RegistryName, project: ProjectName) -> bool:
    return isinstance(view.decide(principal, Action.READ, registry, project), Allowed)
