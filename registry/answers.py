"""Model -> plain JSON values: one shape for the API and for `--json` of the commands."""

from typing import Any

from registry.model import Event, Token
from registry.policy.decide import Allowed, Denied
from registry.policy.roles import Principal
from registry.records import timestamp
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


def verdict_json(who: Principal, verdict: Allowed | Denied) -> dict[str, Any]:
    """Show a decision with its reason."""
    if isinstance(verdict, Allowed):
        statement = verdict.statement
        return {"principal": str(who), "allowed": True, "statement": statement.ref, "place": statement.place}
    return {"principal": str(who), "allowed": False, "reason": verdict.reason}
