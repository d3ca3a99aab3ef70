r"""Text that others wrote, made safe for where it is shown: a terminal, or a comment on a pull request."""

import re

# Words that no forge takes for markup, a link, a mention, or the number of an issue or commit.
_PLAIN = re.compile(r"\(?(?![a-f]{7,}\b)[A-Za-z]+(?:-[A-Za-z]+)*[),;:.]*|\(?[0-9]{1,6}[),;:.]*|→")


def shown(value: object) -> str:
    r"""Make a text safe for a terminal, whoever wrote it: control characters could overwrite what was said before.

    Returns:
        One line; what does not print stands in it as an escape such as \x1b.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))


def marked(value: object) -> str:
    """Make a text safe for markdown: every word that could mean something there becomes code, which means nothing."""
    return " ".join(word if not word or _PLAIN.fullmatch(word) else _code(word) for word in shown(value).split(" "))


def _code(word: str) -> str:
    """Fence a word by more backticks than it holds in a row."""
    longest = max(map(len, re.findall("`+", word)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {word} {fence}" if longest else f"`{word}`"
