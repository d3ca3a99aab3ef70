"""Every row of the four documents, as an item of its own; they run together, and then each says how it went."""

import pytest

from tests.seeds import DOCUMENTS
from tests.seeds.__main__ import table
from tests.seeds.replay import Outcome, Row, replay_all

ROWS = {row.id: row for rows in DOCUMENTS.values() for row in rows.rows}
LATER = {"G2", "A12"}


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Replay the rows that this run asks for."""
    items = (item for item in request.session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec"))
    asked = {item.callspec.params.get("id_") for item in items}
    chosen = [row for row in ROWS.values() if row.id in asked]
    return {outcome.row.id: outcome for outcome in replay_all(chosen, DOCUMENTS, tmp_path_factory.mktemp("seeds"))}


@pytest.mark.parametrize("id_", [row.id for row in ROWS.values() if row.play])
def test_what_a_document_says_works_here(outcomes: dict[str, Outcome], id_: str) -> None:
    outcome = outcomes[id_]
    assert not outcome.failure, "\n".join([*outcome.commands, outcome.failure])
    assert outcome.commands


def test_all_58_rows_are_there_and_only_these_come_later() -> None:
    counted = {"B": 19, "K": 13, "G": 14, "A": 12}
    assert list(ROWS) == [f"{letter}{n}" for letter, many in counted.items() for n in range(1, many + 1)]
    assert {row.id for row in ROWS.values() if row.play is None or row.later} == LATER
    assert all(row.note for row in ROWS.values() if row.id in LATER)


def test_a_row_that_goes_otherwise_is_said_to_have_failed() -> None:
    def play(_: object) -> None:
        """Never called."""

    failed = Outcome(Row("B1", "says", play), ("a command",), "AssertionError: otherwise")
    lines = list(table([failed, Outcome(Row("K13", "says", None, note="why"))]))
    assert [line.split() for line in lines if line.startswith(("B1", "K13"))] == [
        ["B1", "failed", "says"],
        ["K13", "later", "says", "(why)"],
    ]
    assert "AssertionError: otherwise" in lines
    assert lines[-1].strip() == "1 failed, 1 later, of 2"
