"""An upload becomes one durable commit: names, archive, artifact, then the ledger. Read `upload` from top to bottom."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from registry import archive, names
from registry.blobs.incoming import Incoming
from registry.durable import require_sound
from registry.errors import Conflict, Forbidden, Invalid
from registry.index import Index, file_path, project_folder
from registry.installation import Installation, Trailer, View, Writing
from registry.model import Decision, File, Origin, Sha256
from registry.names import Distribution, RegistryName
from registry.policy.decide import Denied
from registry.policy.files import Statement
from registry.policy.roles import Action, Principal
from registry.records import ATTRIBUTES, file_record, pointer, project_record

# Sdists state reliable metadata since 2.2 (PEP 643); an older PKG-INFO may differ from what a build makes of it.
_RELIABLE_SDIST = (2, 2)
_KINDS = {"bdist_wheel": "wheel", "sdist": "sdist"}
_DIGESTS = {"md5_digest": "md5", "sha256_digest": "sha256", "blake2_256_digest": "blake2b"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an upload led to."""

    file: File
    commit: str | None  # None: the same bytes were here already, nothing was written


@dataclass(frozen=True, slots=True)
class _Candidate:
    registry: RegistryName
    dist: Distribution
    principal: Principal
    sha256: Sha256


def upload(
    installation: Installation,
    principal: Principal,
    registry: RegistryName,
    filename: str,
    draft: Incoming,
    form: Mapping[str, str],
) -> Accepted:
    """Store one file so that it is installable, attributable and durable when this returns.

    Args:
        installation: where.
        principal: who uploads.
        registry: into which registry.
        filename: what the client calls the file.
        draft: its bytes, all received.
        form: what the client says about it; checked, never believed.

    Raises:
        Invalid: name, form or archive are not acceptable.
        Forbidden: the policy does not allow it.
        Conflict: the filename, or this version in another spelling, is taken.
        Unavailable: the disk refused.
    """
    dist = names.distribution(filename)
    _agree(form, dist, draft)
    candidate = _Candidate(registry, dist, principal, draft.sha256)
    # Asked once before the costly work, and again under the lock, where the answer counts.
    _, existing = _admit(candidate, installation.view())
    if existing:
        if installation.blobs.size(existing.sha256) != existing.size:  # lost on disk: here are its bytes again
            installation.blobs.publish(draft)
        require_sound()  # else its commit may be one whose flush has just failed
        return Accepted(existing, None)
    contents = archive.inspect(draft.path, dist)
    installation.blobs.publish(draft)

    def record(writing: Writing) -> File:
        statement, existing = _admit(candidate, writing)
        if existing:
            return existing
        if installation.blobs.size(draft.sha256) != draft.size:  # maintenance took it, as no file named it until now
            installation.blobs.publish(draft)
        keeps_metadata = dist.kind == "wheel" or _numbers(contents.metadata_version) >= _RELIABLE_SDIST
        metadata = contents.metadata if keeps_metadata else None
        file = File(
            dist=dist,
            sha256=draft.sha256,
            size=draft.size,
            uploaded=writing.now,
            requires_python=contents.requires_python,
            metadata_sha256=Sha256(hashlib.sha256(metadata).hexdigest()) if metadata is not None else None,
            origin=Origin("token", principal.name or "", principal.token),
            decision=Decision(writing.policy.commit, statement.ref),
        )
        _record(writing, registry, file, metadata)
        return file

    return Accepted(*installation.write(principal, record))


def _agree(form: Mapping[str, str], dist: Distribution, draft: Incoming) -> None:
    """Refuse a form that speaks of another file: what was authorised must be what is stored.

    Only identity is compared. Clients rewrite the rest: flit always says metadata 2.3, twine rewrites names.
    """
    if form.get("name") and names.project_name(form["name"]) != dist.project:
        raise Invalid(
            f"name: the form says {form['name']!a}, the filename says '{dist.project}'; they must be the same project"
        )
    if form.get("version") and names.version(form["version"]) != dist.version:
        raise Invalid(
            f"version: the form says {form['version']!a}, the filename says '{dist.version}'; they must be equal"
        )
    kind = form.get("filetype")
    if kind and _KINDS.get(kind) != dist.kind:
        raise Invalid(f"filetype: the form says {kind!a}, but '{dist.filename}' is of kind {dist.kind}")
    for field, algorithm in _DIGESTS.items():
        said = form.get(field, "").lower()
        if said and not hmac.compare_digest(said.encode(), _hex_digest(draft, algorithm).encode()):
            raise Invalid(
                f"{field}: the digest does not match the uploaded file; it was damaged on the way, or is another file"
            )


def _hex_digest(draft: Incoming, algorithm: str) -> str:
    if algorithm == "sha256":
        return draft.sha256
    with draft.path.open("rb") as stream:
        if algorithm == "md5":
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def _admit(candidate: _Candidate, view: View) -> tuple[Statement, File | None]:
    """Authorise, and find out whether the name is free.

    Returns:
        The statement that allows it, and the file itself if the same bytes are here already.

    Raises:
        Forbidden: the policy, or the project's status, does not allow it.
        Conflict: the name is taken.
    """
    registry, dist = candidate.registry, candidate.dist
    verdict = view.decide(candidate.principal, Action.PUBLISH, registry, dist.project)
    if isinstance(verdict, Denied):
        raise Forbidden(verdict.reason)
    project = view.index.status(registry, dist.project)
    if project and not project.status.accepts_uploads:
        raise Forbidden(
            f"Project {dist.project} is {project.status.value} and takes no uploads ({project.status_reason})"
        )
    existing = view.index.file(registry, dist)
    if existing is None:
        _refuse_second_spelling(candidate, view.index)
        return verdict.statement, None
    if existing.deleted:
        _refuse_other_bytes_again(candidate, existing, view)
        return verdict.statement, None
    if existing.sha256 != candidate.sha256:
        raise Conflict(
            f"File already exists: '{dist.filename}' has sha256 {existing.sha256}, yours is {candidate.sha256}. "
            "Files never change; raise the version"
        )
    return verdict.statement, existing


def _refuse_second_spelling(candidate: _Candidate, index: Index) -> None:
    """Keep one release one folder: 1.0 and 1.0.0 are the same version (PEP 440), and a yank must reach all of it."""
    for version in index.versions(candidate.registry, candidate.dist.project):
        if version != candidate.dist.version and names.same_version(version, candidate.dist.version):
            raise Conflict(
                f"Version {candidate.dist.version} equals {version}, under which this project has a release; "
                f"build with version {version}, or raise it"
            )


def _refuse_other_bytes_again(candidate: _Candidate, tombstone: File, view: View) -> None:
    """Apply the registry's `republish` setting to a name whose file was deleted."""
    registry = view.policy.registry(candidate.registry)
    setting = registry.republish if registry else "never"
    if setting == "allowed" or (setting == "same-bytes" and tombstone.sha256 == candidate.sha256):
        return
    raise Conflict(
        f"File already exists in history: '{tombstone.filename}' was deleted, and "
        f"registries/{candidate.registry}/registry.yaml says republish: {setting}. Raise the version"
    )


def _record(writing: Writing, registry: RegistryName, file: File, metadata: bytes | None) -> None:
    """Record what makes the file exist."""
    path, dist = file_path(registry, file.dist), file.dist
    changes: dict[str, bytes | None] = {
        path: pointer(file.sha256, file.size),
        f"{path}.json": file_record(file, registry),
        f"{path}.metadata": metadata,
    }
    if writing.index.status(registry, dist.project) is None:
        new = project_record(dist.project, by=file.origin.principal, at=writing.now)
        changes[f"{project_folder(registry, dist.project)}/project.json"] = new
    if writing.index.snapshot.entry(".gitattributes") is None:
        changes[".gitattributes"] = ATTRIBUTES
    trailers = [
        Trailer("Registry", registry),
        Trailer("Project", dist.project),
        Trailer("Version", dist.version),
        Trailer("File", dist.filename),
        Trailer("Digest", f"sha256:{file.sha256}"),
    ]
    subject = f"publish: {dist.project} {dist.version} {dist.filename}"
    writing.record(subject, trailers, changes, file.origin, file.decision)


def _numbers(metadata_version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in metadata_version.split(".") if part.isdecimal())
