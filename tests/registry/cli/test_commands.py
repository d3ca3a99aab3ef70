"""The command itself: which commands there are, and that none waits for what only others need."""

import argparse
import subprocess
import sys
from importlib import import_module

import pytest

from registry.cli import GROUPS, main
from tests.running import CLEAN, waybill

HEAVY = ("cryptography", "dulwich", "flask", "gunicorn", "registry.policy.judge", "validator", "yaml")


def added_by(group: str) -> set[str]:
    commands = argparse.ArgumentParser().add_subparsers()
    import_module(f"registry.cli.{group}").add_to(commands)
    return set(commands.choices)


@pytest.mark.parametrize("group", sorted(set(GROUPS.values())))
def test_each_module_adds_exactly_the_commands_that_are_looked_for_in_it(group: str) -> None:
    assert added_by(group) == {command for command, module in GROUPS.items() if module == group}


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    lines = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    assert [word for word in lines if word in GROUPS] == [c for c in GROUPS if c != "hook"]  # only git calls it


def test_what_is_no_command_is_wrong_usage_that_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["publish-it"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "publish-it" in said
    assert all(command in said for command in GROUPS)


def loaded_by(*arguments: str) -> set[str]:
    program = (
        "import sys\nfrom registry.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('loaded', *sys.modules)"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=CLEAN, check=True, timeout=60)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("loaded ")]
    return set(line.split()[1:])


def test_a_command_loads_only_what_it_needs() -> None:
    assert loaded_by("--version").isdisjoint(HEAVY)
    yank = loaded_by("yank", "--help")
    assert "dulwich" in yank  # else this test looks at nothing
    assert yank.isdisjoint(
        {"cryptography", "flask", "gunicorn", "registry.archive", "registry.policy.judge", "validator"}
    )


def test_the_version_is_said_without_a_word_of_commands() -> None:
    assert waybill("--version").stdout.startswith("waybill ")
