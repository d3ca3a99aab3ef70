"""YAML reduced to what a reviewer can read without surprises.

YAML as such lets a second `owners:` silently replace the first, turns `no` into false and 12:30:45 into a number,
merges mappings by reference and runs out of stack on nested brackets. A policy file may do none of this: its tree is
built here from the parser's events, in one bounded pass, and what a scalar means is left for the schema to say.
"""

import re

import yaml

from registry.policy.files import BadFile, Problem

LARGEST = 64 * 1024  # bytes, where a file has no limit of its own
DEEPEST = 8  # mappings and lists inside each other

Parser = type[yaml.SafeLoader | yaml.CSafeLoader]
FASTEST: Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TEXT = "tag:yaml.org,2002:str"

# Characters that do not show, reorder what shows (https://www.unicode.org/reports/tr36/) or end lines for some readers
# only. They are listed because Unicode's categories differ between Python versions, and a verdict must not.
_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)

# What YAML 1.1 (https://yaml.org/type/) or the core schema of YAML 1.2 (section 10.3) may read as something but text. A
# little more than both together, so that versions such as 1.10.2 cannot be right in one file and wrong in the next.
_IMPLIED = {
    "nothing": re.compile(r"|~|null", re.IGNORECASE),
    "true or false": re.compile(r"y|n|yes|no|on|off|true|false", re.IGNORECASE),
    "a date": re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?"),
    "a number": re.compile(
        r"[-+]?(\.?[0-9][0-9_.:]*(e[-+]?[0-9]+)?|0b[01_]+|0o[0-7_]+|0x[0-9a-f_]+|\.inf|\.nan)", re.IGNORECASE
    ),
    "a default value": re.compile(r"="),
}


def load(text: bytes, file: str, *, largest: int = LARGEST, parser: Parser = FASTEST) -> yaml.Node:
    """Parse one policy file into nodes that know their lines, refusing whatever YAML hides from a reader.

    Args:
        text: the file's content.
        file: its path in the policy, for messages.
        largest: how many bytes are accepted.
        parser: which of PyYAML's two parsers to use; they give the same verdicts.

    Raises:
        BadFile: with one problem, the first one found.
    """
    return _Tree(file).built(_decoded(text, file, largest), parser)


def implied(node: yaml.ScalarNode) -> str | None:
    """Say as what other than text some YAML reader would take this scalar, as in "a number"; quoted ones are text."""
    if node.style is not None:
        return None
    return next((kind for kind, pattern in _IMPLIED.items() if pattern.fullmatch(node.value)), None)


def line_of(node: yaml.Node) -> int:
    """Give the line a node starts on, counted from 1."""
    return int(node.start_mark.line) + 1


def shown(raw: str) -> str:
    """Quote untrusted text for a message: printable ASCII on one line, and short."""
    return ascii(raw if len(raw) <= 80 else raw[:77] + "...")


def _decoded(text: bytes, file: str, largest: int) -> str:
    """Decode the file and refuse characters that make it read differently than it is parsed."""
    if len(text) > largest:
        raise _bad(file, 1, f"the file has {len(text):,} bytes; at most {largest:,} are accepted")
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise _bad(file, line, "this is not UTF-8; save the file as UTF-8") from None
    if decoded.startswith("\ufeff"):
        raise _bad(file, 1, "the file starts with a byte order mark; save it as UTF-8 without one")
    decoded = decoded.replace("\r\n", "\n")
    for number, line_text in enumerate(decoded.split("\n"), 1):
        if found := _UNSEEN.search(line_text):
            raise _bad(file, number, _unseen(found[0]))
        if line_text.startswith("%"):
            raise _bad(file, number, "YAML directives are not accepted; remove the line")
    return decoded


def _unseen(character: str) -> str:
    """Word the refusal of an unseen character."""
    if character == "\t":
        return "a tab; use spaces"
    return f"the invisible character U+{ord(character):04X}; remove it"


def _bad(file: str, line: int, text: str) -> BadFile:
    return BadFile((Problem(file, line, text),))


class _Tree:
    """The node tree under construction: the lists and mappings still open, from the root inwards."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.line = 1
        self.root: yaml.Node | None = None
        self.open: list[tuple[yaml.CollectionNode, list[yaml.Node]]] = []

    def built(self, text: str, parser: Parser) -> yaml.Node:
        """Read the text to its end and give its one document."""
        try:
            for event in yaml.parse(text, Loader=parser):
                self.take(event)
        except yaml.MarkedYAMLError as error:
            if error.problem_mark:
                self.line = min(error.problem_mark.line, text.rstrip("\n").count("\n")) + 1
            raise self.bad("this is not YAML; check colons, quotes, brackets and indentation here and above") from None
        except (yaml.YAMLError, ValueError, OverflowError):  # the last two: escapes beyond Unicode
            raise self.bad("this is not YAML; check the escapes in quoted text here and below") from None
        if self.root is None:
            raise _bad(self.file, 1, "the file is empty; write {} if there is nothing to say")
        return self.root

    def take(self, event: yaml.Event) -> None:
        """Add what one event stands for, or refuse it."""
        mark = self.reach(event)
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self.refuse_decoration(event)
        if isinstance(event, yaml.AliasEvent):
            raise self.bad(f"the alias {shown(f'*{event.anchor}')} is not accepted; write the value out")
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise self.bad("a second document starts here; keep one document per file")
        if isinstance(event, yaml.ScalarEvent):
            self.refuse_unreadable(event)
            self.add(yaml.ScalarNode(_TEXT, event.value, mark, mark, event.style or None))
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self.open) == DEEPEST:
                raise self.bad(f"lists and mappings are nested more than {DEEPEST} deep; flatten them")
            made = yaml.SequenceNode if isinstance(event, yaml.SequenceStartEvent) else yaml.MappingNode
            node = made(_TEXT, [], mark, mark)
            self.add(node)
            self.open.append((node, []))
        elif isinstance(event, yaml.CollectionEndEvent):
            closed, items = self.open.pop()
            closed.value = items if isinstance(closed, yaml.SequenceNode) else self.pairs(items)

    def reach(self, event: yaml.Event) -> yaml.Mark:
        """Move to where an event begins; a value left out has no place of its own and stays with what is before it."""
        left_out = isinstance(event, yaml.ScalarEvent) and not event.value and not event.style
        if event.start_mark and not left_out:
            self.line = event.start_mark.line + 1
        return yaml.Mark(self.file, 0, self.line - 1, 0, None, 0)

    def refuse_decoration(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        """Refuse anchors, which other places could refer to, and tags, which choose types."""
        if event.anchor is not None:
            raise self.bad(f"the anchor {shown(f'&{event.anchor}')} is not accepted; write the value out")
        if event.tag is not None:
            raise self.bad(f"the tag {shown(event.tag)} is not accepted; remove it")

    def refuse_unreadable(self, event: yaml.ScalarEvent) -> None:
        """Refuse text that is not the one line it looks like; PyYAML's two parsers also disagree on some of that."""
        if event.style in {"|", ">"}:
            raise self.bad("block text (| or >) is not accepted; write the text on one line")
        if event.start_mark and event.end_mark and event.start_mark.line != event.end_mark.line and event.value:
            raise self.bad("the text goes on below its line; keep it on one line, or close its quote or bracket")
        if "?" in event.value and not event.style:
            raise self.bad("the text has a question mark, which some YAML readers take for a sign of theirs; quote it")
        if found := _UNSEEN.search(event.value):
            raise self.bad(f"an escape stands for {_unseen(found[0])}")
        if "\n" in event.value:
            raise self.bad("an escape stands for a line break; write the text on one line")

    def add(self, node: yaml.Node) -> None:
        """Put a node into the innermost open list or mapping."""
        if self.open:
            self.open[-1][1].append(node)
        else:
            self.root = node

    def pairs(self, items: list[yaml.Node]) -> list[tuple[yaml.Node, yaml.Node]]:
        """Pair keys with values, refusing keys that are not text or come twice."""
        first: dict[str, int] = {}
        for key in items[::2]:
            self.line = line_of(key)
            if not isinstance(key, yaml.ScalarNode):
                raise self.bad("a list or mapping cannot be a key; write one word before the colon")
            if key.value == "<<" and key.style is None:
                raise self.bad("the merge key << is not accepted; write the keys out")
            if kind := implied(key):
                raise self.bad(f"the key {shown(key.value)} may be read as {kind}; quote it")
            if key.value in first:
                raise self.bad(f"the key {shown(key.value)} is already on line {first[key.value]}; keep one of the two")
            first[key.value] = self.line
        return list(zip(items[::2], items[1::2], strict=True))

    def bad(self, text: str) -> BadFile:
        """Word a problem on the current line."""
        return _bad(self.file, self.line, text)
