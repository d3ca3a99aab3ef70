"""Downloads: artifacts and their core metadata, addressed by digest and therefore cacheable for ever."""

from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from registry import names
from registry.downloads import Download, carries_all
from registry.errors import Forbidden, Invalid, NotFound, Unavailable
from registry.index import file_path, project_folder
from registry.installation import Installation, View
from registry.model import File, Sha256, Status
from registry.names import Distribution, RegistryName
from registry.policy.roles import Action
from registry.records import timestamp
from registry.web.auth import caller, known_registry
from registry.web.basis import rests_on
from registry.web.doors import door
from registry.web.together import reading

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_IMMUTABLE = "private, max-age=31536000, immutable"
_METADATA = ".metadata"  # PEP 658: the file's URL with this appended


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes of the files."""
    routes = Blueprint("files", __name__)

    @routes.get("/<registry>/files/<sha256>/<filename>")
    @door(Action.READ, "A file, or its core metadata (PEP 658)")
    def file(registry: str, sha256: str, filename: str) -> Response:
        return send_file(installation, registry, sha256, filename)

    return routes


def send_file(installation: Installation, registry: str, sha256: str, filename: str) -> Response:
    """Answer with a file or its core metadata, for whichever URL asks for it.

    Args:
        installation: where it is.
        registry: as the request names it.
        sha256: of the file.
        filename: of the file; for its metadata with `.metadata` at its end.
    """
    view = installation.view()
    principal, named = caller(view), known_registry(view, registry)
    dist = distribution(filename.removesuffix(_METADATA))
    asked = reading(view, principal, named, dist.project)
    name = asked.owner(dist.project)
    if name is None:
        raise NotFound(f"Registry {named} has no project '{dist.project}'")
    record = file_path(name, dist)
    projects = (f"{project_folder(one, dist.project)}/project.json" for one in asked.registries)
    facts = (f"{record}.json", f"{record}.metadata", *projects)
    rests_on(view, principal, *facts)
    found = _offered(view, name, dist, sha256)
    if not filename.endswith(_METADATA):
        download = Download(name, dist.project, dist.version, dist.filename)
        rests_on(view, principal, *facts, artifact=found.sha256, download=download)
        response = _send(_artifact(installation, found), found.size, found.sha256)
        if carries_all(request.method, response.status, dict(response.headers)):
            installation.downloads.count(download)
        return response
    metadata = view.index.metadata(name, dist) if found.metadata_sha256 else None
    if metadata is None or found.metadata_sha256 is None:
        raise NotFound(f"No core metadata is stored for '{dist.filename}'")
    return _send(BytesIO(metadata), len(metadata), found.metadata_sha256)


def distribution(filename: str) -> Distribution:
    """Read a filename of a URL.

    Raises:
        NotFound: it cannot name a file.
    """
    try:
        return names.distribution(filename)
    except Invalid as error:
        raise NotFound(str(error)) from None


def _offered(view: View, registry: RegistryName, dist: Distribution, sha256: str) -> File:
    """Find the file a URL means; the digest must be its own, so no URL ever names two contents."""
    file = view.index.file(registry, dist)
    if file and file.deleted and file.sha256 == sha256:  # a lock file, or an index of the past, still names it
        raise NotFound(
            f"'{dist.filename}' was deleted from registry {registry} at {timestamp(file.deleted.at)}; an index of the "
            f"past still names it and does not bring it back. Reason: {file.deleted.reason or 'none given'}"
        )
    if file is None or file.deleted or file.sha256 != sha256:
        raise NotFound(f"Registry {registry} has no file '{dist.filename}' with this sha256")
    project = view.index.status(registry, dist.project)
    if project and project.status is Status.QUARANTINED:
        raise Forbidden(f"Project {dist.project} is quarantined; its files are withheld (PEP 792)")
    return file


def _artifact(installation: Installation, file: File) -> BinaryIO:
    try:
        return installation.blobs.open(file.sha256)
    except NotFound as error:  # recorded and yet not there is damage, which no client may take for "does not exist"
        raise Unavailable(f"{error}, though the ledger records it; restore it from a backup or mirror") from error


def _send(stream: BinaryIO, size: int, digest: Sha256) -> Response:
    """Send bytes as they are: no Content-Encoding (uv would unpack an sdist), Range and If-Range answered."""
    response = Response(
        wrap_file(request.environ, stream), content_type="application/octet-stream", direct_passthrough=True
    )
    response.call_on_close(stream.close)
    response.content_length = size
    response.set_etag(digest)
    response.headers["Cache-Control"] = _IMMUTABLE
    response.headers["X-Content-Type-Options"] = "nosniff"
    try:
        response.make_conditional(_conditions(size, digest), accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        response.close()
        raise
    return response


def _conditions(size: int, digest: Sha256) -> "WSGIEnvironment":
    """Give the request's conditions as Werkzeug can be trusted to answer them.

    One range of bytes at most, as it answers 416 to all it does not serve: several may be ignored, and unknown units
    must be; a suffix longer than the file means all of it (RFC 9110, 14.1.2 and 14.2). Poetry asks for the last bytes
    of files that may be smaller. No dates, as a file has none to compare (13.1.3); a range only of the very same bytes
    (13.1.5); and "*" matches what is there (13.1.1).
    """
    conditions, asked = dict(request.environ), request.range
    for date in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"):
        conditions.pop(date, None)
    same = conditions.pop("HTTP_IF_RANGE", f'"{digest}"').strip() == f'"{digest}"'
    if request.if_match.contains(digest):
        del conditions["HTTP_IF_MATCH"]
    elif request.if_match:
        same = False  # 412 goes before 206 (13.2.2)
    if not same or asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        conditions.pop("HTTP_RANGE", None)
    elif asked.ranges[0][0] < -size:
        conditions["HTTP_RANGE"] = "bytes=0-"
    return conditions
