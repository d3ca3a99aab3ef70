"""Who has a hand or an interest in a change, and may therefore not approve it."""

from collections.abc import Collection, Iterator, Mapping

from registry.policy.files import Account, BadFile
from registry.policy.judge.owners import people_behind
from registry.policy.policy import Policy


def interested(
    parent: Policy, tree: Policy, author: str | None, pushers: Collection[str], gainers: Collection[str]
) -> Mapping[str, str]:
    """List who may not approve a change, with the reason. It only ever narrows who may: that is for the parent to say.

    Args:
        parent: the policy in force.
        tree: what would be in force.
        author: who proposes the change.
        pushers: who else pushed to it.
        gainers: people who gain by it.
    """
    found: dict[str, str] = {}
    for account, why in _hands(author, pushers):
        for person in people_behind(parent, account):
            found.setdefault(person, why if person == account else f"answers for {account}, which {why}")
        found.setdefault(account, why)
    for person in gainers:
        found.setdefault(person, "gains by it")
    for person, moved in _moved(parent, tree):
        found.setdefault(person, f"is moved to the account {moved} by it")
    return dict(sorted(found.items()))


def _hands(author: str | None, pushers: Collection[str]) -> Iterator[tuple[str, str]]:
    if author:
        yield author, "proposed it"
    yield from ((pusher, "pushed to it") for pusher in sorted(pushers))


def _moved(parent: Policy, tree: Policy) -> Iterator[tuple[str, str]]:
    """Find people whose e-mail address or forge id the change gives to another account: it may be they who gain."""
    old, new = _holders(parent), _holders(tree)
    for identity, accounts in old.items():
        for account in sorted(new.get(identity, set()) - accounts):
            yield from ((person, account) for person in sorted(accounts))


def _holders(policy: Policy) -> dict[tuple[str, str], set[str]]:
    """List which accounts have an identity outside."""
    try:
        accounts = policy.accounts()
    except BadFile:
        return {}
    found: dict[tuple[str, str], set[str]] = {}
    for account in accounts.values():
        for identity in identities(account):
            found.setdefault(identity, set()).add(account.id)
    return found


def identities(account: Account) -> Iterator[tuple[str, str]]:
    """List how somebody is known elsewhere, in one spelling each."""
    if account.email:
        yield "email", account.email.lower()
    yield from ((forge, forge_id.lower()) for forge, forge_id in account.forge_ids.items())
