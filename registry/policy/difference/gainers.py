"""Which people gain by a change: those who therefore cannot approve it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from registry.policy.difference.comparison import Comparison
from registry.policy.difference.shifts import Opened, Shift
from registry.policy.facts import ANYONE, COMMON, Fact, Office
from registry.policy.given import EVERY_REGISTRY
from registry.policy.globs import ALL, contains
from registry.policy.roles import Role


def gainers(comparison: Comparison, offices: Iterable[Office], shifts: Iterable[Shift]) -> frozenset[str]:
    """List the people who can do or approve more than before, by id.

    Args:
        comparison: whose gains count.
        offices: those that somebody gained.
        shifts: what became wider; who administers a project gains nothing by its switches.
    """
    accounts = {office.principal for office in offices}
    people: set[str] = set()
    for reach in comparison.gained:
        for account in _holders(comparison, reach.fact):
            people.update(p for p in _people(comparison, account) if not _had(comparison, p, reach.fact))
    for shift in shifts:
        accounts |= shift.gainers
        if shift.opens:
            accounts.update(_let_in(comparison, shift.opens))
    return frozenset(people.union(*(_people(comparison, account) for account in accounts)))


def _had(comparison: Comparison, person: str, gained: Fact) -> bool:
    """Tell whether a person could do before what somebody gains: through a service account they gain nothing then."""
    own = replace(gained, principal=person)
    return any(held.covers(own) for held in comparison.before.reach(person))


def _holders(comparison: Comparison, gained: Fact) -> Iterator[str]:
    """List the accounts that gain by a fact, of which everybody's says little."""
    if gained.principal not in COMMON:
        yield gained.principal
        return
    public = comparison.before.accounts if gained.principal == ANYONE else {}  # reaches also those who leave
    for account in {**public, **comparison.after.accounts}:
        own = replace(gained, principal=account)
        if not any(held.covers(own) for held in comparison.before.reach(account)):
            yield account


def _let_in(comparison: Comparison, opened: Opened) -> Iterator[str]:
    """List the accounts whose rights take effect now that this was opened, and that do not administer it."""
    whole = opened.project or ALL
    for account in {**comparison.before.accounts, **comparison.after.accounts}:
        held = (f for f in comparison.after.reach(account) if f.role >= opened.role)
        before = (f for f in comparison.before.reach(account) if f.role is Role.ADMIN and contains(f.pattern, whole))
        if any(_there(f, opened) for f in held) and not any(_there(f, opened) for f in before):
            yield account


def _there(fact: Fact, opened: Opened) -> bool:
    project = opened.project
    return fact.registry in {EVERY_REGISTRY, opened.registry} and (project is None or contains(fact.pattern, project))


def _people(comparison: Comparison, account: str) -> Iterator[str]:
    """Tell who profits from an account: the person, or whoever answers for it, before or after."""
    for side in (comparison.before, comparison.after):
        found = side.accounts.get(account)
        if found and not found.service:
            yield account
        elif found and found.owner:
            yield from (name for name in side.meant(found.owner) if not side.accounts[name].service)
