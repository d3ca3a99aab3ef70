"""Rule files -> rules. Their code is compiled here, so that asserts say what they saw, and stay under `python -O`."""

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType

from registry.errors import Invalid
from registry.policy.content import Files
from validator import explaining
from validator.rule import Rule, rule_of

LARGEST = 256 * 1024  # bytes of a rule file
SHIPPED = Path(__file__).parent / "rules"


def load(source: bytes, path: str) -> list[Rule]:
    """Run a rule file and list its rules, in their order.

    Args:
        source: its text.
        path: where it stands, as reports name it.

    Raises:
        Invalid: it is no Python, cannot be run, or has a rule that is none; the message names file and line.
    """
    if len(source) > LARGEST:
        raise Invalid(f"{path}: {len(source):,} bytes are too many for a rule file; at most {LARGEST:,} are read")
    module = ModuleType(Path(path).stem)
    module.__file__ = path
    module.__dict__.update(explaining.helpers())
    try:
        exec(_compiled(source, path), module.__dict__)  # noqa: S102 - a rule is code; who may write it is decided before
    except Exception as error:
        raise Invalid(f"{path}:{_line(error, path)}: the rule file cannot be loaded: {error}") from error
    rules = [found for value in vars(module).values() if (found := rule_of(value)) and found.file == path]
    return sorted(rules, key=lambda rule: rule.line)


def shipped() -> tuple[Rule, ...]:
    """Give the rules that come with Waybill."""
    return _shipped()


def is_rules(name: str) -> bool:
    """Tell whether a file of the folder `rules` holds rules, and not their tests."""
    return name.endswith("_rules.py") and not name.startswith("test_")


def from_folder(folder: Path, shown: str = "") -> list[Rule]:
    """Load the rule files of a folder, `*_rules.py`.

    Args:
        folder: where they are.
        shown: how reports name the folder; empty: as it is given.
    """
    found = sorted(path for path in folder.iterdir() if is_rules(path.name))
    return [rule for path in found for rule in load(path.read_bytes(), f"{shown or folder}/{path.name}")]


def from_policy(files: Files) -> list[Rule]:
    """Load the organization's own rules, `rules/*_rules.py` of a commit of its policy."""
    names = sorted(name for name, entry in files.entries("rules").items() if is_rules(name) and not entry.folder)
    return [rule for name in names for rule in load(files.read(f"rules/{name}") or b"", f"rules/{name}")]


def together(*sets: Iterable[Rule]) -> tuple[Rule, ...]:
    """Put sets of rules together.

    Raises:
        Invalid: two rules have one code, or one name.
    """
    seen: dict[str, Rule] = {}
    rules = tuple(rule for rules in sets for rule in rules)
    for rule in rules:
        for key in (rule.code, rule.name):
            if other := seen.get(key):
                place = f"{other.file}:{other.line}"
                raise Invalid(f"{rule.file}:{rule.line}: '{key}' is taken by the rule at {place}; choose another")
            seen[key] = rule
    return rules


@lru_cache(1)
def _shipped() -> tuple[Rule, ...]:
    files = sorted(SHIPPED.glob("wb*.py"))
    return together(*(load(path.read_bytes(), str(path)) for path in files))


@lru_cache(64)
def _compiled(source: bytes, path: str) -> CodeType:
    """Compile a rule file with asserts that explain themselves; by pytest's own rewriting where pytest is installed."""
    tree = ast.parse(source, path)
    try:
        from _pytest.assertion.rewrite import rewrite_asserts  # noqa: PLC0415 - pytest has no public function
    except ImportError:
        explaining.rewrite(tree)
    else:
        rewrite_asserts(tree, source, path)
    return compile(tree, path, "exec", dont_inherit=True, optimize=0)


def _line(error: BaseException, path: str) -> int:
    """Find the line of a rule file at which something went wrong."""
    if isinstance(error, SyntaxError):
        return error.lineno or 1
    lines = list(_lines(error, path))
    return lines[-1] if lines else 1


def _lines(error: BaseException, path: str) -> Iterator[int]:
    step = error.__traceback__
    while step:
        if step.tb_frame.f_code.co_filename == path:
            yield step.tb_lineno
        step = step.tb_next


def line_of(error: BaseException, path: str) -> int:
    """Give the line of a rule file that raised an error."""
    return _line(error, path)
