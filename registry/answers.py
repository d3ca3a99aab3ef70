"""Model -> plain JSON values: one shape for the API and for `--json` of the commands."""

from typing import Any

from registry.model import Event, File, Project, Release, Token
from registry.names import ProjectName
from registry.policy.decide import Allowed, Denied
from registry.policy.roles import Principal
from registry.promotion import Promoted, Route
from registry.provenance import origin_json
from registry.recall import Recall
from registry.records import timestamp
from registry.removal import Outcome, Whole
from registry.rights_log import Turn


def event_json(event: Event) -> dict[str, Any]:
    """Show a ledger event."""
    return {
        "commit": event.commit,
        "time": timestamp(event.at),
        "author": event.author,
        "subject": event.subject,
        "facts": event.facts,
    }


def release_json(project: ProjectName, release: Release) -> dict[str, Any]:
    """Show a release: each file with who published it from where, and what allowed it."""
    yank = release.yank
    return {
        "project": project,
        "version": release.version,
        "yanked": bool(yank),
        "reason": yank.reason if yank else None,
        "files": [_file_json(file) for file in release.files],
    }


def outcome_json(whole: Whole, outcome: Outcome) -> dict[str, Any]:
    """Show what a deletion or restoration came to; no files: it was so already."""
    return {
        "registry": whole.registry,
        "project": whole.project,
        "what": whole.kind,
        "files": [{"version": file.dist.version, **_file_json(file)} for file in outcome.files],
        "commit": outcome.commit,
    }


def promoted_json(route: Route, promoted: Promoted) -> dict[str, Any]:
    """Show what a promotion came to."""
    return {
        "from": route.source,
        "to": route.target,
        "project": route.project,
        "files": [_file_json(file) for file in promoted.files],
        "there": [_file_json(file) for file in promoted.there],
        "commit": promoted.commit,
    }


def status_json(project: Project) -> dict[str, Any]:
    """Show the status of a project (PEP 792)."""
    return {"project": project.name, "status": project.status.value, "reason": project.status_reason}


def _file_json(file: File) -> dict[str, Any]:
    deleted, promoted = file.deleted, file.promoted
    return {
        "filename": file.filename,
        "sha256": file.sha256,
        "size": file.size,
        "uploaded": timestamp(file.uploaded),
        "provenance": origin_json(file.origin),
        "decision": {"policy": file.decision.policy, "allowed-by": file.decision.allowed_by},
        "attested-by": [dict(publisher) for publisher in file.attested.publishers] if file.attested else [],
        "deleted": {"by": deleted.by, "reason": deleted.reason, "at": timestamp(deleted.at)} if deleted else None,
        "promoted": {"from": promoted.source, "by": promoted.by.principal} if promoted else None,
    }


def recall_json(recall: Recall) -> dict[str, Any]:
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


def turn_json(turn: Turn) -> dict[str, Any]:
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


def token_json(token: Token) -> dict[str, Any]:
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


def verdict_json(who: Principal, verdict: Allowed | Denied, creating: str | None = None) -> dict[str, Any]:
    """Show a decision with its reason.

    Args:
        who: asked about.
        verdict: the decision.
        creating: why it does not hold for a project that does not exist yet.
    """
    if isinstance(verdict, Allowed):
        statement = verdict.statement
        shown = {"principal": str(who), "allowed": True, "statement": statement.ref, "place": statement.place}
        return {**shown, "creating": creating} if creating else shown
    return {"principal": str(who), "allowed": False, "reason": verdict.reason}
