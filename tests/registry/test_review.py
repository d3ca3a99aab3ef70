"""A review as people read it: meaning first, and nothing in it that a terminal or a forge would obey."""

import json

from registry import review
from registry.shown import marked, shown
from tests.changes import PROJECT, REGISTRY, START, TEAM, verdict

JOINED = {TEAM: "members: [bob, carol]\nmaintainers: [mia, max]\n"}
GRANTED = {
    REGISTRY: "owners: [olga, otto]\nprojects: open\ngrants: [{role: publish, to: [carol, dan], projects: ['pay-*']}]\n"
}


def test_a_line_in_a_team_file_reads_as_what_it_gives() -> None:
    told = review.text(verdict(JOINED, "dan"))
    assert told.startswith("Review: waits for approval\n")
    assert f"  - carol: write on payments-api in python ({PROJECT}:3, through team payments)\n" in told
    assert "teams/payments.yaml: 1 more approval, by max, mia or an admin" in told
    assert told.index("Gains") < told.index("Approvals")


def test_all_of_whom_the_same_is_true_stand_in_one_sentence() -> None:
    told = review.text(verdict(GRANTED, "olga"))
    assert f"  - carol, dan: publish on every future project named pay-* in python ({REGISTRY}:3)\n" in told


def test_an_author_who_gains_is_said_first() -> None:
    told = review.text(verdict(JOINED, "carol"))
    assert "the author, carol, gains by this change" in told.split("Gains")[0]


def test_approved_refused_and_meaningless_changes_say_so() -> None:
    assert review.text(verdict(JOINED, "dan", ["mia"])).startswith("Review: may be applied\n")
    refused = review.text(verdict({TEAM: "members: [nobody]\n"}, "mia"))
    assert refused.startswith("Review: refused: ")
    assert "\nProblems\n  - teams/payments.yaml:1: " in refused
    assert "no change in rights" in review.text(verdict({TEAM: f"# tidy\n{START[TEAM]}"}, "mia"))


def test_machines_read_everything() -> None:
    told = review.json(verdict(JOINED, "dan", ["mia"]))
    assert json.loads(json.dumps(told)) == told
    assert told["verdict"] == "good"
    assert [(gain["principal"], gain["role"], gain["pattern"]) for gain in told["gains"]] == [
        ("carol", "write", "payments-api")
    ]
    assert told["needs"] == [
        {"what": TEAM, "owners": ["max", "mia"], "admins": ["adam", "alice"], "given": ["mia"], "least": 1}
    ]
    assert told["gainers"] == ["carol"]


def test_markdown_has_no_word_that_a_forge_would_obey() -> None:
    hostile = "![x](http://evil.example) @acme/all #1 **b** <img> `code` www.evil.example deadbeef GH-1 | a_b_ \x1b[2J"
    told = marked(hostile)
    for word in told.split(" "):
        assert word.startswith("`") or word.endswith("`") or word.isalpha() or word in {"code", "``", ""}, word
    assert "\x1b" not in told
    assert "``  `code`  ``".replace("  ", " ") in told
    assert marked("carol: publish on payments-* in python (41 projects)") == (
        "carol: publish on `payments-*` in python (41 projects)"
    )


def test_a_comment_is_never_longer_than_a_forge_takes() -> None:
    people = START["people.yaml"] + "".join(f"person-{number}: {{}}\n" for number in range(900))
    grants = "".join(f"- {{role: read, to: [person-{n}], projects: [a-{n}-b]}}\n" for n in range(900))
    told = review.markdown(verdict({"people.yaml": people, REGISTRY: f"{START[REGISTRY]}grants:\n{grants}"}, "alice"))
    assert told.startswith(review.HEADING)
    assert len(told) < 32_768
    assert "more, which the job's own output lists" in told
    assert "\n**Approvals**\n" in told


def test_a_terminal_is_shown_escapes_instead_of_obeying_them() -> None:
    assert shown("a\x1b[2Jb\nc\u202e") == "a\\x1b[2Jb\\nc\\u202e"
