"""The reference says what the rules say."""

from pathlib import Path

from validator.loading import shipped
from validator.reference import reference

RULES = Path(__file__).parent.parent.parent / "validator" / "RULES.md"


def test_the_reference_is_current() -> None:
    assert RULES.read_text() == reference(), "run: python -m validator.reference > validator/RULES.md"


def test_every_rule_is_in_it_once() -> None:
    headings = [line.split()[1] for line in RULES.read_text().splitlines() if line.startswith("### ")]
    assert headings == [rule.code for rule in shipped()]
