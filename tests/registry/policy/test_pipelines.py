"""Which pipelines may publish that could not: conditions compared, the first publisher that matches counting."""

import pytest

from registry.policy.difference import Difference
from registry.policy.difference.shifts import Shift
from tests.policies import PROJECT, REGISTRY
from tests.registry.policy.test_difference import compared

IDS = 'provider: github, repository: acme/payments, repository_id: "1", owner_id: "2"'


def published(*publishers: str) -> dict[str, str | None]:
    return {PROJECT: "publishers: [" + ", ".join(f"{{{publisher}}}" for publisher in publishers) + "]\n"}


def github(more: str = "", workflow: str = "release.yml") -> str:
    return f"{IDS}, workflow: {workflow}" + (f", {more}" if more else "")


def general(claims: str, scopes: str = "publish") -> str:
    return f"issuer: https://ci.example, scopes: [{scopes}], claims: {{{claims}}}"


def words(shift: Shift) -> tuple[str | None, str | None]:
    return shift.before, shift.after


def only(found: Difference, kind: str) -> Shift:
    sides = {"widened": found.widened, "narrowed": found.narrowed, "altered": found.altered}
    (shift,) = sides.pop(kind)
    assert not any(sides.values())
    return shift


@pytest.mark.parametrize(
    ("tight", "loose", "said"),
    [
        (github("ref: refs/tags/v1"), github("ref: 'refs/tags/*'"), ("ref refs/tags/v1", "ref refs/tags/*")),
        (github("environment: pypi"), github(), ("environment pypi", "any environment")),
        (github("scopes: [publish]"), github("scopes: [publish, write]"), ("scopes publish", "scopes publish, write")),
        (github("claims: {actor: ann}"), github(), ("claim actor ann", "any claim actor")),
        (general("a: x"), general("a: {in: [x, z]}"), ("claim a x", "claim a one of x, z")),
        (general("a: {matches: 'v1.*'}"), general("a: {matches: 'v*'}"), ("claim a like v1.*", "claim a like v*")),
        (general("a: {not_in: [x, z]}"), general("a: {not_equals: x}"), ("claim a none of x, z", "claim a not x")),
        (general("a: x"), general("a: {matches: '*'}"), ("claim a x", "claim a like *")),
    ],
)
def test_looser_conditions_widen_and_tighter_ones_narrow(tight: str, loose: str, said: tuple[str, str]) -> None:
    assert words(only(compared(published(tight), published(loose)), "widened")) == said
    assert words(only(compared(published(loose), published(tight)), "narrowed")) == said[::-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (github("environment: pypi"), github("environment: test")),
        (github(workflow="release.yml"), github(workflow="other.yml")),
        (general("a: x"), general("b: x")),
        (general("a: 1"), general("a: true")),
    ],
)
def test_another_condition_is_neither_wider_nor_narrower(one: str, other: str) -> None:
    only(compared(published(one), published(other)), "altered")


def test_a_new_publisher_widens_and_one_that_goes_narrows() -> None:
    shift = only(compared(published(github()), published(github(), general("a: x"))), "widened")
    assert shift.what == "project payments-api in python: publisher https://ci.example"
    only(compared(published(github(), general("a: x")), published(github())), "narrowed")


def test_a_name_that_is_only_shown_changes_nothing() -> None:
    assert compared(published(github()), published(github().replace("acme/payments", "acme/renamed"))).empty


def test_a_publisher_that_came_first_and_gave_less_is_missed_when_it_goes() -> None:
    both = published(general("a: x", "read"), general("a: {matches: '*'}", "read, publish"))
    found = compared(both, published(general("a: {matches: '*'}", "read, publish")))
    assert found.altered or found.widened


def test_a_registrys_publisher_needs_no_repetition_in_a_project() -> None:
    everywhere = {REGISTRY: f"projects: open\npublishers: [{{{github()}}}]\n"}
    assert compared(everywhere, published(github())).empty
    only(compared(published(github()), {**everywhere, PROJECT: "{}\n"}), "widened")


ANY = "a: {matches: '*'}"


def in_every_project(publisher: str) -> dict[str, str | None]:
    return {REGISTRY: f"projects: open\npublishers: [{{{publisher}}}]\n", PROJECT: "{}\n"}


def test_a_registrys_publisher_that_came_behind_a_projects_own_is_missed_when_that_one_goes() -> None:
    bare = in_every_project(general(ANY, "publish, write"))
    hidden = {**bare, **published(general("a: x"))}
    said = words(only(compared(hidden, bare), "widened"))
    assert said == ("claim a x, scopes publish", "claim a like *, scopes publish, write")
    assert compared(bare, hidden).narrowed


def test_what_comes_to_the_fore_is_never_called_narrower() -> None:
    bare = in_every_project(general(ANY, "write"))
    hidden = {**bare, **published(general("a: x"), general(ANY, "publish, write"))}
    found = compared(hidden, bare)
    assert found.altered or found.widened  # x could only publish, and can yank now
