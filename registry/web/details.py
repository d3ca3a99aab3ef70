"""`…/files/<filename>`: what is known of one file: its digests, contents, metadata, needs, and where it comes from."""

from typing import Any, TypedDict

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from registry import catalogue, metadata, names
from registry.catalogue import DetailedFile
from registry.errors import Invalid, NotFound
from registry.installation import Installation, View
from registry.metadata import Need
from registry.model import File
from registry.names import RegistryName
from registry.policy.roles import Action
from registry.web.auth import caller, known_project, known_registry, permit
from registry.web.doors import door

_FILE = "/registries/<registry>/projects/<project>/releases/<version>/files/<filename>"


class ChecksumsAnswer(TypedDict):
    """The digests of a file's bytes, in hexadecimal."""

    filename: str
    md5: str
    sha1: str
    sha256: str
    sha512: str
    blake2b_256: str


class Member(TypedDict):
    """A file in an archive."""

    name: str
    size: int


class ContentsAnswer(TypedDict):
    """What is in an archive, with sizes unpacked."""

    filename: str
    members: list[Member]


class MetadataAnswer(TypedDict):
    """Core metadata, by the names of its JSON form."""

    filename: str
    metadata: dict[str, Any]
    unknown: dict[str, list[str]]


class DependenciesAnswer(TypedDict):
    """What a file needs to be installed."""

    filename: str
    requires_python: str | None
    dependencies: list[Need]


class ProvenanceAnswer(TypedDict):
    """Where a file comes from: an in-toto statement, and what allowed it to be published."""

    filename: str
    statement: dict[str, Any]
    decision: dict[str, str]
    attestations: str | None


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of a file."""
    routes = Blueprint("details", __name__)

    @routes.get(_FILE)
    @door(Action.READ, "A file, perhaps a deleted one", query=(), answer=DetailedFile)
    def file(**path: str) -> ResponseReturnValue:
        _, name, found = _asked(installation, **path)
        return jsonify(catalogue.file_shown(name, found))

    @routes.get(f"{_FILE}/checksums")
    @door(Action.READ, "The digests of a file", query=(), answer=ChecksumsAnswer)
    def checksums(**path: str) -> ResponseReturnValue:
        _, _, found = _stored(installation, **path)
        return jsonify(filename=found.filename, **installation.looks.checksums(found))

    @routes.get(f"{_FILE}/contents")
    @door(Action.READ, "What is in an archive", query=(), answer=ContentsAnswer)
    def contents(**path: str) -> ResponseReturnValue:
        _, _, found = _stored(installation, **path)
        return jsonify(filename=found.filename, members=installation.looks.contents(found))

    @routes.get(f"{_FILE}/metadata")
    @door(Action.READ, "The core metadata of a file, as JSON", query=(), answer=MetadataAnswer)
    def core(**path: str) -> ResponseReturnValue:
        view, name, found = _stored(installation, **path)
        known, unknown = metadata.fields(_metadata(view, name, found))
        return jsonify(filename=found.filename, metadata=known, unknown=unknown)

    @routes.get(f"{_FILE}/dependencies")
    @door(Action.READ, "What a file needs to be installed", query=(), answer=DependenciesAnswer)
    def dependencies(**path: str) -> ResponseReturnValue:
        view, name, found = _stored(installation, **path)
        known, _ = metadata.fields(_metadata(view, name, found), description=False)
        needs = [metadata.need(text) for text in known.get("requires_dist", [])]
        return jsonify(filename=found.filename, requires_python=found.requires_python, dependencies=needs)

    @routes.get(f"{_FILE}/provenance")
    @door(Action.READ, "Where a file comes from, and what allowed it", query=(), answer=ProvenanceAnswer)
    def provenance(**path: str) -> ResponseReturnValue:
        view, name, found = _asked(installation, **path)
        dist = found.dist
        attested = f"/{name}/integrity/{dist.project}/{dist.version}/{dist.filename}/provenance"
        return jsonify(
            filename=found.filename,
            statement=catalogue.provenance(view.index, name, found),
            decision={"policy": found.decision.policy, "allowed-by": found.decision.allowed_by},
            attestations=attested if found.attested and not found.deleted else None,
        )

    return routes


def _asked(
    installation: Installation, registry: str, project: str, version: str, filename: str
) -> tuple[View, RegistryName, File]:
    """Find the file that a route names, for a caller who may read it; of a deleted one, that it was here."""
    view = installation.view()
    principal, name, wanted = caller(view), known_registry(view, registry), known_project(project)
    permit(view, principal, Action.READ, name, wanted)
    try:
        dist = names.distribution(filename)
    except Invalid as error:
        raise NotFound(str(error)) from None
    if dist.project != wanted or not names.same_version(dist.version, version):
        raise NotFound(f"'{dist.filename}' is no file of {wanted} {version[:100]}")
    return view, name, catalogue.file(view.index, name, dist)


def _stored(installation: Installation, **path: str) -> tuple[View, RegistryName, File]:
    view, name, found = _asked(installation, **path)
    if found.deleted:
        raise NotFound(f"'{found.filename}' was deleted: {found.deleted.reason or 'no reason was given'}")
    return view, name, found


def _metadata(view: View, name: RegistryName, found: File) -> bytes:
    text = view.index.metadata(name, found.dist) if found.metadata_sha256 else None
    if text is None:
        raise NotFound(f"No core metadata is stored for '{found.filename}': an old sdist does not vouch for its own")
    return text
