"""`python -m tests.seeds [ROW...]` replays every command of the four documents and prints a table."""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.seeds import DOCUMENTS
from tests.seeds.replay import Outcome, replay_all


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Write the table: row, result, what the document says, and what was typed."""
    system = ""
    for outcome in outcomes:
        row = outcome.row
        if row.system != system:
            system = row.system
            yield f"\n{system}"
        yield f"{row.id:4} {outcome.result:25} {row.says}" + (f" ({row.note})" if row.note else "")
        for command in outcome.commands:
            yield f"{'':30} $ " + command.replace("\n", f"\n{'':34}")
        if outcome.failure:
            yield outcome.failure
    counted = Counter(outcome.result for outcome in outcomes)
    yield "\n" + ", ".join(f"{number} {result}" for result, number in counted.items()) + f", of {len(outcomes)}"


def main(wanted: Sequence[str]) -> int:
    """Replay the rows that are named, or all; exit 1 if one fails."""
    every = [row for rows in DOCUMENTS.values() for row in rows.rows]
    chosen = [row for row in every if not wanted or row.id in wanted]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        outcomes = replay_all(chosen, DOCUMENTS, Path(folder))
    sys.stdout.write("\n".join(table(outcomes)) + "\n")
    return 1 if any(outcome.failure for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
