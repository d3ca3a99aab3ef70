"""What is kept is bounded, and never another value than the one asked for."""

from functools import partial

import pytest

from registry.kept import Kept


def test_a_value_is_made_once_while_it_is_kept() -> None:
    made: list[str] = []
    kept: Kept[str, str] = Kept(10)

    def make() -> str:
        made.append("made")
        return f"value {len(made)}"

    assert [kept.get(key, make) for key in ("a", "b", "a")] == ["value 1", "value 2", "value 1"]


def test_what_was_used_longest_ago_goes_first() -> None:
    kept: Kept[int, int] = Kept(2)
    for key in (1, 2, 1, 3):
        kept.get(key, partial(int, key))
    assert kept.get(1, lambda: -1) == 1
    assert kept.get(2, lambda: -2) == -2


def test_weights_bound_the_memory_and_a_giant_evicts_nothing() -> None:
    kept: Kept[str, bytes] = Kept(80, len)
    for key in "abcdefghij":
        kept.get(key, lambda: b"x" * 9)
    kept.get("giant", lambda: b"x" * 79)
    assert kept.get("j", lambda: b"new") == b"x" * 9
    assert kept.get("a", lambda: b"new") == b"new"
    assert kept.get("giant", lambda: b"new") == b"new"


def test_a_failure_is_passed_on_and_not_kept() -> None:
    kept: Kept[str, int] = Kept(2)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)
    assert kept.get("a", lambda: 1) == 1
