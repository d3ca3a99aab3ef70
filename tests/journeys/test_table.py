"""The client table has thirteen clients, and a test for every cell that is a thing."""

import subprocess
import sys

from tests.journeys.tools import ROOT
from tests.running import CLEAN


def test_every_cell_of_the_client_table_is_tried_or_is_not_a_thing() -> None:
    command = [sys.executable, "-m", "tests.journeys", "--count"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=CLEAN, timeout=60)
    assert said.returncode == 0, said.stdout + said.stderr
    rows = [line.split(" | ") for line in said.stdout.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == 13
    for client, version, *cells, note in rows:
        assert version, client
        assert note, client
        assert all(cell.endswith(" tests") or cell.startswith("(") for cell in cells), client
