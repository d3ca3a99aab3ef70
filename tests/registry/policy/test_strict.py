"""The strict YAML loader: what a reviewer reads is what is loaded, whichever of PyYAML's parsers is installed."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Invalid
from registry.policy import strict

PARSERS = [pytest.param(yaml.SafeLoader, id="python"), pytest.param(yaml.CSafeLoader, id="c")]

# None: the two parsers word it differently.
REFUSED = {
    "a duplicate key": (b"a: 1\nb: 2\na: 3\n", "f:3: the key 'a' is already on line 1; keep one of the two"),
    "a duplicate key, spelled otherwise": (
        b"a: 1\n'a': 2\n",
        "f:2: the key 'a' is already on line 1; keep one of the two",
    ),
    "an alias": (b"a: x\nb: *a\n", "f:2: the alias '*a' is not accepted; write the value out"),
    "an anchor": (b"a: &here x\n", "f:1: the anchor '&here' is not accepted; write the value out"),
    "an anchored list": (b"a:\n  &here [x]\n", "f:2: the anchor '&here' is not accepted; write the value out"),
    "a tag": (b"a: !!str 1\n", "f:1: the tag 'tag:yaml.org,2002:str' is not accepted; remove it"),
    "a tag that makes objects": (
        b"a: !!python/object/apply:os.system [ls]\n",
        "f:1: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not accepted; remove it",
    ),
    "the empty tag": (b"a: ! x\n", "f:1: the tag '!' is not accepted; remove it"),
    "a merge key": (b"a:\n  <<: {b: c}\n", "f:2: the merge key << is not accepted; write the keys out"),
    "a second document": (b"a: x\n---\nb: y\n", "f:2: a second document starts here; keep one document per file"),
    "a directive": (b"%YAML 1.1\n---\na: x\n", "f:1: YAML directives are not accepted; remove the line"),
    "a key that is a number": (b"a: x\n1: y\n", "f:2: the key '1' may be read as a number; quote it"),
    "a key that is a truth value": (b"on: push\n", "f:1: the key 'on' may be read as true or false; quote it"),
    "a key that is left out": (b"?\n: c\n", "f:1: the key '' may be read as nothing; quote it"),
    "a key that is a list": (b"[a, b]: c\n", "f:1: a list or mapping cannot be a key; write one word before the colon"),
    "an empty file": (b"", "f:1: the file is empty; write {} if there is nothing to say"),
    "a file of comments": (b"# nothing\n\n", "f:1: the file is empty; write {} if there is nothing to say"),
    "a tab": (b"a:\n\tb: c\n", "f:2: a tab; use spaces"),
    "a byte order mark": (
        b"\xef\xbb\xbfa: b\n",
        "f:1: the file starts with a byte order mark; save it as UTF-8 without one",
    ),
    "UTF-16": ("a: b\n".encode("utf-16"), "f:1: this is not UTF-8; save the file as UTF-8"),
    "Latin-1 on line 2": ("a: b\nc: é\n".encode("latin-1"), "f:2: this is not UTF-8; save the file as UTF-8"),
    "a control character": (b"a: b\nc: \x1b[31m\n", "f:2: the invisible character U+001B; remove it"),
    "a lone carriage return": (b"a: b\rc: d\n", "f:1: the invisible character U+000D; remove it"),
    "right-to-left text, even in a comment": (
        "a: b  # \u202e nimda\n".encode(),
        "f:1: the invisible character U+202E; remove it",
    ),
    "an escaped control character": (
        b'a: "\\x00"\n',
        "f:1: an escape stands for the invisible character U+0000; remove it",
    ),
    "an escaped line break": (
        b'a: "b\\nWaybill-Event: publish"\n',
        "f:1: an escape stands for a line break; write the text on one line",
    ),
    "an escape beyond Unicode": (b'a: "\\UFFFFFFFF"\n', None),
    "half a character": (b'a: "\\ud800"\n', None),
    "block text": (b"a: |\n  b\n", "f:1: block text (| or >) is not accepted; write the text on one line"),
    "text over two lines": (
        b"a: b\n  c\n",
        "f:1: the text goes on below its line; keep it on one line, or close its quote or bracket",
    ),
    "quoted text over two lines": (
        b'a: "b\n  c"\n',
        "f:1: the text goes on below its line; keep it on one line, or close its quote or bracket",
    ),
    "a plain question mark": (
        b"a: b?\n",
        "f:1: the text has a question mark, which some YAML readers take for a sign of theirs; quote it",
    ),
    "a plain question mark in brackets": (b"a: [b?]\n", None),
    "nine lists in each other": (
        b"[" * 9 + b"]" * 9,
        "f:1: lists and mappings are nested more than 8 deep; flatten them",
    ),
    "twenty thousand brackets": (b"[" * 20_000, "f:1: lists and mappings are nested more than 8 deep; flatten them"),
    "too many bytes": (b"#" * 65_537, "f:1: the file has 65,537 bytes; at most 65,536 are accepted"),
    "an open bracket": (
        b"a: [b,\nc: d\n",
        "f:2: this is not YAML; check colons, quotes, brackets and indentation here and above",
    ),
    "two colons": (
        b"a: b: c\n",
        "f:1: this is not YAML; check colons, quotes, brackets and indentation here and above",
    ),
}

ACCEPTED = {
    "a mapping": (b"a: b\n", [("a", "b")]),
    "Windows line ends": (b"a: b\r\nc: d\r\n", [("a", "b"), ("c", "d")]),
    "one explicit document": (b"---\na: b\n...\n", [("a", "b")]),
    "a quoted key": (b"'on': push\n", [("on", "push")]),
    "the same key in two mappings": (b"a: {c: x}\nb: {c: y}\n", [("a", [("c", "x")]), ("b", [("c", "y")])]),
    "a quoted merge sign": (b"a: '<<'\n", [("a", "<<")]),
    "a quoted question mark": (b"a: ['b?']\n", [("a", ["b?"])]),
    "eight lists in each other": (b"[" * 8 + b"]" * 8, [[[[[[[[]]]]]]]]),
    "letters of any language": ("a: Grüße 東京 🎉\n".encode(), [("a", "Grüße 東京 🎉")]),
    "an escape that shows": (b'a: "\\x41\\u00e9"\n', [("a", "Aé")]),
    "the largest file": (b"a: b\n" + b"#" * 65_531, [("a", "b")]),
    "a long list over lines": (b"a: [b,\n  c]\n", [("a", ["b", "c"])]),
}


def plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return [(key.value, plain(value)) for key, value in node.value]
    return [plain(item) for item in node.value] if isinstance(node, yaml.SequenceNode) else node.value


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case: str, parser: strict.Parser) -> None:
    text, message = REFUSED[case]
    with pytest.raises(Invalid, match=r"\Af:\d+: ") as refusal:
        strict.load(text, "f", parser=parser)
    assert message in {None, str(refusal.value)}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("case", ACCEPTED)
def test_accepts(case: str, parser: strict.Parser) -> None:
    text, value = ACCEPTED[case]
    assert plain(strict.load(text, "f", parser=parser)) == value


@pytest.mark.parametrize("parser", PARSERS)
def test_nodes_know_their_lines(parser: strict.Parser) -> None:
    root = strict.load(b"# c\na: b\nc:\n- d\n- e: f\nleft: \n\nlast: x\n", "f", parser=parser)
    lines = [(strict.line_of(key), strict.line_of(value)) for key, value in root.value]
    assert lines == [(2, 2), (3, 4), (6, 6), (8, 8)]
    assert [strict.line_of(item) for item in root.value[1][1].value] == [4, 5]


@pytest.mark.parametrize(
    "word", ["Alice", "1a", "1.2.3-rc1", "v1", "none", "yesterday", "o", "2027-01", "a1e5", "-", "0xg", "nul", "team:x"]
)
def test_leaves_words_alone_that_every_reader_takes_for_text(word: str) -> None:
    node = strict.load(word.encode() if word != "-" else b"'-'", "f")
    assert isinstance(node, yaml.ScalarNode)
    assert strict.implied(node) is None


# YAML 1.2.2 section 10.3.2, and the types of YAML 1.1 that PyYAML does not resolve itself.
OTHER_TYPES = st.one_of(
    st.from_regex(r"(null|Null|NULL|~|true|True|TRUE|false|False|FALSE)", fullmatch=True),
    st.from_regex(r"[-+]?[0-9]{1,9}|0o[0-7]{1,9}|0x[0-9a-fA-F]{1,9}", fullmatch=True),
    st.from_regex(r"[-+]?(\.[0-9]{1,5}|[0-9]{1,5}(\.[0-9]{0,5})?)([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN", fullmatch=True),
    st.sampled_from(["y", "Y", "n", "N", "on", "Off", "YES", "12:30:45", "1:30.5", "0b101", "1_000", "0x1f", "017"]),
    st.sampled_from(["2027-01-31", "2027-1-1 10:00:00", "2027-01-31T10:00:00Z", "=", "1.10", "1e5"]),
)


@given(OTHER_TYPES)
def test_knows_every_plain_word_that_some_reader_takes_for_something_else(word: str) -> None:
    bare, quoted = strict.load(f"[{word}, '{word}']".encode(), "f").value
    assert strict.implied(bare)
    assert strict.implied(quoted) is None


@given(st.text(alphabet="0123456789.:-+_eExobyYnNtTfFalsrue~= ", max_size=12))
def test_whatever_pyyaml_would_not_read_as_text_is_known(word: str) -> None:
    try:
        (node,) = strict.load(f"[{word}]".encode(), "f").value
    except ValueError:  # the list has no or several entries
        return
    except Invalid:
        return
    if isinstance(node, yaml.ScalarNode) and strict.implied(node) is None:
        assert isinstance(yaml.safe_load(f"[{word}]")[0], str)


PIECES = [
    "a",
    "b: ",
    "- ",
    "\n",
    "\n  ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ": ",
    '"',
    "'",
    "|",
    ">",
    " #",
    "?",
    "? ",
    "!",
    "&x ",
]
PIECES += [
    "*x",
    "%",
    "---",
    "\n...\n",
    "\\",
    "\\ud800",
    "\\U00110000",
    "1.5",
    "<<",
    "@",
    " ",
    "é",
    "\u00a0",
    "\r\n",
    "-",
]


def verdict(text: bytes, parser: strict.Parser) -> Any:
    try:
        return plain(strict.load(text, "f", parser=parser))
    except Invalid as refusal:
        return "refused" if str(refusal).startswith("f:") else refusal


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_both_parsers_give_the_same_verdict(text: str) -> None:
    assert verdict(text.encode(), yaml.SafeLoader) == verdict(text.encode(), yaml.CSafeLoader)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_loaded_or_refused_with_their_place(text: bytes) -> None:
    assert not isinstance(verdict(text, yaml.SafeLoader), Invalid)
    assert not isinstance(verdict(text, yaml.CSafeLoader), Invalid)
