"""The command, in this process."""

import pytest

from registry.cli import main
from tests.registry.pipelines.emitting import Command


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command, and give exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
