"""Asserts that say what they saw, for a machine without pytest. The first line is the one that pytest would write."""

import ast
import reprlib
import sys
import types
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

LONGEST = 240  # characters of a value, as pytest shows it
HELPER = "@explain"  # no name that a rule file could have
_TEMPORARY = "@seen"
_UNSEEN = object()
_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&", ast.MatMult: "@",
}  # fmt: skip
_COMPARISONS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


class _Short(reprlib.Repr):
    """`repr` with an end, also of what cannot be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = LONGEST

    def repr(self, x: object) -> str:
        try:
            text = super().repr(x)
        except Exception as error:  # noqa: BLE001 - a value's own repr is code of the rule's author
            text = f"<{type(error).__name__} raised in repr() of {type(x).__name__}>"
        return _cut(text)

    def repr_instance(self, x: object, level: int) -> str:
        del level
        return _cut(repr(x))

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0 and x:
            return "{...}"
        pairs = [f"{self.repr1(k, level - 1)}: {self.repr1(v, level - 1)}" for k, v in list(x.items())[: self.maxdict]]
        return "{" + ", ".join([*pairs, *(["..."] if len(x) > self.maxdict else [])]) + "}"


def _cut(text: str) -> str:
    half = (LONGEST - 3) // 2
    return text if len(text) <= LONGEST else f"{text[:half]}...{text[len(text) - (LONGEST - 3 - half) :]}"


_SHORT = _Short()


def rewrite(tree: ast.Module) -> None:
    """Replace the asserts of a module by tests that raise what they saw; also `python -O` keeps those.

    Args:
        tree: the module, changed in place; its code needs the function `explain` under the name `HELPER`.
    """
    _Rewriter().visit(tree)
    ast.fix_missing_locations(tree)


def explain(seen: Any, *message: object) -> AssertionError:
    """Say what an assert saw.

    Args:
        seen: the expression as the rewritten assert recorded it.
        message: what its author had to say, if anything.
    """
    line = f"assert {_said(seen)}"
    said = "\n  ".join(str(message[0]).split("\n")) if message else ""  # as pytest indents it
    return AssertionError(f"{said}\n{line}" if message else line)


def _said(seen: Any) -> str:
    kind, *rest = seen
    if kind == "not":
        return f"not {_said(rest[0])}"
    if kind in {"and", "or"}:
        return "(" + f" {kind} ".join(_said(one) for one in rest if _happened(one)) + ")"
    if kind == "compare":
        ops, operands = rest
        last = max(n for n, one in enumerate(operands) if _happened(one))
        return f"{_said(operands[last - 1])} {ops[last - 1]} {_said(operands[last])}"
    if kind == "operator":
        return f"({_said(rest[0])} {rest[1]} {_said(rest[2])})"
    return _valued(*rest)


def _valued(name: str, value: object) -> str:
    if name and callable(value):
        return name
    return value.__name__ if isinstance(value, types.MethodType) else _SHORT.repr(value).replace("\n", "\\n")


def _happened(seen: Any) -> bool:
    """Tell whether an operand was looked at; `and`, `or` and chains stop early."""
    kind, *rest = seen
    if kind == "value":
        return rest[1] is not _UNSEEN
    return _happened(rest[1][0] if kind == "compare" else rest[0])


def unshortened() -> AbstractContextManager[None]:
    """Let pytest, while it runs, shorten nothing in the line that says what did not hold: it is the same everywhere."""
    util = sys.modules.get("_pytest.assertion.util")
    rewrite = sys.modules.get("_pytest.assertion.rewrite")
    shorten = getattr(util, "_reprcompare", None)  # pytest has no public door to it
    return _as_it_is if shorten is None or rewrite is None else _unshortened(util, rewrite, shorten)


_as_it_is = nullcontext()


@contextmanager
def _unshortened(util: Any, rewrite: Any, shorten: Any) -> Iterator[None]:

    def compare(op: str, left: object, right: object) -> str | None:
        found = shorten(op, left, right)
        if not found:
            return None
        line = f"{rewrite._saferepr(left)} {op} {rewrite._saferepr(right)}"  # noqa: SLF001 - likewise
        return "\n~".join([line.replace("%", "%%"), *found.split("\n~")[1:]])

    setattr(util, "_reprcompare", compare)  # noqa: B010 - likewise
    try:
        yield
    finally:
        setattr(util, "_reprcompare", shorten)  # noqa: B010 - likewise


class _Rewriter(ast.NodeTransformer):
    """Keeps every operand of an assert in a variable of its own."""

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        self._names: list[str] = []
        test, seen = self._kept(node.test)
        names: list[ast.expr] = [ast.Name(name, ast.Store()) for name in self._names]
        begin = ast.Assign(names, ast.Attribute(ast.Name(HELPER, ast.Load()), "unseen", ast.Load()))
        said = ast.Call(ast.Name(HELPER, ast.Load()), [seen, *([node.msg] if node.msg else [])], [])
        failing = ast.If(ast.UnaryOp(ast.Not(), test), [ast.Raise(said, None)], [])
        found: list[ast.stmt] = [begin, failing] if names else [failing]
        return [ast.copy_location(each, node) for each in found]

    def _kept(self, node: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Give the expression that keeps what it sees, and the one that tells of it."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            kept, seen = self._kept(node.operand)
            return ast.UnaryOp(ast.Not(), kept), _tuple(ast.Constant("not"), seen)
        if isinstance(node, ast.BoolOp):
            parts = [self._kept(value) for value in node.values]
            word = "and" if isinstance(node.op, ast.And) else "or"
            return ast.BoolOp(node.op, [k for k, _ in parts]), _tuple(ast.Constant(word), *(s for _, s in parts))
        if isinstance(node, ast.Compare):
            left, *others = [self._operand(each) for each in (node.left, *node.comparators)]
            ops = _tuple(*(ast.Constant(_COMPARISONS[type(op)]) for op in node.ops))
            operands = _tuple(*(seen for _, seen in (left, *others)))
            kept = ast.Compare(left[0], node.ops, [k for k, _ in others])
            return kept, _tuple(ast.Constant("compare"), ops, operands)
        if isinstance(node, ast.BinOp):
            (one, one_seen), (other, other_seen) = self._kept(node.left), self._kept(node.right)
            symbol = ast.Constant(_OPERATORS[type(node.op)])
            return ast.BinOp(one, node.op, other), _tuple(ast.Constant("operator"), one_seen, symbol, other_seen)
        return self._leaf(node)

    def _operand(self, node: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Look into what is computed of others, but not into what is again true or false."""
        return self._leaf(node) if isinstance(node, ast.Compare | ast.BoolOp) else self._kept(node)

    def _leaf(self, node: ast.expr) -> tuple[ast.expr, ast.expr]:
        name = f"{_TEMPORARY}{len(self._names)}"
        self._names.append(name)
        kept = ast.NamedExpr(ast.Name(name, ast.Store()), node)
        own = ast.Constant(node.id if isinstance(node, ast.Name) else "")
        return kept, _tuple(ast.Constant("value"), own, ast.Name(name, ast.Load()))


def _tuple(*parts: ast.expr) -> ast.Tuple:
    return ast.Tuple(list(parts), ast.Load())


def helpers() -> Iterator[tuple[str, object]]:
    """List what a rewritten module needs beside its own names."""
    yield HELPER, _Helper()


class _Helper:
    unseen = _UNSEEN

    def __call__(self, seen: Any, *message: object) -> AssertionError:
        return explain(seen, *message)
