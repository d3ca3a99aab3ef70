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
    old, new = [*before, *behind[0]], [*after, *behind[1]]
    fresh = [one for one in (*after, *_kept(behind[1], behind[0])) if not _covered(one, old)]
    gone = [one for one in (*before, *_kept(*behind)) if not _covered(one, new)]
    for publisher in fresh:
        same = _nearest(publisher, before)
        if same in gone:
            gone.remove(same)
        yield _shift(what, same, publisher, Direction.WIDER)
    for publisher in gone:
        yield _shift(what, publisher, _nearest(publisher, after), Direction.NARROWER)


def _kept(publishers: Publishers, other: Publishers) -> list[Publisher]:
    """List those that stand on both sides: what comes first there may have hidden them, or hide them now."""
    return [one for one in publishers if any(_demand(one) == _demand(same) for same in other)]


def _demand(publisher: Publisher) -> tuple[object, ...]:
    return identity(publisher), words(publisher)


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


def _shift(what: str, old: Publisher | None, new: Publisher | None, way: Direction) -> Shift:
    """Say what became of a publisher; whatever it was edited from, the other way than its tokens go is not claimed."""
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
    direction = _direction(old, new)
    return Shift(direction if direction is way else Direction.OTHER, about, before, after, new.statement)


def _said(conditions: dict[str, str], key: str) -> str:
    return f"{key} {conditions[key]}" if key in conditions else f"any {key}"


def _direction(old: Publisher, new: Publisher) -> Direction:
    wider = asks_as_much(old, new) and set(old.scopes) <= set(new.scopes)
    narrower = asks_as_much(new, old) and set(new.scopes) <= set(old.scopes)
    if wider == narrower:  # another condition than before; or the same, only in another order
        return Direction.OTHER
    return Direction.WIDER if wider else Direction.NARROWER
