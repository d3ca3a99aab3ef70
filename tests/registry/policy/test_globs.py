"""One pattern inside another: yes is certain, and said wherever people would expect it."""

from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.names import project_name
from registry.policy.globs import Names, contains

WORDS = ["".join(letters) for length in range(5) for letters in product("ab-", repeat=length)]
PATTERNS = st.text("ab*?-", min_size=1, max_size=5)


@given(PATTERNS, PATTERNS)
def test_a_pattern_is_only_said_to_hold_another_if_every_name_agrees(wide: str, narrow: str) -> None:
    if contains(wide, narrow):
        assert all(fnmatchcase(word, wide) for word in WORDS if fnmatchcase(word, narrow))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("*", "payments-*"),
        ("payments-*", "payments-api"),
        ("pay*", "payments-*"),
        ("*-api", "payments-*-api"),
        ("?*", "*?"),
        ("a*", "a?b*"),
        ("*a*b*", "xaybz"),
        ("payments-*", "payments-*"),
    ],
)
def test_a_pattern_inside_another_is_found(wide: str, narrow: str) -> None:
    assert contains(wide, narrow)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [("payments-*", "*"), ("payments-api", "payments-*"), ("a?", "a*"), ("payments-?", "payments-*"), ("a*b", "a*")],
)
def test_a_wider_pattern_is_not_inside_a_narrower_one(wide: str, narrow: str) -> None:
    assert not contains(wide, narrow)


def test_a_hostile_pattern_is_compared_at_once() -> None:
    stars = "*a" * 49 + "b"
    assert not contains(stars, "a" * 100)
    assert Names([project_name("a" * 100)]).matching(stars) == ()


def test_the_names_that_are_left_are_those_nothing_else_speaks_of() -> None:
    known = Names(map(project_name, ["payments-web", "payments-api", "orders", "payments-api"]))
    assert known.matching("payments-*") == ("payments-api", "payments-web")
    assert known.left("payments-*", ["*-web", "nothing-*"]) == ("payments-api",)
    assert known.left("new-one", []) == ("new-one",)
