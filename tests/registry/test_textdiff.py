"""The text of a change, line by line."""

import pytest

from registry import changes
from registry.textdiff import LONGEST_LINE, MOST_LINES, FileDiff, diffs
from tests.registry.web.proposals import begin, propose
from tests.registry.web.site import Site, new_site


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = new_site(tmp_path_factory.mktemp("textdiff") / "data")
    begin(made)
    return made


def shown(site: Site, files: dict[str, str | bytes | None]) -> dict[str, FileDiff]:
    propose(site, "text", files)
    found = changes.find(site.installation, "text")
    return {diff.path: diff for diff in diffs(found, site.installation.store.at(found.base))}


def test_a_file_is_added_changed_or_removed(site: Site) -> None:
    site.policy(gone="a: 1\n", kept="a: 1\nb: 2\n")
    found = shown(site, {"gone.yaml": None, "kept.yaml": "a: 1\nb: 3\n", "new.md": "x\n"})
    assert {path: (diff.verb, diff.lines) for path, diff in found.items()} == {
        "gone.yaml": ("removes", ("@@ -1 +0,0 @@", "-a: 1")),
        "kept.yaml": ("changes", ("@@ -1,2 +1,2 @@", " a: 1", "-b: 2", "+b: 3")),
        "new.md": ("adds", ("@@ -0,0 +1 @@", "+x")),
    }


def test_a_line_break_that_is_missing_at_the_end_is_a_difference(site: Site) -> None:
    site.policy(file="a: 1\n")
    assert shown(site, {"file.yaml": "a: 1"})["file.yaml"].lines[1:] == (
        "-a: 1",
        "+a: 1  (no line break at the end of the file)",
    )


def test_lines_that_look_like_those_of_a_diff_are_kept(site: Site) -> None:
    assert shown(site, {"a.md": "--- x\n+++ y\n@@ z\n"})["a.md"].lines == (
        "@@ -0,0 +1,3 @@",
        "+--- x",
        "++++ y",
        "+@@ z",
    )


def test_what_does_not_print_is_written_as_an_escape(site: Site) -> None:
    [_, line] = shown(site, {"a.md": "a\u202eb\x1b[2Jc\u200bd\re\n"})["a.md"].lines
    assert line == "+a\\u202eb\\x1b[2Jc\\u200bd\\re"


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"\x00" * 70_000, b"x\n" * 2_001], ids=["bytes", "large", "many lines"]
)
def test_what_cannot_be_compared_well_is_named_with_its_size(site: Site, content: bytes) -> None:
    found = shown(site, {"a.bin": content})["a.bin"]
    assert found.lines == ()
    assert f"0 bytes before, {len(content)} after" in found.note


def test_all_files_together_are_bounded(site: Site) -> None:
    found = shown(site, {f"{n}.md": "line\n" * 1_500 for n in range(4)})
    assert sum(len(diff.lines) for diff in found.values()) == MOST_LINES
    assert [bool(diff.note) for diff in found.values()] == [False, True, True, True]


def test_a_long_line_is_cut(site: Site) -> None:
    [_, line] = shown(site, {"a.md": "x" * 5_000 + "\n"})["a.md"].lines
    assert len(line) == LONGEST_LINE + 2
