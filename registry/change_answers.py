"""A change -> plain JSON values: one shape for the API and for `--json` of the commands."""

from typing import Any, TypedDict

from registry import review
from registry.changes.merging import Outcome
from registry.changes.record import Approved
from registry.changes.standing import Change, waits_for
from registry.records import timestamp
from registry.store import Store
from registry.textdiff import diffs

ChangeAnswer = TypedDict(
    "ChangeAnswer",
    {
        "name": str,
        "state": str,
        "author": str | None,
        "subject": str,
        "pushed": str | None,
        "head": str,
        "base": str,
        "tree": str,
        "merged": str | None,
        "waits-for": str,
        "files": list[str],
    },
)
_Shown = TypedDict("_Shown", {"broken-glass": dict[str, str] | None})


class ChangeShown(ChangeAnswer, _Shown):
    """All of a change: what it means, what is wrong with it, who must agree, and its text."""

    review: dict[str, Any]
    text: str
    problems: list[str]
    warnings: list[str]
    approvals: list[dict[str, Any]]
    pushes: list[dict[str, str]]
    diff: list[dict[str, Any]]


OutcomeAnswer = TypedDict("OutcomeAnswer", {"name": str, "state": str, "merged": str | None, "waits-for": str})


def state(change: Change) -> str:
    """Say in a word or two how a change stands."""
    if change.merged:
        return "awaits approval"  # the operator broke the glass for it
    if change.problems:
        return "refused"
    return "ready" if change.good else "waiting"


def change_json(change: Change) -> ChangeAnswer:
    """Show a change in a list of them."""
    pushes = change.record.pushes
    return {
        "name": change.name,
        "state": state(change),
        "author": change.author,
        "subject": change.subject,
        "pushed": timestamp(pushes[-1].at) if pushes else None,
        "head": change.head,
        "base": change.base,
        "tree": change.tree,
        "merged": change.merged,
        "waits-for": waits_for(change),
        "files": sorted({*change.files, *change.overlap}),
    }


def change_shown(change: Change, store: Store) -> ChangeShown:
    """Show all of a change: what it means, what is wrong with it, who must agree, and its text.

    Args:
        change: which.
        store: where the files are that it changes.
    """
    glass = change.record.broken_glass
    return {
        **change_json(change),
        "review": review.json(change.judgement),
        "text": review.text(change.judgement, change.beyond),
        "problems": [str(problem) for problem in change.problems],
        "warnings": [str(warning) for warning in change.judgement.warnings],
        "approvals": [
            {"by": given.by, "at": timestamp(given.at), "base": given.base, "tree": given.tree}
            | {"counts": counts(change, given)}
            for given in change.record.approvals
        ],
        "pushes": [{"by": p.by, "at": timestamp(p.at), "commit": p.commit} for p in change.record.pushes],
        "broken-glass": {"reason": glass.reason, "at": timestamp(glass.at), "commit": glass.commit} if glass else None,
        "diff": [
            {"path": file.path, "verb": file.verb, "lines": list(file.lines), "note": file.note}
            for file in diffs(change, store.at(change.base))
        ],
    }


def outcome_json(outcome: Outcome) -> OutcomeAnswer:
    """Show what became of a change."""
    found = outcome.change
    done = bool(outcome.merged) and (found.good or not found.merged)
    now = "accepted" if found.merged else "merged"
    return {
        "name": found.name,
        "state": now if done else state(found),
        "merged": outcome.merged,
        "waits-for": "" if done else waits_for(found),
    }


def counts(change: Change, given: Approved) -> bool:
    """Tell whether an approval is for what the change is now, by somebody whose word counts."""
    named = any(given.by in need.given for need in change.judgement.needs)
    return named and (given.base, given.tree) == (change.base, change.tree)
