"""The rule that the documentation shows works as it says: on the server, in a pull request's job, in a pipeline."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from registry.cli import main
from registry.cli.rules import Rules
from tests.registry.web.site import new_site
from tests.running import CLEAN
from validator.builders import POLICY, Builders
from validator.rule import Situation

DOCS = (Path(__file__).parent.parent.parent / "validator" / "README.md").read_text()
BLOCKS = {
    block.splitlines()[0].removeprefix("# "): block for block in re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
}
PROJECT = "protected: true\npublishers: [{issuer: 'https://ci.example', claims: {sub: x}}]\n"
WORDS = "AC101 release_is_final: 1.0rc1 is a candidate; publish it to the registry for those"


def written(folder: Path) -> Path:
    """Write the policy of the documentation."""
    files = {**POLICY, **BLOCKS, "registries/python/projects/demo.yaml": PROJECT}
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_its_test_passes_and_the_policy_is_good(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--waybill=."]
    folder = written(tmp_path)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120, env=CLEAN)
    assert done.returncode == 0, done.stdout
    assert "rules/test_acme_rules.py ." in done.stdout


def test_it_refuses_a_file_in_a_pipeline_and_in_a_job_with_the_same_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = written(tmp_path / "policy")
    path = Builders(tmp_path).wheel(version="1.0rc1")
    assert main(["check", str(path), "--policy", str(policy)]) == 1
    assert WORDS.partition(": ")[2] in capsys.readouterr().out
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        f"--waybill={path}",
        f"--waybill-policy={policy}",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120, env=CLEAN)
    assert WORDS in done.stdout


def test_it_refuses_an_upload_on_the_server_with_the_same_words(tmp_path: Path) -> None:
    site = new_site(tmp_path / "data")
    site.installation.checker = Rules(sys.executable)
    files = {path: text.encode() for path, text in BLOCKS.items()}
    rule = files["rules/acme_rules.py"].replace(b"if not project.protected:", b"if project.protected:")
    waybill = b"organization: acme\nadmins: [alice]\nrules: {upload: [AC101]}\n"
    site._append("main", {**files, "rules/acme_rules.py": rule, "waybill.yaml": waybill})  # noqa: SLF001
    path = Builders(tmp_path).wheel(
        version="1.0rc1"
    )  # to a project that takes API tokens: there is no other way in yet
    answer = site.publish((path.name, path.read_bytes()))
    assert (answer.status_code, answer.text.strip()) == (400, WORDS)


def test_every_fixture_is_named_with_its_situation(tmp_path: Path) -> None:
    make = Builders(tmp_path)
    materials = [make.publish(make.wheel(), policy=make.policy()), make.of(make.policy())]
    rows = {row.split("`")[1]: set(re.findall(r"`(\w+)`", row)) for row in DOCS.splitlines() if row.startswith("| `")}
    for material in materials:
        assert material.offers - {"rights"} <= rows[material.situation.value]
    assert set(rows) == {situation.value for situation in Situation}
