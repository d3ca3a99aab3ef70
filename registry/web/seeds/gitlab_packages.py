"""GitLab's packages API: what a project or group has, package by package and file by file, and their deletion.

A package there is a release here; `gitlab_numbers.py` says what its number is. What was deleted is not there.
"""

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from registry import removal
from registry.errors import Invalid, NotFound
from registry.installation import Installation, View
from registry.model import File, Release
from registry.names import ProjectName, RegistryName
from registry.policy.addresses import addresses
from registry.policy.known_as import System
from registry.policy.roles import Action, Principal
from registry.records import timestamp
from registry.removal import Whole
from registry.web import params
from registry.web.auth import caller, meant, permit
from registry.web.doors import door
from registry.web.refusals import messages
from registry.web.seeds.gitlab_groups import enter, entered
from registry.web.seeds.gitlab_lists import Package, Packages, began, paged
from registry.web.seeds.gitlab_numbers import Numbers

_PACKAGES = "/projects/<path:id_>/packages"
_PACKAGE = f"{_PACKAGES}/<number>"
_FILES = f"{_PACKAGE}/package_files"
_TOKENS = ("Private-Token", "Job-Token")  # headers that GitLab's API takes one from


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes; refusals are JSON with a `message`."""
    routes = Blueprint("gitlab_packages", __name__, url_prefix="/api/v4")
    messages(routes)
    routes.before_request(take_token)
    packages = Packages(installation)
    _lists(routes, installation, packages)

    def read(id_: str, number: str) -> tuple[View, Principal, RegistryName, ProjectName, Release]:
        view, principal, registry = _entered(installation, id_)
        project, release = packages.numbering.meant(view, principal, registry, number)
        permit(view, principal, Action.READ, registry, project)
        return view, principal, registry, project, release

    def delete(id_: str, number: str, file: str | None) -> ResponseReturnValue:
        _, principal = params.known_caller(installation, pipelines=True)
        view, _, registry, project, release = read(id_, number)
        permit(view, principal, Action.DELETE, registry, project)
        filename = None
        if file is not None:
            filename = _filename(packages.numbering.of(view, registry, project, release), file)
        removal.delete(installation, principal, Whole(registry, project, release.version, filename), "")
        return "", 204

    @routes.get(_PACKAGE)
    @door(Action.READ, "GitLab: a package")
    def show(id_: str, number: str) -> Response:
        view, principal, registry, project, release = read(id_, number)
        package = Package(registry, project, release.version, began(release) or view.now)
        return jsonify(packages.shown(view, principal, package))

    @routes.delete(_PACKAGE)
    @door(Action.DELETE, "GitLab: deletes a package")
    def delete_package(id_: str, number: str) -> ResponseReturnValue:
        return delete(id_, number, None)

    @routes.get(_FILES)
    @door(Action.READ, "GitLab: the files of a package")
    def files(id_: str, number: str) -> Response:
        view, _, registry, project, release = read(id_, number)
        numbers = packages.numbering.of(view, registry, project, release)
        found = sorted(release.live, key=lambda file: numbers.files[file.filename])
        return paged(found, lambda file: _shown(numbers, file))

    @routes.delete(f"{_FILES}/<file>")
    @door(Action.DELETE, "GitLab: deletes a file of a package")
    def delete_file(id_: str, number: str, file: str) -> ResponseReturnValue:
        return delete(id_, number, file)

    return routes


def _lists(routes: Blueprint, installation: Installation, packages: Packages) -> None:
    """Make the routes of the lists of packages."""

    @routes.get(_PACKAGES)
    @door(Action.READ, "GitLab: the packages of a project")
    def listing(id_: str) -> Response:
        view, principal, registry = _entered(installation, id_)
        places = ((registry, project) for project in view.index.projects(registry))
        return paged(packages.found(view, principal, places), lambda one: packages.shown(view, principal, one))

    @routes.get("/groups/<path:id_>/packages")
    @door(Action.READ, "GitLab: the packages of a group")
    def listing_of_group(id_: str) -> Response:
        view, principal, group = entered(installation, id_)
        enter(view, principal, group)
        if request.args.get("exclude_subgroups", "false") != "false":
            raise Invalid("exclude_subgroups: which groups are below another is not known here; ask for the projects")
        places = ((registry, project) for project, registry in group.owned(view.policy, view.index))
        return paged(packages.found(view, principal, places), lambda one: packages.shown_in_group(view, principal, one))


def _entered(installation: Installation, id_: str) -> tuple[View, Principal, RegistryName]:
    """See who asks, and for which registry."""
    view = installation.view()
    principal = caller(view)
    registry = meant(view, lambda: addresses(view.policy).find(System.GITLAB, id_))
    permit(view, principal, Action.READ, registry, None)
    return view, principal, registry


def take_token() -> None:
    """Take a token from where GitLab's API alone has it, as if it had come as Bearer.

    Nothing of these routes is repeated by the front, which knows an answer by its `Authorization`.
    """
    given = [request.headers[name] for name in _TOKENS if name in request.headers]
    if given and "Authorization" not in request.headers:
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer {given[0]}"


def _filename(numbers: Numbers, text: str) -> str:
    """Tell which file of a package is meant by a number.

    Raises:
        NotFound: none.
    """
    for filename, number in numbers.files.items():
        if text == str(number):
            return filename
    raise NotFound(f"Package {numbers.package} has no file with the number {text[:16]!a}")


def _shown(numbers: Numbers, file: File) -> dict[str, Any]:
    """Say what a file is. MD5 and SHA-1 would need all bytes to be read again; nobody should compare by them."""
    return {
        "id": numbers.files[file.filename],
        "package_id": numbers.package,
        "created_at": timestamp(file.uploaded),
        "file_name": file.filename,
        "size": file.size,
        "file_md5": None,
        "file_sha1": None,
        "file_sha256": file.sha256,
    }
