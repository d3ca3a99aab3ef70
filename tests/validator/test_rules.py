"""Every rule that ships fails on its bad example and only there."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry.policy.ruling import Ruling
from tests.validator.examples import EXAMPLES, SETTINGS
from validator.builders import NOW, Builders
from validator.engine import Plan, run
from validator.history import UNREAD
from validator.loading import shipped
from validator.rule import Rule, Severity, Situation
from validator.selection import Selection
from validator.subject import Material
from validator.verdict import Outcome

RULES: Mapping[str, Rule] = {rule.code: rule for rule in shipped()}


def outcomes(material: Material, code: str) -> dict[str, set[Outcome]]:
    """Ask every rule that ships."""
    ruling = Ruling(settings={code: SETTINGS[code]} if code in SETTINGS else {})
    found: dict[str, set[Outcome]] = {}
    for verdict in run(Plan.of(RULES.values(), ruling, Selection(), NOW.date()), material):
        found.setdefault(verdict.rule.code, set()).add(verdict.outcome)
    return found


def test_every_rule_has_an_example() -> None:
    assert set(EXAMPLES) == set(RULES)


@pytest.mark.parametrize("code", RULES)
def test_a_rule_fails_on_its_bad_example_and_only_there(code: str, waybill: Builders) -> None:
    example = EXAMPLES[code]
    bad = outcomes(example.bad(waybill), code)
    assert Outcome.FAILED in bad[code]
    failing = {other for other, found in bad.items() if found & {Outcome.FAILED, Outcome.CRASHED}}
    assert failing == {code, *example.also}


@pytest.mark.parametrize("code", RULES)
def test_the_good_example_of_a_rule_is_good_by_every_rule(code: str, waybill: Builders) -> None:
    good = outcomes(EXAMPLES[code].good(waybill), code)
    assert Outcome.PASSED in good[code]
    assert {other for other, found in good.items() if found & {Outcome.FAILED, Outcome.CRASHED}} == set()


def test_without_git_the_rules_of_history_are_not_applicable_and_say_what_to_install(
    waybill: Builders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("validator.history.find_spec", lambda _name: None)
    monkeypatch.setitem(sys.modules, "git", None)
    material = EXAMPLES["WB506"].bad(waybill)
    found = [v for v in run(Plan(tuple(RULES.values())), material) if v.rule.code in {"WB506", "WB510"}]
    assert [(v.outcome, v.text) for v in found] == [(Outcome.ABSENT, UNREAD)] * 2


def test_a_rule_says_in_one_sentence_what_holds_and_its_name_reads_like_it() -> None:
    for rule in RULES.values():
        assert rule.title.endswith("."), rule.code
        assert len(rule.title) <= 160, rule.code
        assert rule.code.startswith("WB"), rule.code
        assert "_" in rule.name, rule.code
        assert Path(rule.file).name.startswith(rule.family.lower()), rule.code


def test_severities_and_situations_are_said() -> None:
    assert {rule.severity for rule in RULES.values()} == set(Severity)
    assert {situation for rule in RULES.values() for situation in rule.on} == set(Situation)
