"""`pytest --waybill=PATH`, run as a user runs it: rules are items, and say what `waybill check` says."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.cli import main
from tests.running import CLEAN, run_git
from validator.builders import Builders

ROOT = Path(__file__).parent.parent.parent
BAD = "AC101::release_is_final[payments_api-1.5.0rc1-py3-none-any.whl]"
WORDS = "1.5.0rc1 is a release candidate; publish those to another registry"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120, env=CLEAN)


def outcomes(folder: Path, *arguments: str) -> dict[str, tuple[str, str]]:
    """Run pytest, and give every item with its outcome and what was said of it."""
    run(folder, *arguments, "--junitxml=junit.xml")
    found = {}
    for case in ET.parse(folder / "junit.xml").getroot().iter("testcase"):  # noqa: S314 - pytest's own
        code = str(case.get("classname")).rpartition(".")[2]
        said = "".join(  # pytest shortens the attribute, and has all of it in the text
            f"{node.get('message')}\n{node.text}" for node in case if node.tag in {"failure", "error", "skipped"}
        )
        outcome = case.find(".//property[@name='waybill']")
        found[f"{code}::{case.get('name')}"] = (str(outcome.get("value")) if outcome is not None else "", said)
    return found


def test_the_example_policy_is_good_and_pytest_shows_each_rule_on_each_subject() -> None:
    done = run(ROOT, "--waybill=examples/policy", "-vv")
    assert done.returncode == 0, done.stdout
    assert "examples/policy::WB201::project_has_admins[payments-api in python] PASSED" in done.stdout
    assert "not applicable: there is nothing to compare with; give the base of the change" in done.stdout
    assert "test_engine" not in done.stdout


def test_a_failing_rule_says_its_words_the_place_and_what_the_assert_saw(work: Path) -> None:
    done = run(work, "--waybill=dist", "--waybill-policy=policy")
    assert done.returncode == 1
    assert f"AC101 release_is_final: {WORDS}\n  dist/payments_api-1.5.0rc1-py3-none-any.whl\n" in done.stdout
    assert "assert 'rc' not in '1.5.0rc1'" in done.stdout
    assert f"FAILED dist::{BAD}"[:20] in done.stdout or BAD in done.stdout


@pytest.mark.parametrize(
    ("arguments", "passed", "failed"),
    [
        (["-k", "release_is_final"], 1, 1),
        (["-k", "release_is_final and not rc1"], 1, 0),
        (["-m", "names"], 2, 0),
        (["-m", "wb4 and error", "-k", "not rc1"], 5, 0),
        (["-k", "AC101 or AC102", "-n", "2"], 3, 1),
    ],
)
def test_items_are_chosen_and_spread_as_any_others(work: Path, arguments: list[str], passed: int, failed: int) -> None:
    done = run(work, "--waybill=dist", "--waybill-policy=policy", "-W", "ignore", *arguments)
    found = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed)", done.stdout.splitlines()[-1])}
    assert found == {word: number for word, number in (("passed", passed), ("failed", failed)) if number}


def test_x_stops_at_the_first_failure(work: Path) -> None:
    done = run(work, "--waybill=dist", "--waybill-policy=policy", "-x", "-k", "AC101 or AC102")
    assert "stopping after 1 failures" in done.stdout
    assert re.search(r"1 failed, [12] passed", done.stdout)


def test_a_warning_is_a_warning_and_can_be_made_an_error(work: Path) -> None:
    people = work / "policy" / "people.yaml"
    people.write_text(people.read_text() + "erin: {}\n")
    done = run(work, "--waybill=policy", "-k", "has_an_email")
    assert done.returncode == 0
    assert "RuleWarning: policy/people.yaml:6: AC103 has_an_email: erin has no e-mail address; add one" in done.stdout
    strict = run(work, "--waybill=policy", "-k", "has_an_email", "-W", "error::validator.plugin.RuleWarning")
    assert strict.returncode == 1


def test_what_is_waived_is_expected_to_fail(work: Path) -> None:
    path = work / "policy" / "waybill.yaml"
    waiver = "{rule: AC101, where: ['*rc1*'], owner: alice, reason: try it, until: 2999-01-01}"
    path.write_text(path.read_text() + f"rules: {{waivers: [{waiver}]}}\n")
    done = run(work, "--waybill=dist", "--waybill-policy=policy", "-k", "AC101", "-rx")
    assert re.search(r"1 passed, .*1 xfailed", done.stdout)
    assert "waived until 2999-01-01 by alice: try it" in done.stdout


def test_a_crashing_rule_fails_and_names_its_line(work: Path) -> None:
    rule = "from validator import rule\n\n@rule('AC200')\ndef broken(policy):\n    'X.'\n    policy.nonsense()\n"
    (work / "policy" / "rules" / "more_rules.py").write_text(rule)
    done = run(work, "--waybill=policy", "-k", "broken")
    assert done.returncode == 1
    assert "AC200 broken: the rule crashed at rules/more_rules.py:6: AttributeError" in done.stdout


def test_items_have_the_file_and_line_of_their_subject(work: Path) -> None:
    run(work, "--waybill=policy", "-k", "has_an_email", "--junitxml=junit.xml", "-o", "junit_family=xunit1")
    cases = list(ET.parse(work / "junit.xml").getroot().iter("testcase"))  # noqa: S314 - pytest's own
    assert [(case.get("file"), case.get("line")) for case in cases][:2] == [
        ("policy/people.yaml", "0"),
        ("policy/people.yaml", "1"),
    ]


def test_a_change_is_judged_by_the_rules_of_its_base(work: Path) -> None:
    me = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    policy = work / "policy"
    run_git(policy, "init", "-q", "-b", "main")
    run_git(policy, "add", "-A")
    run_git(policy, *me, "commit", "-q", "-m", "The policy")
    (policy / "rules" / "acme_rules.py").write_text("# nothing is asked any more\n")
    (policy / "registries/python/projects/checkout.yaml").write_text("protected: false\n")
    run_git(policy, "add", "-A")
    run_git(policy, *me, "commit", "-q", "-m", "Weaken the rule that judges this")
    done = run(work, "--waybill=policy", "--waybill-base=main~1", "-k", "name_says_the_team or registry_would_take_it")
    assert "FAILED policy::AC102::name_says_the_team[checkout in python]" in done.stdout
    assert re.search(r"1 failed, 3 passed", done.stdout), done.stdout


def test_wrong_usage_is_said_in_one_line(work: Path) -> None:
    done = run(work, "--waybill=nowhere")
    assert done.returncode == 4
    assert "ERROR: --waybill: nowhere does not exist" in done.stderr + done.stdout


OWN_TESTS = """
from acme_rules import name_says_the_team, release_is_final


def test_a_release_candidate_is_refused(waybill):
    policy = waybill.policy()
    (said,) = waybill.failures(release_is_final, waybill.publish(waybill.wheel(version="1.0rc1"), policy=policy))
    assert said.startswith("1.0rc1 is a release candidate")
    assert not waybill.failures(release_is_final, waybill.publish(waybill.sdist(), policy=policy))


def test_a_name_says_the_team(waybill):
    project = {"registries/python/projects/checkout.yaml": "protected: false\\n"}
    assert waybill.failures(name_says_the_team, waybill.policy(project)) == ["assert False"]


def test_that_fails_shows_what_the_rule_saw(waybill):
    class Project:
        name = "checkout"

    name_says_the_team(Project())
"""


def test_own_rules_and_their_tests_run_in_the_same_session(work: Path) -> None:
    (work / "policy" / "rules" / "test_acme_rules.py").write_text(OWN_TESTS)
    done = run(work / "policy", "--waybill=.", "-k", "acme_rules or name_says")
    assert re.search(
        r"collected (\d+) items / \d+ deselected / \d+ selected.*1 failed, \d+ passed", done.stdout, re.DOTALL
    ), done.stdout
    assert "where False = <built-in method startswith" in done.stdout


def test_a_run_without_the_option_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "import sys\ndef test_one():\n    assert 'registry.policy' not in sys.modules\n"
    )
    assert "1 passed" in run(tmp_path).stdout


NAMES = st.sampled_from(["payments-api", "payments-client", "checkout"])
VERSIONS = st.sampled_from(["1.0", "2.0rc1", "3.0+local", "1.0.dev1"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "requires_python": st.sampled_from([None, ">=3.8"]),
        "license": st.sampled_from(["MIT", None]),
        "summary": st.sampled_from(["One", "%s %d {x}", "é" * 300]),
        "requires_dist": st.sampled_from(["a @ https://example.org/a.whl", "b>=1"]),
        "readme": st.sampled_from(["", "# R\n"]),
    },
)
GRANTS = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["read", "publish", "admin"]),
            "to": st.lists(st.sampled_from(["bob", "dora", "everyone", "team:payments"]), min_size=1, max_size=2),
        },
        optional={"projects": st.just(["payments-*"]), "until": st.sampled_from(["2020-01-01", "2999-01-01"])},
    ),
    max_size=3,
)
SAYS_MUCH = '''
from validator import rule, skip


@rule("AC300", on=["publish", "change"])
def says_what_it_saw(project):
    """Nothing is said beside."""
    assert (project.name, "a long tuple to be shortened by some", "and not by others") == ()


@rule("AC301", on=["publish"])
def crashes_for_some(file):
    """Some crash, some skip."""
    if "rc" in file.version:
        skip("a candidate")
    {"1.0": 1}[file.version]
'''


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.tuples(NAMES, VERSIONS, FIELDS, st.booleans()), min_size=1, max_size=6), grants=GRANTS)
def test_the_same_rules_give_the_same_verdicts_under_pytest_and_the_plain_engine(
    files: list[tuple[str, str, dict[str, str | None], bool]],
    grants: list[dict[str, object]],
    work: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in (work / "dist").iterdir():
        path.unlink()
    make = Builders(work / "dist")
    for name, version, fields, wheel in files:
        (make.wheel if wheel else make.sdist)(name, version, **fields)  # type: ignore[arg-type]  # as drawn above
    registry = f"projects: declared\nowners: ['team:platform']\ngrants: {json.dumps(grants)}\n"
    (work / "policy" / "registries" / "python" / "registry.yaml").write_text(registry)
    (work / "policy" / "rules" / "more_rules.py").write_text(SAYS_MUCH)
    capsys.readouterr()
    main(["check", "policy", "dist", "--policy", "policy", "--json"])
    said = json.loads(capsys.readouterr().out)
    names = {rule["code"]: rule["name"] for rule in said["rules"]}
    plain = {f"{c['rule']}::{names[c['rule']]}[{c['subject']}]": c for c in said["checks"]}
    found = outcomes(work, "--waybill=policy", "--waybill=dist", "--waybill-policy=policy")
    assert {item: outcome for item, (outcome, _) in found.items()} == {i: c["outcome"] for i, c in plain.items()}
    for item, (outcome, words) in found.items():
        if outcome in {"failed", "crashed"} and words:  # those of severity warning are warnings of pytest
            assert str(plain[item]["reason"]) in words
