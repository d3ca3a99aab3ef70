"""Text <-> model for the ledger: canonical JSON records, Git LFS pointers, commit messages and their trailers."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from registry.errors import Invalid, Unavailable
from registry.model import Attested, Decision, Deletion, File, Project, Promotion, Sha256, Status, Yank
from registry.names import ProjectName, RegistryName, distribution
from registry.provenance import origin_json, read_origin

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
# Our own predicate: a registry saw who uploaded, not how it was built, so it claims no SLSA build provenance.
PREDICATE_TYPE = "urn:waybill:publication:v1"
ATTRIBUTES = b"* -text\n*.whl filter=lfs diff=lfs merge=lfs -text\n*.tar.gz filter=lfs diff=lfs merge=lfs -text\n"


def canonical(value: Mapping[str, Any]) -> bytes:
    """Write JSON so that `git diff` reads well and equal facts are equal bytes."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def timestamp(moment: datetime) -> str:
    """Write a UTC moment as PEP 700 asks for: ISO 8601 with microseconds and 'Z'."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """Read what `timestamp` wrote.

    Raises:
        ValueError: it is not a moment in UTC.
    """
    if not text.endswith("Z"):
        raise ValueError(f"{text!a} is not a moment in UTC")
    return datetime.fromisoformat(text)


def pointer(sha256: Sha256, size: int) -> bytes:
    """Write a Git LFS pointer, by which git-lfs finds the artifact.

    Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
    """
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def file_record(file: File, registry: str) -> bytes:
    """Write the record of a file: what is served of it, who published it, and what allowed it."""
    record: dict[str, Any] = {
        "filename": file.filename,
        "sha256": file.sha256,
        "size": file.size,
        "uploaded": timestamp(file.uploaded),
        "requires-python": file.requires_python,
        "core-metadata": {"sha256": file.metadata_sha256} if file.metadata_sha256 else None,
        "decision": {"policy": file.decision.policy, "allowed-by": file.decision.allowed_by},
        "provenance": {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": file.filename, "digest": {"sha256": file.sha256}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {"registry": registry, **origin_json(file.origin)},
        },
    }
    if file.attested:
        made = [dict(publisher) for publisher in file.attested.publishers]
        record["attestations"] = {"sha256": file.attested.sha256, "publishers": made}
    if file.deleted:
        gone = file.deleted
        record["deleted"] = {"by": gone.by, "reason": gone.reason, "at": timestamp(gone.at), "whole": gone.whole}
    if file.promoted:
        record["promoted"] = {"from": file.promoted.source, "by": origin_json(file.promoted.by)}
    return canonical(record)


def read_file_record(text: bytes) -> File:
    """Read what `file_record` wrote.

    Raises:
        Unavailable: the ledger holds something else, so it was damaged.
    """
    record = parsed(text, "file record")
    try:
        said = record["provenance"]["predicate"]
        metadata = record["core-metadata"]
        attested, promoted = record.get("attestations"), record.get("promoted")
        return File(
            dist=distribution(record["filename"]),
            sha256=Sha256(record["sha256"]),
            size=record["size"],
            uploaded=moment(record["uploaded"]),
            requires_python=record["requires-python"],
            metadata_sha256=Sha256(metadata["sha256"]) if metadata else None,
            origin=read_origin(said),
            decision=Decision(record["decision"]["policy"], record["decision"]["allowed-by"]),
            deleted=_deletion(record["deleted"]) if "deleted" in record else None,
            attested=Attested(Sha256(attested["sha256"]), tuple(attested["publishers"])) if attested else None,
            promoted=Promotion(RegistryName(promoted["from"]), read_origin(promoted["by"])) if promoted else None,
        )
    except (KeyError, TypeError, ValueError, Invalid) as error:
        raise damaged("file record", error) from None


def _deletion(said: Mapping[str, Any]) -> Deletion:
    return Deletion(said["by"], said["reason"], moment(said["at"]), said.get("whole", "file"))


def project_record(
    name: ProjectName, *, by: str, at: datetime, status: Status = Status.ACTIVE, reason: str = ""
) -> bytes:
    """Write `project.json`: who created the project, and its status (PEP 792)."""
    return canonical(
        {"name": name, "created": {"by": by, "at": timestamp(at)}, "status": status.value, "reason": reason or None}
    )


def project_record_with(text: bytes, status: Status, reason: str) -> bytes:
    """Write `project.json` again with another status; who created the project stays.

    Raises:
        Unavailable: the ledger was damaged.
    """
    return canonical({**parsed(text, "project record"), "status": status.value, "reason": reason or None})


def read_project_record(text: bytes) -> Project:
    """Read what `project_record` wrote; releases are not in it.

    Raises:
        Unavailable: the ledger was damaged.
    """
    record = parsed(text, "project record")
    try:
        return Project(ProjectName(record["name"]), (), Status(record["status"]), record["reason"])
    except (KeyError, TypeError, ValueError) as error:
        raise damaged("project record", error) from None


def release_record(yank: Yank | None) -> bytes:
    """Write `release.json`: the yank state, kept also when it was taken back."""
    state = {"reason": yank.reason, "by": yank.by, "at": timestamp(yank.at)} if yank else None
    return canonical({"yanked": state})


def read_release_record(text: bytes) -> Yank | None:
    """Read what `release_record` wrote.

    Raises:
        Unavailable: the ledger was damaged.
    """
    state = parsed(text, "release record").get("yanked")
    try:
        return Yank(state["reason"], state["by"], moment(state["at"])) if state else None
    except (KeyError, TypeError, ValueError) as error:
        raise damaged("release record", error) from None


def message(subject: str, facts: Sequence[tuple[str, str]]) -> str:
    """Write a commit message whose trailers are exactly the given facts; what could forge one is refused, not escaped.

    Args:
        subject: one line.
        facts: trailer name and value, in order; only what the server verified, or names beginning 'Declared-'.

    Raises:
        Invalid: a value holds a control character or is empty.
    """
    for name, value in (("subject", subject), *facts):
        if not value or not value.isprintable() or value != value.strip():
            raise Invalid(f"{name}: {value!a} cannot be written to the log; remove line breaks and control characters")
    return subject + "\n\n" + "".join(f"{name}: {value}\n" for name, value in facts)


def read_message(text: str) -> tuple[str, dict[str, str]]:
    """Read subject and facts of a ledger commit."""
    subject, _, trailers = text.partition("\n\n")
    pairs = (line.partition(": ") for line in trailers.splitlines())
    return subject, {name: value for name, colon, value in pairs if colon}


def parsed(text: bytes, what: str) -> dict[str, Any]:
    """Read a record's JSON."""
    try:
        return {**json.loads(text)}
    except (TypeError, ValueError) as error:
        raise damaged(what, error) from None


def damaged(what: str, error: Exception) -> Unavailable:
    """Say that a record is none."""
    return Unavailable(f"A {what} of the ledger cannot be read ({error!r}): the ledger was not written by this server")
