"""Folders to check: a policy and distributions, with what is wrong with them."""

import shutil
from pathlib import Path

import pytest

from validator.builders import Builders

ROOT = Path(__file__).parent.parent.parent
OWN_RULES = '''
from validator import rule, skip


@rule("AC101", on=["publish"])
def release_is_final(file, project):
    """Releases of declared projects are final ones."""
    assert "rc" not in file.version, f"{file.version} is a release candidate; publish those to another registry"


@rule("AC102", on=["publish", "change"], marks=["names"])
def name_says_the_team(project):
    """A project's name begins with the team's."""
    assert project.name.startswith("payments-")


@rule("AC103", severity="warning", on=["change"])
def has_an_email(person, policy):
    """Everybody can be written to."""
    account = policy.accounts()[person.id]
    if account.service:
        skip("a machine")
    assert account.email, f"{person.id} has no e-mail address; add one"
'''


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `policy` (the example, with own rules), and `dist` (a good wheel and a bad one)."""
    shutil.copytree(ROOT / "examples" / "policy", tmp_path / "policy")
    (tmp_path / "policy" / "rules").mkdir(exist_ok=True)
    (tmp_path / "policy" / "rules" / "acme_rules.py").write_text(OWN_RULES)
    (tmp_path / "dist").mkdir()
    make = Builders(tmp_path / "dist")
    make.wheel("payments-api", "1.4.0")
    make.wheel("payments-api", "1.5.0rc1")
    monkeypatch.chdir(tmp_path)
    return tmp_path
