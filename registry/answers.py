"""Model -> plain JSON values: one shape for the API and for `--json` of the commands."""

from typing import Any, Required, TypedDict

from registry.model import Event, File, Release, Token
from registry.names import ProjectName
from registry.policy.decide import Allowed, Denied
from registry.policy.roles import Principal
from registry.provenance import origin_json
from registry.recall import Recall
from registry.records import timestamp
from registry.rights_log import Turn


class EventAnswer(TypedDict):
    """One commit of the ledger."""

    commit: str
    time: str
    author: str
    subject: str
    facts: dict[str, str]


class DeletionAnswer(TypedDict):
    """What a deleted file leaves."""

    by: str
    reason: str
    at: str


FileAnswer = TypedDict(
    "FileAnswer",
    {
        "filename": str,
        "sha256": str,
        "size": int,
        "uploaded": str,
        "provenance": dict[str, Any],
        "decision": dict[str, str],
        "attested-by": list[dict[str, str | None]],
        "deleted": DeletionAnswer | None,
    },
)


class ReleaseAnswer(TypedDict):
    """A release with its files, deleted ones too."""

    project: str
    version: str
    yanked: bool
    reason: str | None
    files: list[FileAnswer]


class RecallAnswer(TypedDict):
    """A release that is proposed to be yanked."""

    registry: str
    project: str
    version: str
    files: list[str]
    others: list[str]
    yanked: bool
    reason: str | None


class TurnAnswer(TypedDict):
    """A commit of the policy that changed rights."""

    commit: str
    time: str
    author: str
    subject: str
    approved_by: list[str]
    break_glass: str | None
    awaits_approval: bool
    meaning: list[str]


TokenAnswer = TypedDict(
    "TokenAnswer",
    {
        "id": str,
        "owner": str,
        "role": str,
        "registries": list[str],
        "projects": list[str],
        "created": str,
        "created-by": str,
        "expires": str | None,
        "revoked": str | None,
        "note": str,
    },
)


class VerdictAnswer(TypedDict, total=False):
    """Whether somebody may, and why."""

    principal: Required[str]
    allowed: Required[bool]
    statement: str
    place: str
    reason: str


def event_json(event: Event) -> EventAnswer:
    """Show a ledger event."""
    return {
        "commit": event.commit,
        "time": timestamp(event.at),
        "author": event.author,
        "subject": event.subject,
        "facts": event.facts,
    }


def release_json(project: ProjectName, release: Release) -> ReleaseAnswer:
    """Show a release: each file with who published it from where, and what allowed it."""
    yank = release.yank
    return {
        "project": project,
        "version": release.version,
        "yanked": bool(yank),
        "reason": yank.reason if yank else None,
        "files": [file_json(file) for file in release.files],
    }


def file_json(file: File) -> FileAnswer:
    """Show a file, perhaps deleted."""
    deleted = file.deleted
    return {
        "filename": file.filename,
        "sha256": file.sha256,
        "size": file.size,
        "uploaded": timestamp(file.uploaded),
        "provenance": origin_json(file.origin),
        "decision": {"policy": file.decision.policy, "allowed-by": file.decision.allowed_by},
        "attested-by": [dict(publisher) for publisher in file.attested.publishers] if file.attested else [],
        "deleted": {"by": deleted.by, "reason": deleted.reason, "at": timestamp(deleted.at)} if deleted else None,
    }


def recall_json(recall: Recall) -> RecallAnswer:
    """Show a release that is proposed to be yanked."""
    return {
        "registry": recall.registry,
        "project": recall.project,
        "version": recall.version,
        "files": list(recall.files),
        "others": list(recall.others),
        "yanked": bool(recall.yank),
        "reason": recall.yank.reason if recall.yank else None,
    }


def turn_json(turn: Turn) -> TurnAnswer:
    """Show a commit that changed rights."""
    return {
        "commit": turn.commit,
        "time": timestamp(turn.at),
        "author": turn.author,
        "subject": turn.subject,
        "approved_by": list(turn.approvers),
        "break_glass": turn.glass,
        "awaits_approval": turn.awaited,
        "meaning": list(turn.meaning),
    }


def token_json(token: Token) -> TokenAnswer:
    """Show a token; there is no secret in it to hide."""
    return {
        "id": token.id,
        "owner": token.owner,
        "role": token.role,
        "registries": list(token.registries),
        "projects": list(token.projects),
        "created": timestamp(token.created),
        "created-by": token.created_by,
        "expires": timestamp(token.expires) if token.expires else None,
        "revoked": timestamp(token.revoked) if token.revoked else None,
        "note": token.note,
    }


def verdict_json(who: Principal, verdict: Allowed | Denied) -> VerdictAnswer:
    """Show a decision with its reason."""
    if isinstance(verdict, Allowed):
        statement = verdict.statement
        return {"principal": str(who), "allowed": True, "statement": statement.ref, "place": statement.place}
    return {"principal": str(who), "allowed": False, "reason": verdict.reason}
