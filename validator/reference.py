"""The reference of the rules that ship, made from their docstrings (`python -m validator.reference`)."""

import ast
import sys
from itertools import groupby
from pathlib import Path

from validator.loading import shipped
from validator.rule import Rule

_HEAD = """# The rules that ship

Made from the rules' own docstrings by `python -m validator.reference`; `waybill check --rules` prints the short form.
A rule is asked where *on* says: `publish` for wheels and sdists, `change` for a policy, `ledger` for the books.
Settings are made in `waybill.yaml` under `rules: {settings: {CODE: {name: value}}}`; what is not to count for a while
gets a waiver there, with owner, reason and last day.
"""


def reference() -> str:
    """Write the reference as Markdown."""
    parts = [_HEAD]
    for _, family in groupby(shipped(), lambda rule: rule.family):
        rules = list(family)
        parts.append(f"## {_about(Path(rules[0].file))}\n")
        parts += map(_entry, rules)
    return "\n".join(parts)


def _about(file: Path) -> str:
    """Give the first line of what a family's file says of itself."""
    return (ast.get_docstring(ast.parse(file.read_bytes())) or file.stem).splitlines()[0].removesuffix(".")


def _entry(rule: Rule) -> str:
    lines = [f"### {rule.code} {rule.name}", "", rule.text, ""]
    lines.append(f"- severity: {rule.severity.value}")
    lines.append(f"- on: {', '.join(sorted(situation.value for situation in rule.on))}")
    lines.append(f"- looks at: {', '.join(f'`{name}`' for name in rule.wants)}")
    if rule.settings:
        lines.append(f"- settings: {', '.join(f'`{name}: {value}`' for name, value in rule.settings.items())}")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(reference())
