"""How much one change takes away: many people or rights at once are a mistake, unless the policy expects it."""

from collections import Counter
from collections.abc import Iterator, Mapping

from registry.policy.files import Account, BadFile, Grant, Problem
from registry.policy.policy import Policy

# What may go at once however few there are; else nobody could leave an organization of three.
ONE_PERSON = 1
FEW_ENTRIES = 3


def removals(parent: Policy, tree: Policy) -> Iterator[Problem]:
    """Refuse to take away more at once than the policy in force accepts.

    Args:
        parent: the policy in force, whose `review.most_removed` counts.
        tree: what would be in force.
    """
    try:
        percent = parent.organization().review.most_removed
        before, after = _people(parent), _people(tree)
    except BadFile:
        return
    gone = before - after
    yield from _too_many("people.yaml", "people", len(gone), len(before), percent, ONE_PERSON)
    held = _rights(parent)
    kept = _rights(tree)
    lost = sum((Counter({k: n for k, n in held.items() if k[-1] not in gone}) - kept).values())
    yield from _too_many(
        "waybill.yaml", "entries of grants, teams and owners", lost, held.total(), percent, FEW_ENTRIES
    )


def _too_many(file: str, things: str, gone: int, before: int, percent: int, least: int) -> Iterator[Problem]:
    most = max(least, before * percent // 100)
    if gone > most:
        text = (
            f"{gone} of {before} {things} would be removed at once, and {most} may be ({percent} percent); "
            "make several changes of it, or raise review: most_removed of waybill.yaml in a change before"
        )
        yield Problem(file, 1, text)


def _people(policy: Policy) -> set[str]:
    accounts: Mapping[str, Account] = policy.accounts()
    return {name for name, account in accounts.items() if not account.disabled}


def _rights(policy: Policy) -> Counter[tuple[str, str]]:
    """Count who is named for what, wherever that stands: moving it somewhere else takes nothing away."""
    found: Counter[tuple[str, str]] = Counter()
    for read in policy.readers():
        try:
            said = read()
        except BadFile:
            continue
        for key in ("members", "maintainers"):
            found.update((key, name) for name in getattr(said, key, ()))
        for key in ("admins", "auditors", "owners"):
            found.update((key, entry.name) for entry in getattr(said, key, ()))
        grants: tuple[Grant, ...] = getattr(said, "grants", ())
        found.update((str(grant.role), name) for grant in grants for name in grant.to)
    return found
