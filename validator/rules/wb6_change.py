"""WB6: what a change of the policy does, said before anybody merges it."""

from typing import Any

from validator import rule, skip


@rule("WB601", severity="warning", on=["change"])
def author_gains_nothing(change: Any) -> None:
    """Whoever proposes a change gains nothing by it."""
    if change.author is None:
        skip("the author is not known here")
    gainers = change.difference.gainers
    assert change.author not in gainers, f"{change.author} gains by their own change; somebody else should propose it"


@rule("WB602", on=["change"])
def nothing_loses_its_last_owner(change: Any) -> None:
    """Organization, teams, registries and projects keep somebody who owns them."""
    lost = [
        f"{one.file}:1: {one.what} would have no owner any more; it had {', '.join(one.last)}"
        for one in change.difference.orphaned
    ]
    assert not lost, "\n".join(lost)


@rule("WB603", severity="warning", on=["change"])
def nothing_opens_unnoticed(change: Any) -> None:
    """What lets more through than before is said aloud: visibility, open projects, publishers, review."""
    wider = [
        f"{s.because.place}: {s.what}: {s.before or 'not said'} -> {s.after or 'not said'}"
        for s in change.difference.widened
    ]
    assert not wider, "\n".join(wider)


@rule("WB604", severity="warning", on=["change"])
def nothing_becomes_public(change: Any) -> None:
    """No project can be read without credentials that could not be before."""
    public = [reach for reach in change.difference.gained if reach.fact.principal == "anyone"]
    places = [
        f"{reach.because[0].place}: anyone could read {reach.fact.pattern} in {reach.fact.registry}" for reach in public
    ]
    assert not places, "\n".join(places)


@rule("WB605", on=["change"])
def little_is_removed_at_once(change: Any) -> None:
    """One change takes away few people and rights; more than that is a mistake, or several changes."""
    assert not change.removals, "\n".join(map(str, change.removals))


@rule("WB606", on=["change"])
def registry_would_take_it(change: Any) -> None:
    """Nothing in the change makes the registry refuse it, whoever approves."""
    problems = change.judgement.problems
    assert not problems, "\n".join(map(str, problems))
