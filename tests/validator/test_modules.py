"""Rule files import each other, the same in every runner, and only what the same commit has."""

import subprocess
import sys
from pathlib import Path

import pytest

from registry.cli import main
from registry.errors import Invalid
from tests.running import run_git
from validator.loading import load

RULE = """from acme_helpers import good
from validator import rule


@rule("AC101", on=["change"])
def name_is_good(person):
    'Names are good.'
    assert good(person.id), f"{person.id} is no name"
"""
GOOD = "def good(name):\n    return name != 'xavier'\n"
LAX = "def good(name):\n    return True\n"
TEST = (
    "from acme_helpers import good\nfrom acme_rules import name_is_good\n\n\ndef test_it():\n    assert good('alice')\n"
)
WORDS = "AC101 name_is_good: xavier is no name"


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "policy"
    files = {
        "waybill.yaml": "organization: acme\nadmins: [alice, bob]\n",
        "people.yaml": "alice: {}\nbob: {}\n",
        "rules/acme_rules.py": RULE,
        "rules/acme_helpers.py": GOOD,
        "rules/test_acme.py": TEST,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    monkeypatch.chdir(folder)
    return folder


def test_pytest_and_the_command_run_what_rules_share(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", ".", "-k", "name_is_good"]) == 0
    (policy / "people.yaml").write_text("alice: {}\nbob: {}\nxavier: {}\n")
    assert main(["check", ".", "-k", "name_is_good", "--format", "github"]) == 1
    assert "xavier is no name" in capsys.readouterr().out
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--waybill=.",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "test_it or name_is_good",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert WORDS in done.stdout
    assert "1 failed, 3 passed" in done.stdout, done.stdout


def test_with_a_base_the_shared_file_is_that_of_the_base_too_whatever_lies_on_disk(
    policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    run_git(policy, "init", "-q", "-b", "main")
    run_git(policy, "add", "-A")
    run_git(policy, *who, "commit", "-qm", "begin")
    run_git(policy, "switch", "-qc", "change")
    (policy / "people.yaml").write_text("alice: {}\nbob: {}\nxavier: {}\n")
    (policy / "rules" / "acme_helpers.py").write_text(LAX)
    run_git(policy, *who, "commit", "-qam", "weaken")
    assert main(["check", ".", "--base", "main", "-k", "name_is_good"]) == 1
    assert "xavier is no name" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_file\n", "rules/a_rules.py:1: the rule file cannot be loaded: No module named 'no_such_file'"),
        ("\nfrom .helpers import x\n", "rules/a_rules.py:2: the rule file cannot be loaded: write 'from NAME import"),
        ("import json\n", "'json' is also a module outside rules/; give rules/json.py another name"),
        ("import broken\n", "rules/broken.py:2: the rule file cannot be loaded: division by zero"),
        ("from test_it import x\n", "No module named 'test_it'"),
    ],
)
def test_what_cannot_be_imported_is_said_with_file_and_line(text: str, said: str) -> None:
    files = {"rules/a_rules.py": text, "rules/broken.py": "\n1 / 0\n", "rules/json.py": "", "rules/test_it.py": "x = 1"}
    with pytest.raises(Invalid) as caught:
        load({path: content.encode() for path, content in files.items()})
    assert said in str(caught.value)


def test_two_files_may_import_each_other_and_a_rule_counts_once() -> None:
    one = "from validator import rule\nimport b_rules\n@rule('AC101')\ndef one(file):\n    'X.'\n"
    two = one.replace("b_rules", "a_rules").replace("AC101", "AC102").replace("one(", "two(")
    found = load({"rules/a_rules.py": one.encode(), "rules/b_rules.py": two.encode()})
    assert [rule.code for rule in found] == ["AC101", "AC102"]
    assert "a_rules" not in sys.modules
