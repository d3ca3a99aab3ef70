"""Who may approve a change of a file. The policy that is changed says so, never the change."""

from collections.abc import Iterable
from datetime import UTC, datetime

from registry.policy.files import BadFile
from registry.policy.judge.touched import Kind, Object
from registry.policy.namespaces import namespace_of
from registry.policy.policy import Policy
from registry.policy.rights import Right, covers, project_rights, registry_rights
from registry.policy.roles import Role

EVERYONE = "everyone"


def owners(policy: Policy, touched: Object, now: datetime) -> frozenset[str]:
    """List the people who own a file, or would own it if it is new.

    Args:
        policy: the one in force.
        touched: the file.
        now: the moment; grants end with their last day, UTC.

    Returns:
        Ids of people who are not disabled. Empty where nobody is named, or what names them cannot be read: the
        organization's admins stand in there, as they may everywhere.
    """
    try:
        policy.organization()  # without it nothing holds, nor is anybody entitled to change that
        return _people(policy, _named(policy, touched, now))
    except BadFile:
        return frozenset()


def admins(policy: Policy) -> frozenset[str]:
    """List the people who are admins of the organization; nobody where that cannot be read."""
    try:
        return _people(policy, [admin.name for admin in policy.organization().admins])
    except BadFile:
        return frozenset()


def is_person(policy: Policy, account: str) -> bool:
    """Tell whether an account is one of a person who is not disabled; what cannot be read knows nobody."""
    try:
        return account in _people(policy, [account])
    except BadFile:
        return False


def people_behind(policy: Policy, account: str) -> frozenset[str]:
    """List the people who answer for an account: the person, or those named as owner of a service account."""
    try:
        found = policy.accounts().get(account)
        if found is None or not found.service:
            return frozenset({account})
        return _people(policy, [found.owner] if found.owner else [])
    except BadFile:
        return frozenset({account})


def _named(policy: Policy, touched: Object, now: datetime) -> Iterable[str]:
    """List the entries that make somebody an owner: account ids, `team:<name>`, everyone."""
    if touched.kind is Kind.TEAM:
        team = policy.team(touched.name)
        return team.maintainers if team else ()
    if touched.kind is Kind.PROJECT:
        reserved = namespace_of(policy, touched.of_project)
        if reserved and policy.project(touched.of_registry, touched.of_project) is None:
            return [entry.name for entry in reserved.owners]  # whose pipelines create it is theirs to say
        return _admins_of_project(policy, touched, now)
    if touched.registry:
        registry = policy.registry(touched.of_registry)
        return [owner.name for owner in registry.owners] if registry else ()
    return [admin.name for admin in policy.organization().admins]


def _admins_of_project(policy: Policy, touched: Object, now: datetime) -> Iterable[str]:
    """List whom a statement lets administer the project, be it its own or the registry's."""
    registry = policy.registry(touched.of_registry)
    if registry is None:
        return ()
    own = policy.project(touched.of_registry, touched.of_project)
    rights = [*(project_rights(policy, own) if own else ()), *registry_rights(registry)]
    held = (right for right in rights if isinstance(right, Right) and right.role is Role.ADMIN)
    today = now.astimezone(UTC).date()
    return [
        entry
        for right in held
        if (not right.projects or covers(right.projects, touched.of_project))
        and (right.until is None or right.until >= today)
        for entry in right.to
    ]


def _people(policy: Policy, entries: Iterable[str]) -> frozenset[str]:
    """Expand entries to people; a team that cannot be read has no members here."""
    known = {name for name, account in policy.accounts().items() if not (account.service or account.disabled)}
    found: set[str] = set()
    for entry in entries:
        if entry == EVERYONE:
            return frozenset(known)
        found |= set(_members(policy, entry.removeprefix("team:"))) if entry.startswith("team:") else {entry}
    return frozenset(found & known)


def _members(policy: Policy, team: str) -> tuple[str, ...]:
    try:
        found = policy.team(team)
    except BadFile:
        return ()
    return found.members if found else ()
