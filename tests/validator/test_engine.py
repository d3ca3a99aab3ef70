"""The plain engine: five ends, selection, settings, waivers; what a rule does hurts no other."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from registry.errors import Invalid
from registry.policy.ruling import Ruling, Waiver
from validator.engine import Plan, run
from validator.loading import load, together
from validator.rule import Rule, Situation
from validator.selection import Selection
from validator.subject import Absent, Fixtures, Material, Subject
from validator.verdict import Outcome, Verdict, counts

ROOT = Path(__file__).parent.parent.parent
HEAD = "from validator import rule, skip\n"
TODAY = date(2026, 6, 1)


def rules(text: str) -> list[Rule]:
    return load({"rules/own_rules.py": (HEAD + dedent(text)).encode()})


def parcels(*weights: Any, common: Mapping[str, Any] | None = None) -> Material:
    """Make a material of parcels, each with a weight."""

    def missing() -> object:
        raise Absent("nobody has signed for it yet")

    shared = Fixtures(common or {}, {"signature": missing})
    subjects = [
        Subject("parcel", f"parcel {n}", Fixtures({"parcel": weight}, {}, shared), "parcels.txt", n)
        for n, weight in enumerate(weights, 1)
    ]
    offers = frozenset({"parcel", "signature", *(common or ())})
    return Material(Situation.CHANGE, {"parcel": "parcel"}, subjects, shared, offers, "parcels")


def verdicts(text: str, material: Material, ruling: Ruling | None = None, **chosen: Any) -> list[Verdict]:
    plan = Plan.of(rules(text), ruling or Ruling(), Selection(**chosen), TODAY)
    return list(run(plan, material))


LIGHT = """
@rule("AC101")
def parcel_is_light(parcel, most=10):
    '''A parcel weighs what one person can carry.'''
    assert parcel <= most, f"weighs {parcel} kg; make two of it"
"""


def test_a_rule_is_asked_once_for_each_subject_and_says_where_it_fails() -> None:
    good, bad = verdicts(LIGHT, parcels(3, 12))
    assert good.outcome is Outcome.PASSED
    assert (bad.outcome, bad.place, bad.text) == (Outcome.FAILED, "parcels.txt:2", "weighs 12 kg; make two of it")
    assert bad.values[0] == "assert 12 <= 10"
    assert bad.refuses
    assert bad.words == "AC101 parcel_is_light: weighs 12 kg; make two of it"


@pytest.mark.parametrize("error", ["1 / 0", "raise SystemExit(0)", "raise KeyError('x')", "open('/no/such')"])
def test_a_rule_that_crashes_counts_as_an_error_and_the_others_are_asked_all_the_same(error: str) -> None:
    crashing = f"""
        @rule("AC100", severity="warning")
        def crashes(parcel):
            '''This one is broken.'''
            {error}
        """
    crashed, passed = verdicts(dedent(crashing) + LIGHT, parcels(3))
    assert (crashed.outcome, passed.outcome) == (Outcome.CRASHED, Outcome.PASSED)
    assert crashed.refuses
    assert "the rule crashed at rules/own_rules.py:6: " in crashed.text


def test_a_rule_that_asks_for_what_is_not_there_is_not_applicable_and_never_passed() -> None:
    asking = """
        @rule("AC102")
        def has_a_ship(parcel, ship):
            '''Parcels go by ship.'''
        @rule("AC103")
        def is_signed(signature):
            '''Somebody signed.'''
        @rule("AC104", on=["ledger"])
        def elsewhere(parcel):
            '''Only of the ledger.'''
        """
    found = verdicts(asking, parcels(1, 2))
    assert {(v.rule.code, v.outcome, v.text) for v in found} == {
        ("AC102", Outcome.ABSENT, "there is no 'ship' here"),
        ("AC103", Outcome.ABSENT, "nobody has signed for it yet"),
    }
    assert counts(found) == {"not applicable": 2}


def test_a_rule_without_a_single_subject_is_not_applicable() -> None:
    (found,) = verdicts(LIGHT, parcels())
    assert found.outcome is Outcome.ABSENT


def test_a_rule_may_say_that_it_does_not_concern_a_subject() -> None:
    skipping = """
        @rule("AC105")
        def heavy_ones_have_a_handle(parcel):
            '''Who lifts needs a handle.'''
            if parcel < 5:
                skip("light")
            assert False
        """
    light, heavy = verdicts(skipping, parcels(1, 9))
    assert (light.outcome, light.text) == (Outcome.SKIPPED, "light")
    assert heavy.outcome is Outcome.FAILED


def test_a_message_that_begins_with_file_and_line_moves_the_report_there() -> None:
    moved = """
        @rule("AC106")
        def moved(parcel):
            '''It is somewhere else.'''
            assert not parcel, "other.txt:7: here it is wrong"
        """
    (found,) = verdicts(moved, parcels(1))
    assert (found.place, found.text) == ("other.txt:7", "here it is wrong")


def test_settings_come_from_the_policy_and_must_be_known() -> None:
    assert verdicts(LIGHT, parcels(12), Ruling(settings={"AC101": {"most": 20}}))[0].outcome is Outcome.PASSED
    for values, said in (
        ({"AC101": {"mots": 1}}, "no setting 'mots'"),
        ({"AC101": {"most": "1"}}, "write a value like 10"),
        ({"AC999": {"most": 1}}, "there is no rule 'AC999'"),
    ):
        with pytest.raises(Invalid, match=said):
            verdicts(LIGHT, parcels(1), Ruling(settings=values))


@pytest.mark.parametrize(
    ("rule", "where", "until", "waived"),
    [
        ("AC1", "parcels.txt", date(2026, 6, 1), True),
        ("parcel_is_light", "parcel ?", date(2027, 1, 1), True),
        ("AC101", "parcel 1", date(2026, 5, 31), False),
        ("AC101", "parcel 2", date(2027, 1, 1), False),
        ("AC102", "*", date(2027, 1, 1), False),
    ],
)
def test_a_waiver_lets_a_failure_be_until_its_last_day(rule: str, where: str, until: date, waived: bool) -> None:
    waiver = Waiver(rule, (where,), "alice", "the crane is broken", until, "waybill.yaml:9")
    (found,) = verdicts(LIGHT, parcels(12), Ruling(waivers=(waiver,)))
    assert found.outcome is Outcome.FAILED
    assert (found.waiver is waiver, found.refuses) == (waived, not waived)


def test_no_waiver_covers_a_crash() -> None:
    waiver = Waiver("AC1", ("*",), "alice", "why not", date(2027, 1, 1), "waybill.yaml:9")
    (found,) = verdicts(LIGHT, parcels("heavy"), Ruling(waivers=(waiver,)))
    assert found.refuses


EVEN = """
@rule("AC201", severity="warning", marks=["fuss"])
def is_even(parcel):
    "Even."
    assert parcel % 2 == 0
"""
TWO = LIGHT + EVEN


@pytest.mark.parametrize(
    ("chosen", "codes"),
    [
        ({}, "AC101 AC201"),
        ({"select": ("AC1",)}, "AC101"),
        ({"select": ("is_even",)}, "AC201"),
        ({"ignore": ("AC",)}, ""),
        ({"select": ("AC201",), "ignore": ("AC",)}, "AC201"),
        ({"select": ("AC",), "ignore": ("AC201",)}, "AC101"),
        ({"keyword": "light or EVEN"}, "AC101 AC201"),
        ({"keyword": "not light"}, "AC201"),
        ({"marks": "fuss"}, "AC201"),
        ({"marks": "error and change"}, "AC101"),
    ],
)
def test_rules_are_chosen_as_in_pytest_and_in_linters(chosen: dict[str, Any], codes: str) -> None:
    assert [v.rule.code for v in verdicts(TWO, parcels(2), **chosen)] == codes.split()


def test_a_choice_that_means_no_rule_is_refused_with_a_guess() -> None:
    with pytest.raises(Invalid, match="did you mean 'is_even'"):
        verdicts(TWO, parcels(2), select=("is_evne",))
    with pytest.raises(Invalid, match="not words joined by"):
        verdicts(TWO, parcels(2), keyword="__import__('os').system('true')")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:", "rules/own_rules.py:2: the rule file cannot be loaded"),
        ("1 / 0", "rules/own_rules.py:2: the rule file cannot be loaded: division by zero"),
        ("@rule('ac1')\ndef f(x): 'D.'", "is not a rule's code"),
        ("@rule('AC101')\ndef f(x): pass", "has no docstring"),
        ("@rule('AC101')\ndef f(*x): 'D.'", "name each fixture"),
        ("@rule('AC101', severity='fatal')\ndef f(x): 'D.'", "'fatal' is not a valid Severity"),
    ],
)
def test_a_rule_file_that_is_none_is_refused_with_file_and_line(text: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        load({"rules/own_rules.py": (HEAD + text).encode()})
    assert said in str(caught.value)


def test_two_rules_of_one_code_are_refused() -> None:
    with pytest.raises(Invalid, match=r"'AC101' is taken by the rule at rules/own_rules.py:3"):
        together(rules(LIGHT), rules(LIGHT))


LONG = repr("two-" * 99)
SAID = [
    ("a == b", "assert 1 == 'two'"),
    ("a < 2 < a", "assert 2 < 1"),
    ("not a", "assert not 1"),
    ("a == 2 or b in ()", "assert (1 == 2 or 'two' in ())"),
    ("a and nothing and b", "assert (1 and None)"),
    ("b.startswith('x')", "assert False"),
    ("[x for x in c if x > 2]", "assert []"),
    ("len(c) == 3", "assert 2 == 3"),
    ("nothing", "assert None"),
    ("c == {'k': list(range(9))}", "assert [1, 2] == {'k': [0, 1, 2, 3, 4, 5, ...]}"),
    ("b * 200 == ''", "assert ('two' * 200) == ''"),
    ("a + 2 * a > 10 - a", "assert (1 + (2 * 1)) > (10 - 1)"),
    ("long == ''", f"assert {LONG[:118]}...{LONG[-119:]} == ''"),
    ("all(x > 1 for x in c), 'not all'", "not all"),
]


@pytest.mark.parametrize("pytest_there", [True, False])
@pytest.mark.parametrize(("test", "said"), SAID)
def test_an_assert_says_what_it_saw_the_same_with_and_without_pytest(
    test: str, said: str, pytest_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"""
        @rule("AC107")
        def says(parcel, with_pytest={pytest_there}):
            '''It says what it saw.'''
            a, b, c, nothing, long = 1, "two", [1, 2], None, "two-" * 99
            assert {test}
        """
    if not pytest_there:
        monkeypatch.setitem(sys.modules, "_pytest.assertion.rewrite", None)
    else:
        monkeypatch.setattr("_pytest.assertion.util._reprcompare", None)
    (found,) = verdicts(text, parcels(1))
    assert found.outcome is Outcome.FAILED
    assert found.text == said


@pytest.mark.parametrize("flag", ["-O", "-OO", "-B"])
@pytest.mark.parametrize("without", ["", "sys.modules['_pytest.assertion.rewrite'] = None;"])
def test_python_minus_o_changes_nothing(flag: str, without: str, tmp_path: Path) -> None:
    (tmp_path / "own_rules.py").write_text(HEAD + LIGHT)
    code = f"""import sys; {without}
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from validator.loading import from_folder
(rule,) = from_folder(Path({str(tmp_path)!r}))
try:
    rule.function(parcel=12)
except AssertionError as error:
    print(str(error).splitlines()[0])
"""
    done = subprocess.run([sys.executable, flag, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "weighs 12 kg; make two of it\n", done.stderr
