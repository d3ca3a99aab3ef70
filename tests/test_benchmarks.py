"""The benchmark measures the right thing: nothing here is timed, everything here must not rot."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import right
from tests.benchmarks.client import JSON, get
from tests.benchmarks.corpus import LARGE, MANY, SMALL, Corpus, Sizes, corpus, fresh
from tests.benchmarks.load import Variety, script
from tests.benchmarks.machine import Unmeasured, need
from tests.benchmarks.right import HTML
from tests.benchmarks.servers import Setup
from tests.benchmarks.tables import Cell, Row, Target, table
from tests.benchmarks.uploading import forms, upload
from tests.benchmarks.waybill import Waybill
from tests.running import run_git

TINY = Sizes(projects=3, many=4, large=20_000)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return corpus(tmp_path_factory.mktemp("corpus"), TINY)


@pytest.fixture
def waybill(tiny: Corpus, tmp_path: Path) -> Waybill:
    return Waybill(Setup(tmp_path, tiny, quick=True))


def test_the_corpus_is_the_same_bytes_every_time(tiny: Corpus, tmp_path: Path) -> None:
    assert corpus(tmp_path, TINY).items == tiny.items == corpus(tiny.folder, TINY).items
    assert {name: len(items) for name, items in tiny.projects().items()} == {
        **dict.fromkeys(["bench-0000", "bench-0001", "bench-0002"], 10), MANY: 8, SMALL: 1, LARGE: 1
    }  # fmt: skip


def test_a_filled_waybill_is_what_uploads_would_have_made(waybill: Waybill) -> None:
    with waybill.running(filled=True, core=None) as server:
        for project, items in server.setup.corpus.projects().items():
            shown = {accept: right.page(server, project, accept)[0].links() for accept in (HTML, JSON)}
            assert shown[HTML] == shown[JSON]
            for item in items:
                came = get(shown[JSON][item.filename], server.credentials)
                assert came.body == server.setup.corpus.path(item).read_bytes()
        assert right.unchanged(server, MANY)["If-None-Match"]
        assert right.file(server, LARGE).url.endswith(".whl")
        right.root(server, JSON)
        # The same files again are already there: nothing is written, so what was filled in agrees with the server.
        before = run_git(server.folder / "data" / "waybill.git", "rev-parse", "ledger")
        assert server.upload_items(list(server.setup.corpus.items)) == len(server.setup.corpus.items)
        assert run_git(server.folder / "data" / "waybill.git", "rev-parse", "ledger") == before
        assert run_git(server.folder / "data" / "waybill.git", "fsck", "--strict") == ""


def test_an_upload_that_is_refused_or_lost_is_counted(waybill: Waybill) -> None:
    with waybill.running(filled=False, core=None) as server:
        made = fresh("count", 3)
        good = upload(server.upload_url, server.upload_credentials, forms(made), uploaders=2)
        assert (good.count, good.failures, good.problem) == (3, 0, None)
        assert right.missing(server, [item for item, _ in made]) == 0
        bad = upload(server.upload_url, {}, forms(fresh("bad", 2)))
        assert (bad.count, bad.failures) == (2, 2)
        assert "401" in str(bad.problem)
        assert right.missing(server, [item for item, _ in fresh("never", 2)]) == 2


def test_a_wrong_page_is_refused_before_it_is_measured(waybill: Waybill) -> None:
    with waybill.running(filled=True, core=None) as server:
        answer, _ = right.page(server, "bench-0001", HTML)
        with pytest.raises(Unmeasured, match="1 files missing, 0 too many"):
            right.require_files(answer, [*server.held("bench-0001"), *server.held(SMALL)])
        with pytest.raises(Unmeasured, match=r"answered text/html|has no JSON pages"):
            right.require(answer, JSON)


def test_many_heads_are_many_tokens(waybill: Waybill) -> None:
    with waybill.running(filled=False, core=None) as server:
        heads = server.heads(3)
        assert len({head["Authorization"] for head in heads}) == len({head["User-Agent"] for head in heads}) == 3
        assert all(get(server.index_url, head).status == 200 for head in heads)
        written = script(Variety(["/a/", "/b/"], heads))
        assert all(head["Authorization"] in written for head in heads)


def test_a_missing_program_is_a_reason_and_not_a_crash() -> None:
    with pytest.raises(Unmeasured, match="no-such-program not installed"):
        need("no-such-program")


def test_the_table_judges_each_target_and_hides_no_failure() -> None:
    pages = Row("pages", "/s", (Target(0.5, "nginx"), Target(30, "best peer")))
    pages.cells = {"waybill": Cell(600), "nginx": Cell(1000), "slow": Cell(10), "broken": Cell(900, problem="3 errors")}
    again = Row("again", "/s", (Target(1, row="pages"),), {"waybill": Cell(599), "slow": Cell(problem="no ETag")})
    start = Row("start", "s", (Target(0.5),), {"waybill": Cell(0.4), "slow": Cell(2.0)})
    failed = Row("failed", "s", (Target(9),), {"waybill": Cell(1.0, problem="2 lost")})
    lines = table("theme", [pages, again, start, failed], ["waybill", "nginx", "slow", "broken"]).splitlines()
    assert lines[0] == "| theme | unit | waybill | nginx | slow | broken | x nginx | x best peer | target of Waybill |"
    assert lines[2].endswith("| 900 **WRONG: 3 errors** | 0.6 | 60 | ≥ 0.5 x nginx: met; ≥ 30 x best peer: met |")
    assert lines[3].endswith("| not measured: no ETag |  |  |  | ≥ 1 x 'pages': **missed** |")
    assert lines[4].endswith("| 0.40 |  | 2.00 |  |  | 0.2 | ≤ 0.5 s: met |")
    assert "| 1.00 **WRONG: 2 lost** |" in lines[5]
    assert lines[5].endswith("≤ 9 s: **missed**: no right figure |")


def test_the_command_says_what_it_cannot_do() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--peers", "nginx,unknown"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert said.returncode == 2
    assert "unknown: choose from nginx,devpi," in said.stderr
