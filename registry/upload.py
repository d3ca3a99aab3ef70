"""An upload becomes one durable commit: names, archive, artifact, then the ledger. Read `upload` from top to bottom."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from registry import archive, credentials, names
from registry.agreement import agree
from registry.blobs.incoming import Incoming
from registry.durable import require_sound
from registry.errors import Conflict, Forbidden
from registry.index import Index, file_path, project_folder
from registry.installation import Installation, Trailer, View, Writing
from registry.model import Attested, Decision, File, Sha256
from registry.names import Distribution, RegistryName
from registry.policy.decide import Denied
from registry.policy.files import Statement
from registry.policy.roles import Action, Principal
from registry.records import ATTRIBUTES, file_record, pointer, project_record

# Sdists state reliable metadata since 2.2 (PEP 643); an older PKG-INFO may differ from what a build makes of it.
_RELIABLE_SDIST = (2, 2)


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
    *,
    declared: Mapping[str, str] | None = None,
) -> Accepted:
    """Store one file so that it is installable, attributable and durable when this returns.

    Args:
        installation: where.
        principal: who uploads.
        registry: into which registry.
        filename: what the client calls the file.
        draft: its bytes, all received.
        form: what the client says about it; checked, never believed.
        declared: what it says about where the file comes from, by trailer; kept apart, never believed.

    Raises:
        Invalid: name, form, archive or attestations are not acceptable.
        Forbidden: the policy does not allow it.
        Conflict: the filename, or this version in another spelling, is taken.
        Unavailable: the disk refused.
    """
    dist, origin = names.distribution(filename), credentials.origin(principal)
    agree(form, dist, draft)
    candidate = _Candidate(registry, dist, principal, draft.sha256)
    _, existing = _admit(candidate, installation.view())  # and again under the lock, where the answer counts
    attestations, attested = form.get("attestations"), None
    if attestations is not None:
        verified = principal.run.verified if principal.run else None
        makers = installation.sigstore.verify(attestations, dist, draft.sha256, verified)
        digest = Sha256(hashlib.sha256(attestations.encode()).hexdigest())
        attestations, attested = (attestations, Attested(digest, makers)) if makers else (None, None)
    if existing:
        _refuse_later(attested, existing)
        if installation.blobs.size(existing.sha256) != existing.size:  # lost on disk: here are its bytes again
            installation.blobs.publish(draft)
        require_sound()  # else its commit may be one whose flush has just failed
        return Accepted(existing, None)
    contents = archive.inspect(draft.path, dist)
    installation.blobs.publish(draft)

    def record(writing: Writing) -> File:
        statement, existing = _admit(candidate, writing)
        if existing:
            _refuse_later(attested, existing)
            return existing
        if installation.blobs.size(draft.sha256) != draft.size:  # maintenance took it, as no file named it until now
            installation.blobs.publish(draft)
        reliable = dist.kind == "wheel" or _numbers(contents.metadata_version) >= _RELIABLE_SDIST
        metadata = contents.metadata if reliable else None
        file = File(
            dist=dist,
            sha256=draft.sha256,
            size=draft.size,
            uploaded=writing.now,
            requires_python=contents.requires_python,
            metadata_sha256=Sha256(hashlib.sha256(metadata).hexdigest()) if metadata is not None else None,
            origin=replace(origin, declared=declared or origin.declared),
            decision=Decision(writing.policy.commit, statement.ref),
            attested=attested,
        )
        _record(writing, registry, file, metadata, attestations)
        return file

    return Accepted(*installation.write(principal, record))


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
    found = view.policy.registry(candidate.registry)
    setting = found.republish if found else "never"
    if setting == "allowed" or (setting == "same-bytes" and tombstone.sha256 == candidate.sha256):
        return
    raise Conflict(
        f"File already exists in history: '{tombstone.filename}' was deleted, and "
        f"registries/{candidate.registry}/registry.yaml says republish: {setting}. Raise the version"
    )


def _refuse_later(attested: Attested | None, existing: File) -> None:
    """Refuse attestations of a file that came without any; those of a repeated upload may differ by their moment."""
    if attested and not existing.attested:
        raise Conflict(
            f"File already exists: '{existing.filename}' came without attestations, and they come with a file or never"
        )


def _record(
    writing: Writing, registry: RegistryName, file: File, metadata: bytes | None, attestations: str | None
) -> None:
    """Record what makes the file exist."""
    path, dist = file_path(registry, file.dist), file.dist
    changes: dict[str, bytes | None] = {
        path: pointer(file.sha256, file.size),
        f"{path}.json": file_record(file, registry),
        f"{path}.metadata": metadata,
        f"{path}.attestations.json": attestations.encode() if attestations is not None else None,
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
    if file.attested:
        trailers.append(Trailer("Attestations", f"sha256:{file.attested.sha256}"))
    subject = f"publish: {dist.project} {dist.version} {dist.filename}"
    writing.record(subject, trailers, changes, file.origin, file.decision)


def _numbers(metadata_version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in metadata_version.split(".") if part.isdecimal())
