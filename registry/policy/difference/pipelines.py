"""Trusted publishers compared: which pipelines may publish that could not, and which conditions are looser."""

from collections.abc import Iterator, Sequence

from registry.policy.difference.conditions import apart, asks_as_much, identity, title, words
from registry.policy.difference.shifts import Direction, Shift
from registry.policy.files import Publisher

Publishers = Sequence[Publisher]


def pipelines(
    what: str, before: Publishers, after: Publishers, behind: tuple[Publishers, Publishers] = ((), ())
) -> Iterator[Shift]:
    """Compare the publishers of one registry or project.

    Args:
        what: whose, as a person would call it.
        before: in their order, of which the first that matches counts.
        after: the same.
        behind: those that count after these, before and after: a registry's behind a project's.
    """
    fresh = [one for one in after if not _covered(one, [*before, *behind[0]])]
    gone = [one for one in before if not _covered(one, [*after, *behind[1]])]
    for publisher in fresh:
        same = _nearest(publisher, before)
        if same in gone:
            gone.remove(same)
        yield _shift(what, same, publisher)
    for publisher in gone:
        yield _shift(what, publisher, _nearest(publisher, after))


def _covered(publisher: Publisher, by: Publishers) -> bool:
    """Tell whether every token of a publisher already gets at least as much; one that comes first may give less."""
    scopes = set(publisher.scopes)
    for other in by:
        enough = scopes <= set(other.scopes)
        if enough and asks_as_much(publisher, other):
            return True
        if not enough and not apart(publisher, other):
            return False
    return False


def _nearest(publisher: Publisher, among: Publishers) -> Publisher | None:
    """Find the one it was edited from: that of the same identity which says most of the same."""
    said = set(words(publisher).items())
    same = [other for other in among if identity(other) == identity(publisher)]
    return max(same, key=lambda other: len(said & set(words(other).items())), default=None)


def _shift(what: str, old: Publisher | None, new: Publisher | None) -> Shift:
    found = new or old
    if found is None:
        raise ValueError("one of the two is there")
    about = f"{what}: publisher {title(found)}"
    if old is None or new is None:
        said = ", ".join(f"{key} {value}" for key, value in words(found).items())
        direction = Direction.WIDER if new else Direction.NARROWER
        return Shift(direction, about, said if old else None, said if new else None, found.statement)
    was, now = words(old), words(new)
    changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    before, after = (", ".join(_said(side, key) for key in changed) or "as listed" for side in (was, now))
    return Shift(_direction(old, new), about, before, after, new.statement)


def _said(conditions: dict[str, str], key: str) -> str:
    return f"{key} {conditions[key]}" if key in conditions else f"any {key}"


def _direction(old: Publisher, new: Publisher) -> Direction:
    wider = asks_as_much(old, new) and set(old.scopes) <= set(new.scopes)
    narrower = asks_as_much(new, old) and set(new.scopes) <= set(old.scopes)
    if wider == narrower:  # another condition than before; or the same, only in another order
        return Direction.OTHER
    return Direction.WIDER if wider else Direction.NARROWER
