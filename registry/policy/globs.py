"""Patterns over normalised project names, compared with each other and with names."""

import re
from collections.abc import Iterable
from functools import lru_cache

from registry.names import ProjectName

ALL = "*"
_KEPT = 10_000
_ONE_NAMED = "[^*]"  # in a glob, a question mark stands for anything but a star


def is_pattern(glob: str) -> bool:
    """Tell whether a glob speaks of names that are not written in it."""
    return "*" in glob or "?" in glob


@lru_cache(_KEPT)
def contains(wide: str, narrow: str) -> bool:
    """Tell whether every name that one glob matches is matched by another too.

    Args:
        wide: the glob that would match them all.
        narrow: the glob whose names are in question; its wildcards are read as characters that only those of the other
            can stand for, so the answer yes always holds.
    """
    if wide in {ALL, narrow}:
        return True
    return bool(_matcher(_ordered(wide), _ONE_NAMED).fullmatch(_ordered(narrow)))


@lru_cache(_KEPT)
def _ordered(glob: str) -> str:
    """Write each run of wildcards in one way: `*?` and `?*` mean the same."""
    return re.sub(r"[*?]+", lambda run: "?" * run[0].count("?") + "*" * ("*" in run[0]), glob)


@lru_cache(_KEPT)
def _matcher(glob: str, any_one: str) -> re.Pattern[str]:
    """Match what a glob stands for; each part between stars at its first place, so that no text takes long.

    Args:
        glob: the glob.
        any_one: what a question mark stands for.
    """
    first, *others = ("".join(any_one if c == "?" else re.escape(c) for c in part) for part in glob.split("*"))
    if not others:
        return re.compile(first)
    return re.compile(first + "".join(f"(?>.*?{part})" for part in others[:-1] if part) + ".*" + others[-1])


def width(glob: str) -> tuple[int, int, str]:
    """Give a sort key by which a glob that contains another comes first."""
    return len(glob.replace("*", "")), -glob.count("*"), glob


class Names:
    """The projects known in one registry, and which of them each pattern matches."""

    def __init__(self, names: Iterable[ProjectName]) -> None:
        """Nothing is matched yet.

        Args:
            names: in any order, perhaps repeated.
        """
        self._all = tuple(sorted(set(names)))
        self._matched: dict[str, tuple[ProjectName, ...]] = {}

    def matching(self, glob: str) -> tuple[ProjectName, ...]:
        """List those that a glob matches; a name without wildcards is listed whether or not it is known."""
        if not is_pattern(glob):
            return (ProjectName(glob),)
        if glob not in self._matched:
            fits = _matcher(glob, ".").fullmatch
            self._matched[glob] = tuple(name for name in self._all if fits(name))
        return self._matched[glob]

    def left(self, glob: str, taken: Iterable[str]) -> tuple[ProjectName, ...]:
        """List those that a glob matches and none of some others does."""
        found = self.matching(glob)
        gone = {name for other in taken for name in self.matching(other)}
        return tuple(name for name in found if name not in gone) if gone else found


@lru_cache(_KEPT)
def overlap(one: str, other: str) -> bool:
    """Tell whether some name is matched by both globs."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and overlap(one[1:], other[1:])
