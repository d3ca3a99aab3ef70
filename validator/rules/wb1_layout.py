"""WB1: the policy's files are in their places, can be read, and name what exists."""

from datetime import date
from typing import Any

from registry.policy.policy import Policy
from registry.policy.ruling import Waiver
from validator import rule
from validator.things import PolicyPath


@rule("WB101", on=["change"])
def file_can_be_read(path: PolicyPath) -> None:
    """Every policy file can be read: its YAML is plain and its keys are known.

    A file that cannot be read denies everything it governs.
    """
    assert not path.unreadable, "\n".join(map(str, path.unreadable))


@rule("WB102", on=["change"])
def file_is_in_its_place(path: PolicyPath) -> None:
    """Every YAML file lies where the registry reads it.

    One that lies beside would be ignored, and whoever wrote it would not notice.
    """
    assert not path.misplaced, "\n".join(map(str, path.misplaced))


@rule("WB103", on=["change"])
def file_has_no_twin(path: PolicyPath) -> None:
    """No two paths are one file on a disk that ignores case, and no two accounts share an identity."""
    assert not path.twins, "\n".join(map(str, path.twins))


@rule("WB104", on=["change"])
def names_exist(path: PolicyPath) -> None:
    """Every person, team, linked repository and registry that is named exists.

    A team that comes later would inherit what was meant for another.
    """
    assert not path.dangling, "\n".join(map(str, path.dangling))


@rule("WB105", on=["change"])
def case_holds(case: Any) -> None:
    """Every statement in cases/ holds."""
    assert not case.breaches, "\n".join(case.breaches)


@rule("WB106", severity="warning", on=["change"])
def waiver_is_in_force(waiver: Waiver, today: date) -> None:
    """No waiver has ended: what it let be counts again, so repair that and remove the waiver."""
    assert waiver.until >= today, (
        f"the waiver of {waiver.rule} ended with {waiver.until}; remove it, or agree on another"
    )


@rule("WB107", on=["change"])
def waiver_has_an_owner(waiver: Waiver, policy: Policy) -> None:
    """Whoever answers for a waiver is a team, or a person who is not disabled."""
    account = policy.accounts().get(waiver.owner)
    known = waiver.owner.removeprefix("team:") in policy.teams() if waiver.owner.startswith("team:") else bool(account)
    assert known, f"'{waiver.owner}' answers for the waiver of {waiver.rule} and does not exist; name somebody who does"
    assert not (account and account.disabled), (
        f"'{waiver.owner}' answers for the waiver of {waiver.rule} and is disabled"
    )
