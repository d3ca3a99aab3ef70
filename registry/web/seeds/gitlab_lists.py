"""Lists of packages as GitLab's API gives them: which, in what order, page by page, and what is said of each."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from flask import Response, jsonify, request

from registry import names
from registry.errors import Invalid
from registry.installation import Installation, View
from registry.kept import Kept
from registry.model import Release
from registry.names import ProjectName, RegistryName, same_version, version_order
from registry.policy.decide import Allowed
from registry.policy.known_as import System
from registry.policy.roles import Action, Principal
from registry.records import timestamp
from registry.web import params
from registry.web.seeds.gitlab_numbers import Numbering

T = TypeVar("T")
MOST = 20_000  # packages that a list is made of; where more fit, ask for fewer
_LARGEST_PAGE = 100
_USUAL_PAGE = 20
_KEPT = 100_000  # releases of which is remembered when they began
_TYPES = ("pypi", "composer", "conan", "debian", "generic", "golang", "helm", "maven", "npm", "nuget", "rpm",
          "rubygems", "terraform_module", "ml_model")  # fmt: skip
_STATUSES = ("default", "hidden", "processing", "error", "pending_destruction", "deprecated")


@dataclass(frozen=True, slots=True)
class Package:
    """A release that has files."""

    registry: RegistryName
    project: ProjectName
    version: str
    created: datetime  # when its first file came that is still there


_ORDERS: dict[str, Callable[[Package], Any]] = {
    "created_at": lambda one: (one.created, one.project, version_order(one.version)),
    "name": lambda one: (one.project, version_order(one.version), one.registry),
    "version": lambda one: (version_order(one.version), one.project, one.registry),
    "type": lambda one: (one.created, one.project, version_order(one.version)),  # there is one type
}


class Packages:
    """Finds packages, and says what they are."""

    def __init__(self, installation: Installation) -> None:
        self.numbering = Numbering(installation)
        self._created: Kept[str, datetime | None] = Kept(_KEPT)

    def found(
        self, view: View, principal: Principal, places: Iterable[tuple[RegistryName, ProjectName]]
    ) -> list[Package]:
        """List what the query asks for, as far as the caller may read it.

        Args:
            view: of when.
            principal: who asks.
            places: where packages may be.

        Raises:
            Invalid: the query asks for what there cannot be, or for too much.
        """
        order, sort = _one_of("order_by", (*_ORDERS, "project_path")), _one_of("sort", ("asc", "desc"))
        if _one_of("package_type", _TYPES) != "pypi" or _one_of("status", _STATUSES) != "default":
            return []
        fitting = []
        for registry, project in places:
            if _named(project) and isinstance(view.decide(principal, Action.READ, registry, project), Allowed):
                trees = view.index.fingerprints(registry, project)
                fitting += [(registry, project, version, tree) for version, tree in trees.items() if _is_asked(version)]
            if len(fitting) > MOST:
                raise Invalid(f"package_name: more than {MOST} packages fit, the most that a list has; ask for fewer")
        found = []
        for registry, project, version, tree in fitting:
            created = self._began(view, registry, project, version, tree)
            if created is not None:
                found.append(Package(registry, project, version, created))
        key = _ORDERS.get(
            order, lambda one: (_known_as(view, one.registry)[1], one.project, version_order(one.version))
        )
        return sorted(found, key=key, reverse=sort == "desc")

    def shown(self, view: View, principal: Principal, package: Package) -> dict[str, Any]:
        """Say what a package is."""
        registry, project = package.registry, package.project
        release = view.index.release(registry, project, package.version)
        number = self.numbering.of(view, registry, project, release).package
        _, path = _known_as(view, registry)
        links = {}
        if isinstance(view.decide(principal, Action.DELETE, registry, project), Allowed):
            links["delete_api_path"] = f"{request.root_url}api/v4/projects/{quote(path, safe='')}/packages/{number}"
        return {
            "id": number,
            "name": project,
            "version": package.version,
            "package_type": "pypi",
            "status": "default",
            "_links": links,
            "created_at": timestamp(package.created),
        }

    def shown_in_group(self, view: View, principal: Principal, package: Package) -> dict[str, Any]:
        """Say what a package is, and of which project: what its clients go on asking with."""
        id_, path = _known_as(view, package.registry)
        return {**self.shown(view, principal, package), "project_id": id_, "project_path": path}

    def _began(
        self, view: View, registry: RegistryName, project: ProjectName, version: str, tree: str
    ) -> datetime | None:
        return self._created.get(tree, lambda: began(view.index.release(registry, project, version)))


def began(release: Release) -> datetime | None:
    """Tell when the first file came that is still there; None where there is none."""
    return min((file.uploaded for file in release.live), default=None)


def paged(found: Sequence[T], show: Callable[[T], Any]) -> Response:
    """Answer with one page of a list, and with the headers by which GitLab's clients ask on.

    Raises:
        Invalid: the query asks for no page.
    """
    page, size = max(params.number("page", 1), 1), min(max(params.number("per_page", _USUAL_PAGE), 1), _LARGEST_PAGE)
    last = max(-(-len(found) // size), 1)
    begin = (page - 1) * size
    response = jsonify([show(one) for one in found[begin : begin + size]])
    numbers = {"first": 1, "last": last}
    if 1 < page <= last + 1:
        numbers["prev"] = page - 1
    if page < last:
        numbers["next"] = page + 1
    said = {"page": page, "per_page": size}
    links = (
        (f"{request.base_url}?{urlencode({**request.args, **said, 'page': at})}", to) for to, at in numbers.items()
    )
    response.headers["Link"] = ", ".join(f'<{url}>; rel="{to}"' for url, to in links)
    response.headers["X-Page"], response.headers["X-Per-Page"] = str(page), str(size)
    response.headers["X-Prev-Page"] = str(numbers.get("prev", ""))
    response.headers["X-Next-Page"] = str(numbers.get("next", ""))
    response.headers["X-Total"], response.headers["X-Total-Pages"] = str(len(found)), str(last)
    return response


def _named(project: ProjectName) -> bool:
    """Tell whether a name has in it what is asked for; any spelling of that will do."""
    return re.sub("[-_.]+", "-", request.args.get("package_name", "")).lower() in project


def _is_asked(version: str) -> bool:
    asked = request.args.get("package_version")
    try:
        return asked is None or same_version(version, names.version(asked))
    except Invalid:
        return False


def _one_of(name: str, known: tuple[str, ...]) -> str:
    """Read a word of the query, the first of the known ones where it says none.

    Raises:
        Invalid: it is another one.
    """
    said = request.args.get(name, known[0])
    if said not in known:
        raise Invalid(f"{name}: {said[:40]!a} is none of {', '.join(known)}")
    return said


def _known_as(view: View, registry: RegistryName) -> tuple[int | str, str]:
    """Tell the id and the path of a project as the policy has them.

    A registry's name is a path of its own, and where there is no id, a path does as well: addresses take either.
    """
    file = view.policy.registry(registry)
    said = [one.text for one in (file.known_as if file else ()) if one.system is System.GITLAB]
    path = next((text for text in said if not text.isdecimal()), registry)
    return next((int(text) for text in said if text.isdecimal()), path), path
