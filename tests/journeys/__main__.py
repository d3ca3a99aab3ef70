"""The client table: what each client can do here, as the tests in this folder find it.

    python -m tests.journeys            runs them, about three minutes, and prints the table as Markdown
    python -m tests.journeys --count    prints only how many tests stand for each cell

The exit code is 1 if a test failed, or if nothing tried a cell.
"""

import re
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.journeys import tools

CELLS = ("publish", "install", "auth")
CLIENTS = {
    "pip": "pip",
    "uv pip": "uv",
    "uv project": "uv",
    "uv publish": "uv",
    "twine": "twine",
    "Poetry": "poetry",
    "PDM": "pdm",
    "pipenv": "pipenv",
    "Hatch": "hatch",
    "Flit": "flit",
    "curl": "curl",
    "gh-action": "",
    "keyring": "keyring",
}
NOT_A_THING = {
    ("pip", "publish"): "pip installs",
    ("uv pip", "publish"): "see uv publish",
    ("uv project", "publish"): "see uv publish",
    ("uv publish", "install"): "see uv pip",
    ("twine", "install"): "twine publishes",
    ("pipenv", "publish"): "pipenv installs",
    ("gh-action", "install"): "it publishes",
}
NOTES = {
    "pip": "Says of a 401 or 403 only that it found nothing, and goes on to the next index: give it one. Cannot read a "
    "quoted / in a user name.",
    "uv pip": "Stops at 401 and 403, goes on to the next index only at 404.",
    "uv project": "add, lock, sync, run; `uv auth login` and `logout`; `authenticate = always`.",
    "uv publish": "Asks a --check-url without the upload's token: put one into that URL. A re-run passes without, too.",
    "twine": "Refuses --skip-existing for all but PyPI; it is not needed: the same bytes again are a 200.",
    "Poetry": "`add NAME` takes the newest release, also one for other Pythons: write `NAME>=1`. Goes on to the next "
    "primary source at 401: add with --source. Prints credentials that stand in a URL.",
    "PDM": "2.29.3 takes releases of hishel and unearth that it fails with: pin hishel<2, unearth<0.19. Keeps the "
    "reason of a 401 to itself and goes on to the next source: say include_packages. Publishes from CI without "
    "credentials, as uv does.",
    "pipenv": "Keeps the reason of a 401 to itself; a name comes from one index.",
    "Hatch": "Asks /+simple/, devpi's, which names are there; is told 404 and so sends all, so that other bytes under "
    "a used name are refused and not passed over.",
    "Flit": "Shows a refusal as a traceback that ends with our words.",
    "curl": "A lone field `file`; -u, -n, or a Bearer header.",
    "gh-action": "Its exchange, with its patience of 5 s; with `skip-existing` its twine refuses to start.",
    "keyring": "Each client asks for another service: it stands in the name of its test.",
}


class Table:
    """A pytest plugin that remembers which cell a test stands for, and what came of it."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.marks: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.failed: set[str] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember the cells of all tests that will run."""
        for item in session.items:
            for mark in item.iter_markers("client"):
                client, *cells = mark.args
                assert client in CLIENTS, f"{item.nodeid}: {client} is no client of the table"
                assert set(cells) <= set(CELLS), f"{item.nodeid}: {cells}"
                self.marks[item.nodeid] |= {(client, cell) for cell in cells}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a failure; what is skipped has shown nothing either."""
        if not report.passed:
            self.failed.add(report.nodeid)

    def cell(self, client: str, cell: str) -> str:
        """Say what became of the tests of a cell."""
        tests = [test for test, marks in self.marks.items() if (client, cell) in marks]
        failed = len(self.failed.intersection(tests))
        if (client, cell) in NOT_A_THING:
            return f"({NOT_A_THING[client, cell]})" if not tests else "NOT A THING, and tried"
        if not tests:
            return "NOT TRIED"
        return f"{failed} of {len(tests)} FAIL" if failed else f"{len(tests)} {self.word}"

    def lines(self) -> list[str]:
        """Write the table."""
        rows = [["client", "version", *CELLS, "note"], ["---"] * 6]
        for client, command in CLIENTS.items():
            rows.append([client, _version(command), *(self.cell(client, cell) for cell in CELLS), NOTES[client]])
        return ["| " + " | ".join(row) + " |" for row in rows]


def _version(command: str) -> str:
    if command in tools.ENVIRONMENTS:
        return tools.versions()[command]
    if command == "curl":
        said = subprocess.run(["curl", "--version"], check=True, capture_output=True, text=True, timeout=60).stdout
        return said.split()[1]
    return version(command) if command else "as of 2025"


def main(arguments: list[str]) -> int:
    """Run the tests of this folder and print the table."""
    counting = arguments == ["--count"]
    table = Table("tests" if counting else "pass")
    options = ["--collect-only", "-qq"] if counting else arguments
    code = pytest.main([str(Path(__file__).parent), "-m", "client", *options], plugins=[table])
    lines = table.lines()
    print("\n".join(["", *lines]))
    wrong = any(re.search(r"FAIL|NOT TRIED|NOT A THING", line) for line in lines)
    return 1 if wrong or code else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
