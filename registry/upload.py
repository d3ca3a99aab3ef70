"""An upload becomes one durable commit: names, archive, artifact, then the ledger. Read `upload` from top to bottom."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from registry import archive, credentials, names
from registry.acceptance import Entrant, accept
from registry.admission import Candidate, admit
from registry.agreement import agree
from registry.blobs.incoming import Incoming
from registry.checking import Arrival, asks_of_uploads, refuse_upload
from registry.durable import require_sound
from registry.entries import Beside, enter
from registry.errors import Conflict, Moved, Unavailable
from registry.installation import Installation, View, Writing
from registry.model import Attested, Decision, File, Origin, Sha256
from registry.names import Distribution, RegistryName
from registry.policy.policy import Policy
from registry.policy.roles import Principal

# Sdists state reliable metadata since 2.2 (PEP 643); an older PKG-INFO may differ from what a build makes of it.
_RELIABLE_SDIST = (2, 2)
_MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an upload led to."""

    file: File
    commit: str | None  # None: the same bytes were here already, nothing was written


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found out about a file before anything is stored."""

    candidate: Candidate
    policy: Policy
    existing: File | None  # the same bytes are here already
    contents: archive.Contents | None  # None: nobody needed to look
    attestations: str | None = None  # as they came, verified
    attested: Attested | None = None  # what they show


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
    for _ in range(_MOST_TRIES):
        found = examine(installation, principal, registry, filename, draft, form)
        if found.existing:
            _refuse_later(found.attested, found.existing)
            if installation.blobs.size(draft.sha256) != draft.size:  # lost on disk: here are its bytes again
                installation.blobs.publish(draft)
            require_sound()  # else its commit may be one whose flush has just failed
            return Accepted(found.existing, None)
        installation.blobs.publish(draft)
        try:
            return Accepted(*installation.write(principal, partial(_stored, installation, found, draft, declared)))
        except Moved:
            draft.write_again()  # publishing took it; now it is looked into once more
    raise Unavailable("The policy changed again and again while the upload was checked; try again in a few seconds")


def examine(
    installation: Installation,
    principal: Principal,
    registry: RegistryName,
    filename: str,
    draft: Incoming,
    form: Mapping[str, str],
) -> Examined:
    """Say all that an upload would be refused for, and store nothing; arguments and refusals are those of `upload`."""
    dist = names.distribution(filename)
    agree(form, dist, draft)
    candidate = Candidate(registry, dist, principal, draft.sha256)
    view = installation.view()
    _, existing = admit(candidate, view)
    attestations = _attested(installation, form.get("attestations"), candidate)
    if existing:
        return Examined(candidate, view.policy, existing, None, *attestations)
    contents = inspected(installation, view, registry, dist, draft, credentials.origin(principal))
    return Examined(candidate, view.policy, None, contents, *attestations)


def inspected(
    installation: Installation, view: View, registry: RegistryName, dist: Distribution, draft: Incoming, origin: Origin
) -> archive.Contents:
    """Look into a file that is to enter a registry, and ask the rules that the policy selects.

    Raises:
        Invalid: it is not acceptable.
    """
    contents = archive.inspect(draft.path, dist)
    accept(Entrant(registry, dist, draft.sha256, draft.size), contents.peculiar, view)
    arrival = Arrival(draft.path, dist, draft.size, draft.sha256, contents, registry, origin)
    refuse_upload(installation.checker, view.policy, arrival, view.now)
    return contents


def _attested(
    installation: Installation, attestations: str | None, candidate: Candidate
) -> tuple[str | None, Attested | None]:
    """Verify what the maker of a file signed of it; nothing where there is nothing."""
    if attestations is None:
        return None, None
    verified = candidate.principal.run.verified if candidate.principal.run else None
    makers = installation.sigstore.verify(attestations, candidate.dist, candidate.sha256, verified)
    digest = Sha256(hashlib.sha256(attestations.encode()).hexdigest())
    return (attestations, Attested(digest, makers)) if makers else (None, None)


def _stored(
    installation: Installation,
    found: Examined,
    draft: Incoming,
    declared: Mapping[str, str] | None,
    writing: Writing,
) -> File:
    """Ask once more, now that the answer counts, and record the file.

    Raises:
        Moved: rules were asked, and the policy is another one now.
    """
    registry, dist = found.candidate.registry, found.candidate.dist
    origin = credentials.origin(found.candidate.principal)
    statement, existing = admit(found.candidate, writing)
    if existing:
        _refuse_later(found.attested, existing)
        return existing
    if writing.policy.commit != found.policy.commit and asks_of_uploads(writing.policy):
        raise Moved("The policy changed while its rules were asked")
    if found.contents is None:
        raise ValueError("only what was looked into can be stored")
    accept(Entrant(registry, dist, draft.sha256, draft.size), found.contents.peculiar, writing)
    if installation.blobs.size(draft.sha256) != draft.size:  # maintenance took it, as no file named it until now
        installation.blobs.publish(draft)
    keeps_metadata = dist.kind == "wheel" or _numbers(found.contents.metadata_version) >= _RELIABLE_SDIST
    metadata = found.contents.metadata if keeps_metadata else None
    file = File(
        dist=dist,
        sha256=draft.sha256,
        size=draft.size,
        uploaded=writing.now,
        requires_python=found.contents.requires_python,
        metadata_sha256=Sha256(hashlib.sha256(metadata).hexdigest()) if metadata is not None else None,
        origin=replace(origin, declared=declared or origin.declared),
        decision=Decision(writing.policy.commit, statement.ref),
        attested=found.attested,
    )
    attestations = found.attestations.encode() if found.attestations is not None else None
    enter(writing, "publish", registry, file, Beside(metadata, attestations), by=(file.origin, file.decision))
    return file


def _refuse_later(attested: Attested | None, existing: File) -> None:
    """Refuse attestations of a file that came without any; those of a repeated upload may differ by their moment."""
    if attested and not existing.attested:
        raise Conflict(
            f"File already exists: '{existing.filename}' came without attestations, and they come with a file or never"
        )


def _numbers(metadata_version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in metadata_version.split(".") if part.isdecimal())
