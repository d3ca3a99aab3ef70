"""Offices of two policies compared: who may approve what they could not."""

from registry.policy.facts import ADMIN, MAINTAINER, Facts, Office
from registry.policy.given import readable
from registry.policy.policy import Policy


def appointed(old: Facts, new: Facts) -> tuple[Office, ...]:
    """List the offices of one policy that those of another do not include, sorted.

    Args:
        old: who holds an office there, or the organization's admins, gains nothing by it.
        new: whose offices are listed.
    """
    renamed = _renamed(old.policy, new.policy)
    held = {office.key for office in old.offices()}
    found = {
        (office.principal, office.duty, office.of): office
        for office in new.offices()
        if (office.principal, office.duty, _old_name(office, renamed)) not in held
        and (office.principal, ADMIN, "") not in held
    }
    return tuple(found[key] for key in sorted(found))


def _old_name(office: Office, renamed: dict[str, str]) -> str:
    return renamed.get(office.of, office.of) if office.duty == MAINTAINER else office.of


def _renamed(old: Policy, new: Policy) -> dict[str, str]:
    """Find teams that only have another name: the same people, where there was no team of that name.

    Returns:
        Old names by new ones.
    """
    gone = {team: _people(old, team) for team in sorted(set(old.teams()) - set(new.teams()))}
    found = {}
    for team in sorted(set(new.teams()) - set(old.teams())):
        same = next((name for name, people in gone.items() if people and people == _people(new, team)), None)
        if same:
            found[team] = same
            del gone[same]
    return found


def _people(policy: Policy, team: str) -> tuple[frozenset[str], frozenset[str]] | None:
    found = readable(policy.team, team)
    return (frozenset(found.members), frozenset(found.maintainers)) if found else None
