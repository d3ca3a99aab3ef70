"""Which rules run: by prefix of their code or by name, by a `-k` expression, by marks."""

import ast
import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from registry.errors import Invalid
from validator.rule import Rule


@dataclass(frozen=True, slots=True)
class Selection:
    """What to run and what to leave out; a longer match of `select` wins over a shorter one of `ignore`."""

    select: tuple[str, ...] = ()  # prefixes of codes, or names; empty: all
    ignore: tuple[str, ...] = ()
    keyword: str = ""  # as pytest's -k
    marks: str = ""  # as pytest's -m

    def rules(self, rules: Iterable[Rule]) -> list[Rule]:
        """Keep the rules that are asked for.

        Raises:
            Invalid: an entry means no rule, or an expression is none.
        """
        known = list(rules)
        for entry in (*self.select, *self.ignore):
            _require_known(entry, known)
        marked = matcher("-m", self.marks, exact=True)
        return [rule for rule in known if self._chosen(rule) and marked(sorted(rule.words))]

    def items(self) -> Callable[[str], bool]:
        """Give the test that `-k` means, for the id of a rule on a subject."""
        keyword = matcher("-k", self.keyword, exact=False)
        return lambda item: keyword([item])

    def _chosen(self, rule: Rule) -> bool:
        wanted = max((_fit(entry, rule) for entry in self.select), default=0 if self.select else 1)
        unwanted = max((_fit(entry, rule) for entry in self.ignore), default=0)
        return wanted > 0 and wanted > unwanted if self.select else unwanted == 0


def meant(entry: str, rule: Rule) -> bool:
    """Tell whether an entry of a list of rules means this one."""
    return _fit(entry, rule) > 0


def _fit(entry: str, rule: Rule) -> int:
    """Tell how closely an entry means a rule; 0: not at all."""
    if entry in {rule.code, rule.name}:
        return 100
    return len(entry) if rule.code.startswith(entry) else 0


def _require_known(entry: str, rules: Sequence[Rule]) -> None:
    if any(meant(entry, rule) for rule in rules):
        return
    names = [word for rule in rules for word in (rule.code, rule.name)]
    near = difflib.get_close_matches(entry, names, 1)
    guess = f"; did you mean '{near[0]}'?" if near else "; 'waybill check --rules' lists them"
    raise Invalid(f"{entry!a} is no rule and no beginning of a code{guess}")


def matcher(option: str, expression: str, *, exact: bool) -> Callable[[Sequence[str]], bool]:
    """Read an expression of words with `and`, `or`, `not`, as pytest's options take it.

    Args:
        option: for messages.
        expression: empty means everything.
        exact: whether a word must be equal to one of those it is compared with, or only be in one.

    Raises:
        Invalid: it is none.
    """
    if not expression.strip():
        return lambda _words: True
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise Invalid(f"{option}: {expression!a} is not words joined by 'and', 'or', 'not'") from None
    return _read(option, expression, tree, exact=exact)


def _read(option: str, expression: str, node: ast.expr, *, exact: bool) -> Callable[[Sequence[str]], bool]:
    if isinstance(node, ast.BoolOp):
        parts = [_read(option, expression, value, exact=exact) for value in node.values]
        joined = all if isinstance(node.op, ast.And) else any
        return lambda words: joined(part(words) for part in parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _read(option, expression, node.operand, exact=exact)
        return lambda words: not inner(words)
    if isinstance(node, ast.Name):
        wanted = node.id.lower()
        if exact:
            return lambda words: wanted in words
        return lambda words: any(wanted in word.lower() for word in words)
    raise Invalid(f"{option}: {expression!a} is not words joined by 'and', 'or', 'not'")
