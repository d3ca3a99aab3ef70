"""What is searched for, and how SQL says it of the tables of the finder."""

import re
from dataclasses import dataclass
from typing import Any

from registry.errors import Invalid

LONGEST = 200  # characters of what is searched for
MOST_WORDS = 10
_WORD = re.compile(r"\w+")
_FIND = """
SELECT * FROM (
    SELECT CASE
        WHEN :n = '' THEN 3 WHEN name = :n THEN 0 WHEN instr(name, :n) = 1 THEN 1 WHEN instr(name, :n) THEN 2 ELSE 3
    END AS rank, name, registry, version, status, summary, said, id, seal FROM project p WHERE {}
) WHERE (rank, name, registry) > (:ra, :na, :re) ORDER BY rank, name, registry
"""
NEEDS = """
SELECT registry, p.name, n.version, n.requirement, p.version IS n.version, p.id, p.status, p.version, p.summary, p.said,
n.name, n.seal, p.seal FROM need n JOIN project p ON p.id = n.project
WHERE n.name = :on AND (registry, p.name, n.version, n.requirement) > (:a, :b, :c, :d) ORDER BY 1, 2, 3, 4
"""  # who depends on `:on`, after a place

Seals = list[tuple[str, tuple[Any, ...]]]  # each with what it is on


@dataclass(frozen=True, slots=True)
class Sought:
    """What is searched for; a project must fit all that is given."""

    words: str = ""  # each the beginning of a word of name, summary or keywords
    registry: str | None = None
    keyword: str | None = None
    classifier: str | None = None  # or the beginning of one, up to a `::`
    depends_on: str | None = None  # normalised


def statement(sought: Sought) -> tuple[str, dict[str, Any]]:
    """Say in SQL what is sought, after a place of `:ra`, `:na` and `:re`, those first whose names fit best.

    Returns:
        The statement and its values, but for the place.

    Raises:
        Invalid: there is nothing to look for in what is sought.
    """
    conditions, values = ["1"], {}
    words = _WORD.findall(sought.words.lower())
    if sought.words:
        if len(sought.words) > LONGEST or not 0 < len(words) <= MOST_WORDS:
            raise Invalid(f"q: send 1 to {MOST_WORDS} words of letters and digits, {LONGEST} characters at most")
        conditions.append("p.id IN (SELECT rowid FROM words WHERE words MATCH :words)")
        values["words"] = " AND ".join(f'"{word}"*' for word in words)
    if sought.registry is not None:
        conditions.append("registry = :registry")
        values["registry"] = sought.registry
    if sought.keyword is not None:
        conditions.append("EXISTS (SELECT 1 FROM label WHERE project = p.id AND kind = 'keyword' AND value = :keyword)")
        values["keyword"] = sought.keyword.lower()
    if sought.classifier is not None:
        conditions.append(
            "EXISTS (SELECT 1 FROM label WHERE project = p.id AND kind = 'classifier' AND (value = :classifier "
            "OR substr(value, 1, length(:classifier) + 4) = :classifier || ' :: '))"
        )
        values["classifier"] = sought.classifier.lower()
    if sought.depends_on is not None:
        conditions.append(
            "EXISTS (SELECT 1 FROM need n WHERE n.project = p.id AND n.version = p.version AND n.name = :on)"
        )
        values["on"] = sought.depends_on
    return _FIND.format(" AND ".join(conditions)), values | {"n": "-".join(words)}


def seals_of_found(row: Any) -> Seals:
    """Tell by which seals a row of what is found is known to be whole."""
    return [(row[8], (row[7], row[2], row[1], row[4], row[3], *row[5:7]))]


def seals_of_need(row: Any) -> Seals:
    """Tell by which seals a row of `NEEDS` is known to be whole: the project's, and the requirement's own."""
    return [(row[12], (row[5], *row[:2], *row[6:10])), (row[11], (row[5], row[2], row[10], row[3]))]
