"""Buildkite's packages API: publish by a lone `file`, list, get, copy to another registry, delete.

A package there is one file here, and its id is the filename, which no other file of a registry ever has.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from registry import audit, removal
from registry.errors import NotFound
from registry.installation import Installation, View
from registry.model import File
from registry.names import RegistryName
from registry.policy.decide import Allowed
from registry.policy.roles import Action, Principal
from registry.promotion import Route, promote
from registry.records import timestamp
from registry.removal import Whole
from registry.web import params
from registry.web.auth import caller, known_project, permit
from registry.web.doors import door
from registry.web.files import distribution
from registry.web.refusals import messages
from registry.web.seeds.buildkite import registry_at
from registry.web.upload import Uploads

_PACKAGES = "/v2/packages/organizations/<organization>/registries/<slug>/packages"
_MOST = 100  # packages of one page
_MOST_PAGES = 100  # each is found by looking through those before it; beyond that, ask by name


def blueprint(installation: Installation, uploads: Uploads) -> Blueprint:
    """Make the routes; refusals are JSON with a `message`."""
    routes = Blueprint("buildkite_packages", __name__)
    messages(routes)

    @routes.post(_PACKAGES)
    @routes.post(f"{_PACKAGES}/")
    @door(Action.PUBLISH, "Buildkite: takes an upload")
    def publish(organization: str, slug: str) -> ResponseReturnValue:
        registry, accepted = uploads.accept(registry_at(installation.view(), organization, slug))
        return jsonify(_whole(installation, registry, slug, accepted.file))

    @routes.get(_PACKAGES)
    @door(Action.READ, "Buildkite: the packages of a registry, newest first")
    def listing(organization: str, slug: str) -> ResponseReturnValue:
        view = installation.view()
        principal, registry = caller(view), registry_at(view, organization, slug)
        permit(view, principal, Action.READ, registry, None)
        page, size = (
            min(max(params.number("page", 1), 1), _MOST_PAGES),
            min(max(params.number("per_page", 30), 1), _MOST),
        )
        found = list(islice(_newest(installation, view, principal, registry), (page - 1) * size, page * size + 1))
        links = {"self": request.base_url}
        if len(found) > size and page < _MOST_PAGES:
            more = {**request.args, "page": str(page + 1)}
            links["next"] = f"{request.base_url}?{urlencode(more)}"
        return jsonify(items=[_package(file) for file in found[:size]], links=links)

    @routes.get(f"{_PACKAGES}/<id_>")
    @door(Action.READ, "Buildkite: a package")
    def show(organization: str, slug: str, id_: str) -> ResponseReturnValue:
        view = installation.view()
        principal, registry = caller(view), registry_at(view, organization, slug)
        dist = distribution(id_)
        permit(view, principal, Action.READ, registry, dist.project)
        file = view.index.file(registry, dist)
        if file is None or file.deleted:
            raise NotFound(f"Registry {registry} has no package '{dist.filename}'")
        return jsonify(_whole(installation, registry, slug, file))

    @routes.post(f"{_PACKAGES}/<id_>/copy")
    @door(Action.READ, "Buildkite: brings a package into another registry, to which one must be able to publish")
    def copy(organization: str, slug: str, id_: str) -> ResponseReturnValue:
        view, principal = params.known_caller(installation, pipelines=True)
        source, to = (registry_at(view, organization, each) for each in (slug, params.text("to")))
        dist = distribution(id_)
        permit(view, principal, Action.READ, source, dist.project)
        permit(view, principal, Action.PUBLISH, to, dist.project)
        promote(installation, principal, Route(source, to, dist.project, dist.version, dist.filename))
        file = installation.view().index.file(to, dist)
        if file is None:
            raise NotFound(f"Registry {to} has no package '{dist.filename}' any more")
        return jsonify(_whole(installation, to, params.text("to"), file))

    @routes.delete(f"{_PACKAGES}/<id_>")
    @door(Action.DELETE, "Buildkite: deletes a package")
    def delete(organization: str, slug: str, id_: str) -> ResponseReturnValue:
        view, principal = params.known_caller(installation, pipelines=True)
        registry, dist = registry_at(view, organization, slug), distribution(id_)
        permit(view, principal, Action.DELETE, registry, dist.project)
        removal.delete(installation, principal, Whole(registry, dist.project, dist.version, dist.filename), "")
        return "", 200

    return routes


def _newest(installation: Installation, view: View, principal: Principal, registry: RegistryName) -> Iterator[File]:
    """List the files that the caller may read, those that came last first."""
    wanted = known_project(request.args["name"]) if "name" in request.args else None
    seen: set[str] = set()
    for event in audit.log(installation, audit.Wanted(registry, wanted)):
        filename = event.facts.get("File", "")
        if filename in seen or not filename:
            continue
        seen.add(filename)
        dist = distribution(filename)
        file = view.index.file(registry, dist)
        reads = isinstance(view.decide(principal, Action.READ, registry, dist.project), Allowed)
        if file and not file.deleted and reads:
            yield file


def _package(file: File) -> dict[str, Any]:
    """Show what a list says of a file."""
    return {
        "id": file.filename,
        "url": f"{request.base_url.rstrip('/')}/{quote(file.filename)}",
        "name": file.dist.project,
        "version": file.dist.version,
        "created_at": timestamp(file.uploaded),
        "digests": {"sha256": file.sha256},
    }


def _whole(installation: Installation, registry: RegistryName, slug: str, file: File) -> dict[str, Any]:
    """Show all there is to say of a file."""
    organization = (request.view_args or {})["organization"]
    packages = f"{request.root_url}v2/packages/organizations/{organization}/registries/{slug}"
    digests = installation.looks.checksums(file)
    return {
        **_package(file),
        "url": f"{packages}/packages/{quote(file.filename)}",
        "digests": {"sha256": file.sha256, "sha512": digests["sha512"]},
        "organization": {"slug": organization},
        "registry": {"slug": slug, "name": registry, "url": packages},
    }
