"""What the ledger holds is shown to a person as text, and only as text, whoever wrote it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.running import CLEAN, WAYBILL, run_git, waybill

EVIL = "\x1b[2J\x9b\u202eyes"
HARMLESS = r"\x1b[2J\x9b\u202eyes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation where somebody on the host wrote into the ledger with git."""
    waybill("init", str(tmp_path / "data"), "--admin", "alice")
    git, clone = tmp_path / "data" / "waybill.git", tmp_path / "clone"
    run_git(tmp_path, "clone", "-q", "-b", "ledger", str(git), str(clone))
    [token] = (clone / "tokens").iterdir()
    record = json.loads(token.read_text())
    token.write_text(json.dumps({**record, "note": f"für {EVIL}"}))
    message = f"publish: {EVIL}\n\nWaybill-Event: publish\nPrincipal: {EVIL}\nPipeline: {EVIL}\n"
    who = ("-c", f"user.name={EVIL}", "-c", "user.email=x@acme.example")
    run_git(clone, *who, "commit", "-q", "-a", "--cleanup=verbatim", "-m", message)
    run_git(git, "fetch", "-q", str(clone), "ledger:ledger")
    return tmp_path / "data"


@pytest.mark.parametrize("arguments", [("log",), ("token", "list")])
def test_the_ledger_cannot_control_the_terminal(folder: Path, arguments: tuple[str, ...]) -> None:
    said = waybill(*arguments, "--data", str(folder))
    assert HARMLESS in said.stdout
    assert all(line.isprintable() for line in said.stdout.split("\n"))


def test_text_that_prints_is_shown_as_it_is(folder: Path) -> None:
    assert f"für {HARMLESS}" in waybill("token", "list", "--data", str(folder)).stdout


def test_a_terminal_without_unicode_is_no_error(folder: Path) -> None:
    said = subprocess.run(
        [*WAYBILL, "token", "list", "--data", str(folder)],
        capture_output=True, text=True, check=True, timeout=60, env={**CLEAN, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert rf"f\xfcr {HARMLESS}" in said.stdout


def test_a_refusal_cannot_control_the_terminal(tmp_path: Path) -> None:
    for arguments in (("log", "--data", str(tmp_path / EVIL)), ("init", os.fspath(Path("/dev/null") / EVIL))):
        said = waybill(*arguments, check=False)
        assert said.returncode == 1
        assert HARMLESS in said.stderr
        assert said.stderr.rstrip("\n").isprintable()
