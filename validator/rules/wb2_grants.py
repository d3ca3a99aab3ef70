"""WB2: rights are held by those who need them, and by enough of them."""

from datetime import date, timedelta
from typing import Any

from registry.activity import Activity
from registry.policy.files import RegistryFile
from registry.policy.policy import Policy
from registry.policy.roles import Role
from validator import rule, skip
from validator.things import AccountRights, GivenRight, ProjectRights


@rule("WB201", severity="warning", on=["change"])
def project_has_admins(project: ProjectRights, least: int = 2) -> None:
    """Every project has at least two people who administer it, so that one may be away.

    Owners of the registry and admins of the organization count; service accounts do not.
    """
    found = sorted(project.admins)
    assert len(found) >= least, (
        f"{project.name} is administered by {', '.join(found) or 'nobody'}; {least} are asked for"
    )


@rule("WB202", severity="warning", on=["change"])
def grant_has_not_ended(grant: GivenRight, today: date) -> None:
    """No grant stands there that has ended."""
    assert grant.until is None or grant.until >= today, f"it ended with {grant.until}; remove it"


@rule("WB203", severity="warning", on=["change"])
def grant_does_not_end_soon(grant: GivenRight, today: date, days: int = 14) -> None:
    """Nobody is surprised by the end of a grant."""
    if grant.until is None or grant.until < today:
        skip("it has no end, or has ended")
    assert grant.until > today + timedelta(days), f"it ends with {grant.until}; prolong or remove it by then"


@rule("WB204", severity="warning", on=["change"])
def service_account_is_used(person: AccountRights, activity: Activity, today: date, days: int = 180) -> None:
    """A service account that may change something did so lately, or was given a token lately.

    The ledger tells when it last published or had anything else recorded, and when a token was last made for it;
    reading leaves no trace there. One that never had a token can do nothing, and is left in peace.
    """
    if not person.service or person.disabled or not person.writes:
        skip("not a service account, or one that can only read")
    last = activity.last(person.id)
    if last is None:
        skip("it never had a token")
    assert last.date() + timedelta(days) >= today, (
        f"{person.id} did nothing since {last.date()}; revoke its tokens and remove it, or what it may"
    )


@rule("WB205", on=["change"])
def grant_names_nobody_disabled(grant: GivenRight) -> None:
    """No grant names an account that is disabled: enabled again, it would have the right back."""
    assert not grant.disabled, f"{', '.join(sorted(grant.disabled))} is disabled; remove the name from the grant"


@rule("WB206", severity="warning", on=["change"])
def grant_gives_something(grant: GivenRight) -> None:
    """Every grant gives something to somebody."""
    assert grant.people, f"nobody is meant by {', '.join(grant.to)}; name somebody, or remove the grant"
    named = ", ".join(grant.projects) or "every project"
    assert grant.reached or grant.future, f"{named}: no project is covered, and none can come; remove the grant"


@rule("WB207", severity="warning", on=["change"])
def grant_has_a_limit(grant: GivenRight) -> None:
    """Nobody may publish or more on all projects of a registry by a grant; owners are there for that."""
    if grant.role is Role.READ or grant.registry is None or grant.project:
        skip("it gives reading, or is about one project or linked repository")
    wide = not grant.projects or "*" in grant.projects
    assert not wide, (
        f"{', '.join(grant.to)} may {grant.role} on every project, new ones too; name projects, or an owner"
    )


@rule("WB208", on=["change"])
def not_everybody_publishes(grant: GivenRight) -> None:
    """Publishing and more is for named people and teams, never for everybody who is signed in."""
    assert grant.role is Role.READ or "everyone" not in grant.to, f"everyone may {grant.role}; name teams or people"


@rule("WB209", severity="warning", on=["change"])
def account_reaches_few_projects(person: AccountRights, most: int = 50) -> None:
    """Whoever is broken into opens few projects."""
    found = len(person.projects)
    assert found <= most, f"{person.id} may change {found} projects; at most {most} are expected of one account"


@rule("WB210", on=["change"])
def service_account_has_an_owner(person: AccountRights, policy: Policy) -> None:
    """Somebody answers for every service account."""
    if not person.service or person.disabled:
        skip("not a service account, or disabled")
    owner = person.owner or ""
    assert owner, f"nobody answers for {person.id}; add owner: with a person or team:<name>"
    account = policy.accounts().get(owner)
    assert not (account and account.disabled), f"{owner}, who answers for {person.id}, is disabled; name somebody else"


@rule("WB211", severity="warning", on=["change"])
def team_has_members(team: Any) -> None:
    """Every team has somebody in it."""
    assert team.members, f"team {team.name} has no members; add some, or remove it and where it is named"


@rule("WB212", severity="warning", on=["change"])
def registry_has_owners(registry: RegistryFile) -> None:
    """Every registry has an owner, so that not every change of it waits for the organization's admins."""
    assert registry.owners, f"registry {registry.name} has no owners; add owners: with a team"
