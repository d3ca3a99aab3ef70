"""A judgement as people and machines read it: what the change means, what is wrong with it, who has to agree."""

from collections.abc import Sequence
from typing import Any

from registry.meaning import NOTHING, UNTOLD, Section, few, sections
from registry.policy.difference.comparison import Reach
from registry.policy.difference.shifts import Shift
from registry.policy.facts import Office
from registry.policy.files import Problem
from registry.policy.judge import Judgement, Need
from registry.shown import marked, shown

HEADING = "### Waybill review"  # by which a job finds its own comment again
_LONGEST_COMMENT = 30_000  # characters; the smallest of what the forges take is 32,768


def verdict(judged: Judgement) -> str:
    """Say in one line whether the change may be applied."""
    if judged.refused:
        count = len(judged.problems)
        return f"refused: {count} problem{'s' * (count > 1)} to repair"
    if judged.missing:
        return "waits for approval"
    return "may be applied"


def text(judged: Judgement, beyond: Sequence[Problem] = ()) -> str:
    """Render for a terminal; nothing in it can command one.

    Args:
        judged: what the judge says.
        beyond: problems that kept the judge from seeing the change as it is meant; then they are all there is to say.
    """
    lines = [f"Review: {'it cannot be merged as it is' if beyond else verdict(judged)}"]
    for section in [Section("Problems", tuple(map(str, beyond)))] if beyond else _parts(judged):
        lines += ["", section.title, *(f"  - {shown(sentence)}" for sentence in section.sentences)]
    return "\n".join(lines) + "\n"


def markdown(judged: Judgement) -> str:
    """Render for a comment on a pull request; no name can mark up, link or mention anything there."""
    lines = [f"{HEADING}: {verdict(judged)}"]
    left = _LONGEST_COMMENT
    for section in _parts(judged):
        lines += ["", f"**{section.title}**", ""]
        for number, sentence in enumerate(section.sentences):
            line = f"- {marked(sentence)}"
            left -= len(line)
            if left < 0:
                lines.append(f"- and {len(section.sentences) - number} more, which the job's own output lists")
                break
            lines.append(line)
    return "\n".join(lines) + "\n"


def json(judged: Judgement) -> dict[str, Any]:
    """Render for machines: everything, unshortened."""
    meaning = judged.difference
    return {
        "verdict": "refused" if judged.refused else "good" if judged.good else "waiting",
        "author": judged.author,
        "changes_rights": not meaning.empty,
        "gains": [_reach(reach) for reach in meaning.gained],
        "loses": [_reach(reach) for reach in meaning.lost],
        "appointed": [_office(office) for office in meaning.appointed],
        "dismissed": [_office(office) for office in meaning.dismissed],
        "widens": [_shift(shift) for shift in meaning.widened],
        "narrows": [_shift(shift) for shift in meaning.narrowed],
        "changes": [_shift(shift) for shift in meaning.altered],
        "orphaned": [{"what": o.what, "file": o.file, "last": list(o.last)} for o in meaning.orphaned],
        "joined": list(meaning.joined),
        "left": list(meaning.left),
        "gainers": sorted(meaning.gainers),
        "problems": [{"file": p.file, "line": p.line, "text": p.text} for p in judged.problems],
        "warnings": [{"file": p.file, "line": p.line, "text": p.text} for p in judged.warnings],
        "needs": [_need(need) for need in judged.needs],
        "excluded": dict(judged.excluded),
    }


def _parts(judged: Judgement) -> list[Section]:
    """Order what there is to say: problems that end it, meaning, approvals."""
    problems = Section("Problems", tuple(map(str, judged.problems)))
    warnings = Section("Warnings", tuple(map(str, judged.warnings)))
    if judged.unreadable:
        return [problems, Section("Meaning", (UNTOLD,))]
    meaning = sections(judged.difference) or [Section("Meaning", (NOTHING,))]
    if judged.author in judged.difference.gainers:
        meaning.insert(0, Section("Note", (f"the author, {judged.author}, gains by this change",)))
    approvals = Section("Approvals", tuple(map(_agreement, judged.needs)))
    return [part for part in (problems, warnings, *meaning, approvals) if part.sentences]


def _agreement(need: Need) -> str:
    given = f"; given by {few(need.given)}" if need.given and not need.met else ""
    return f"{need}{given}"


def _reach(reach: Reach) -> dict[str, Any]:
    fact = reach.fact
    return {
        "principal": fact.principal,
        "role": str(fact.role),
        "registry": fact.registry,
        "pattern": fact.pattern,
        "projects": list(reach.projects),
        "future_projects": reach.future,
        "until": fact.until.isoformat() if fact.until else None,
        "because": [statement.place for statement in reach.because],
        "through": list(reach.through),
        "otherwise": str(reach.otherwise) if reach.otherwise else None,
    }


def _office(office: Office) -> dict[str, Any]:
    return {"principal": office.principal, "office": office.duty, "of": office.of, "because": office.because.place}


def _shift(shift: Shift) -> dict[str, Any]:
    return {"what": shift.what, "before": shift.before, "after": shift.after, "because": shift.because.place}


def _need(need: Need) -> dict[str, Any]:
    return {
        "what": need.what,
        "owners": list(need.owners),
        "admins": list(need.standing),
        "given": list(need.given),
        "least": need.least,
    }
