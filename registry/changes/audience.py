"""Who is shown a change, and whose approval of it would count.

A change is shown whole or not at all, because an approval is of all of it. It names projects; so it is shown to those
who may read everything, to who pushed to it, and to who must decide on it.
"""

from datetime import UTC, datetime

from registry.changes.clearance import is_reader, voter
from registry.changes.standing import Change, changes
from registry.errors import Forbidden
from registry.installation import Installation
from registry.policy.judge.owners import admins, owners
from registry.policy.judge.touched import object_at
from registry.policy.policy import Policy
from registry.policy.roles import Principal


def seen(installation: Installation, principal: Principal) -> list[Change]:
    """List the open changes that somebody is shown.

    Args:
        installation: where.
        principal: who asks, known and not disabled.

    Raises:
        Forbidden: their token is limited.
        BadFile: the policy cannot be read.
    """
    _require_whole(principal)
    policy = installation.policy()
    return [change for change in changes(installation) if _sees(policy, principal, change)]


def require_sight(policy: Policy, principal: Principal, change: Change) -> None:
    """Refuse somebody who is not shown a change.

    Args:
        policy: the policy in force.
        principal: who asks, known and not disabled.
        change: what they ask about.

    Raises:
        Forbidden: they are not, or their token is limited.
        BadFile: the policy cannot be read.
    """
    _require_whole(principal)
    if not _sees(policy, principal, change):
        raise Forbidden(
            f"{principal} may not see change '{change.name}'; admins, auditors, who pushed to it and who owns a file "
            "that it touches may"
        )


def hindrance(policy: Policy, principal: Principal, change: Change) -> str | None:
    """Say why somebody's approval of a change would not count; None where it would.

    Args:
        policy: the policy in force.
        principal: who would approve.
        change: what they would approve.
    """
    try:
        name = voter(policy, principal).id
    except Forbidden as error:
        return str(error)
    return _reason(name, change)


def _reason(name: str, change: Change) -> str | None:
    judged = change.judgement
    if change.problems and not change.merged:
        return "it has problems, so nobody can approve it as it is"
    if name in judged.excluded:
        return f"{name} {judged.excluded[name]}, and such an approval would not count"
    if not judged.missing:
        return "it needs no more approvals"
    if any(name in need.given for need in judged.needs):
        return f"{name} has approved it"
    if name not in admins(change.before) and not any(name in need.owners for need in judged.needs):
        return f"{name} owns nothing that it touches"
    return None


def _sees(policy: Policy, principal: Principal, change: Change) -> bool:
    name, now = principal.name, datetime.now(UTC)
    if is_reader(policy, principal) or any(push.by == name for push in change.record.pushes):
        return True
    objects = (*change.judgement.touched, *map(object_at, change.overlap))
    return any(name in owners(change.before, touched, now) for touched in objects)


def _require_whole(principal: Principal) -> None:
    if not principal.scope.whole:
        raise Forbidden(f"Token {principal.token} is limited, and changes are not; use a token without limits")
