"""Uploads by the thousand, made by a grammar: none that is hostile is accepted, odd and legal ones are, nothing breaks.

The long form sends 10,000 and 2,000, the short one 500 and 150. `-rP` shows how each rule was answered. FAULT_SEED
repeats a run; the seed and the number of an upload are all that it is made of.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.cli import main
from tests.faults.uploads import SEED
from tests.running import Server, new_server, run_git, waybill
from tests.tracing import need
from tests.uploads import bad_archives, bad_forms, bad_metadata, odd
from tests.uploads.sending import Rules, Tally, send

HOSTILE: dict[str, Rules] = {"archive": bad_archives.RULES, "metadata": bad_metadata.RULES, "form": bad_forms.RULES}
ODD: dict[str, Rules] = {"odd": odd.RULES}
MOST_MEMORY = 400  # MiB that any process of the server may ever have held: an upload holds some chunks and its metadata
LEAST_LEGAL = 0.99


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Server]:
    """A server whose temporary files lie where they can be counted."""
    need("git")
    server = new_server(tmp_path)
    (tmp_path / "tmp").mkdir()
    server.environment = {"TMPDIR": str(tmp_path / "tmp")}
    try:
        server.start()
        yield server
    finally:
        server.kill()


def peaks(server: Server) -> list[int]:
    """Read the most memory that each worker ever held, in MiB."""
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in server.worker_pids()]
    return [int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0]) // 1024 for text in texts]


def files(*folders: Path) -> list[str]:
    return [path.name for folder in folders for path in folder.rglob("*") if path.is_file()]


def check(server: Server, hostile: int, legal: int, seed: int) -> None:
    bad = send(server, HOSTILE, hostile, seed)
    good = send(server, ODD, legal, seed, start=10**6)
    held = peaks(server)
    print(f"FAULT_SEED={seed}\n{bad.table()}\n{good.table()}\nmost memory of each worker: {held} MiB")  # noqa: T201

    assert [one for one in (*bad.outcomes, *good.outcomes) if one.status >= 500] == []
    assert bad.of(2, 3) == []
    assert {one.status for one in bad.outcomes} <= {400, 413}
    accepted = good.of(2)
    assert len(accepted) >= LEAST_LEGAL * legal, good.of(4)[:5]
    assert max(held) <= MOST_MEMORY
    assert (len(bad.outcomes), len(good.outcomes)) == (hostile, legal)
    _require_clean_books(server, good)


def _require_clean_books(server: Server, good: Tally) -> None:
    """Hold what is stored to what was acknowledged, and find nothing else."""
    said = "".join(one.text for one in good.of(2))
    digests = set(re.findall("sha256 ([0-9a-f]{64})", said))
    assert set(files(server.git / "lfs" / "objects")) == digests
    commits = set(run_git(server.git, "log", "--format=%H", "--grep=^Waybill-Event: publish", "ledger").split())
    assert commits == set(re.findall("ledger commit ([0-9a-f]{40})", said))
    assert files(server.git / "lfs" / "tmp", server.data.parent / "tmp") == []
    assert "Traceback" not in server.log()
    assert run_git(server.git, "fsck", "--strict", "--no-dangling", "--no-progress") == ""
    assert main(["check", str(server.git), "--select", "WB5"]) == 0
    assert waybill("scrub", "--data", str(server.data), check=False).returncode == 0


def test_generated_uploads_are_refused_if_hostile_and_accepted_if_only_odd(watched: Server) -> None:
    check(watched, 500, 150, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", [SEED])
def test_ten_thousand_hostile_uploads_are_refused_and_two_thousand_odd_ones_accepted(
    watched: Server, seed: int
) -> None:
    check(watched, 10_000, 2_000, seed)
