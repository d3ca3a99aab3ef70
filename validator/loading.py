"""Rule files -> rules. Their code is compiled here, so that asserts say what they saw, and stay under `python -O`."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path, PurePath

from registry.errors import Invalid
from registry.policy.content import Files
from validator.modules import Modules
from validator.rule import Rule, rule_of

SHIPPED = Path(__file__).parent / "rules"


def load(files: Mapping[str, bytes], only: str = "") -> list[Rule]:
    """Run the rule files of a folder and list their rules, in their order.

    Args:
        files: its Python files by path, as reports name them; those that end in `_rules.py` hold rules, and all may be
            imported by the others.
        only: the one to run; empty: all.

    Raises:
        Invalid: one is no Python, cannot be run, or has a rule that is none; the message names file and line.
    """
    modules = Modules(files)
    found: list[Rule] = []
    for path in [only] if only else sorted(path for path in files if is_rules(PurePath(path).name)):
        rules = [made for value in vars(modules.run(path)).values() if (made := rule_of(value)) and made.file == path]
        found += sorted(rules, key=lambda rule: rule.line)
    return found


def shipped() -> tuple[Rule, ...]:
    """Give the rules that come with Waybill."""
    return _shipped()


def is_rules(name: str) -> bool:
    """Tell whether a file of the folder `rules` holds rules, and not their tests or what they share."""
    return name.endswith("_rules.py") and not name.startswith("test_")


def from_folder(folder: Path, only: str = "") -> list[Rule]:
    """Load the rule files of a folder, `*_rules.py`, or one file of it."""
    files = {str(path): path.read_bytes() for path in sorted(folder.glob("*.py"))}
    return load(files, only)


def from_policy(files: Files) -> list[Rule]:
    """Load the organization's own rules, `rules/*_rules.py` of a commit of its policy."""
    names = sorted(name for name, entry in files.entries("rules").items() if name.endswith(".py") and not entry.folder)
    return load({f"rules/{name}": files.read(f"rules/{name}") or b"" for name in names})


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
    files = {str(path): path.read_bytes() for path in sorted(SHIPPED.glob("wb*.py"))}
    return together(*(load(files, path) for path in files))
