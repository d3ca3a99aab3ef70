"""The house rules: the map in README is the order of imports, and each dependency has one place."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FILE = 220  # lines; a file that wants more is asking for a new noun
# Who may import what: a dependency with one home can be replaced there.
HOMES = {
    "dulwich": {"registry/store/objects.py", "registry/store/git.py", "registry/store/clone.py"},
    "yaml": {"registry/policy/"},
    "flask": {"registry/web/"},
    "werkzeug": {"registry/web/"},
    "multipart": {"registry/web/form.py"},
    "gunicorn": {"registry/cli/"},
    "git": {"validator/"},
    "sigstore": {"registry/attestations.py"},
    "pypi_attestations": {"registry/attestations.py"},
    "jwt": {"registry/keys.py", "registry/signatures.py"},
    "sqlite3": {
        "registry/counts.py",
        "registry/database.py",
        "registry/downloads.py",
        "registry/finder.py",
        "registry/findings.py",
        "registry/looks.py",
        "registry/sessions.py",
        "registry/state.py",
        "registry/strips.py",
        "registry/trail.py",
        "validator/spool.py",
    },
    "subprocess": {
        "registry/store/upkeep.py",
        "registry/store/remote.py",
        "registry/store/arrivals.py",
        "registry/store/process.py",
        "registry/cli/maintain.py",
        "registry/cli/demo.py",
        "registry/cli/exchange.py",
        "validator/sandbox.py",
    },
    "argparse": {"registry/cli/"},
    "validator": {"registry/cli/", "validator/"},
}


def ladder() -> list[str]:
    """The rungs as README lists them, top to bottom; a folder is one rung."""
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"```ladder\n(.*?)```", readme, re.DOTALL)
    assert found, "README.md has no ```ladder block"
    return [line.split()[0] for line in found[1].splitlines() if line.startswith(("registry/", "validator/"))]


def sources() -> list[Path]:
    return sorted(p for folder in ("registry", "validator") for p in (ROOT / folder).rglob("*.py"))


def rung_of(path: str, rungs: list[str]) -> int:
    """The most specific rung: a file's own line wins over its folder's."""
    own = [n for n, rung in enumerate(rungs) if rung == path or (rung.endswith("/") and path.startswith(rung))]
    assert own, f"{path} stands on no rung of README's ladder"
    return max(own, key=lambda n: len(rungs[n]))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            if not all(map(file_of, modules)):  # else it only passes through the package, to the modules in it
                yield node.module
            yield from modules


def file_of(module: str) -> str | None:
    base = ROOT / module.replace(".", "/")
    if base.with_suffix(".py").exists():
        return str(base.with_suffix(".py").relative_to(ROOT))
    if (base / "__init__.py").exists():
        return str((base / "__init__.py").relative_to(ROOT))
    return None


def climbs(path: Path, rungs: list[str]) -> list[str]:
    """The imports of a file that do not come from above it."""
    own = str(path.relative_to(ROOT))
    wrong = []
    for module in imported(path):
        target = file_of(module) if module.startswith(("registry", "validator")) else None
        if target in {None, own, "registry/__init__.py", "validator/__init__.py"}:
            continue
        if rung_of(str(target), rungs) > rung_of(own, rungs):
            wrong.append(f"{own} imports {target} from below")
    return wrong


def test_every_file_imports_only_from_above_it_in_readmes_ladder() -> None:
    rungs = ladder()
    assert [wrong for path in sources() for wrong in climbs(path, rungs)] == []


def test_an_import_from_below_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "registry" / "errors.py"
    bad.parent.mkdir()
    bad.write_text("from registry.upload import upload\n")
    (tmp_path / "registry" / "upload.py").touch()
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert climbs(bad, ["registry/errors.py", "registry/upload.py"]) == [
        "registry/errors.py imports registry/upload.py from below"
    ]


def test_every_rung_of_the_ladder_exists() -> None:
    assert [rung for rung in ladder() if not (ROOT / rung).exists()] == []


@pytest.mark.parametrize("dependency", HOMES)
def test_a_dependency_is_imported_only_at_home(dependency: str) -> None:
    homes = HOMES[dependency]
    guests = [
        str(path.relative_to(ROOT))
        for path in sources()
        if any(module.split(".")[0] == dependency for module in imported(path))
        and not any(str(path.relative_to(ROOT)).startswith(home) for home in homes)
    ]
    assert guests == []


def test_only_commands_read_the_environment() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in sources()
        if re.search(r"os\.environ|os\.getenv|sys\.argv", path.read_text())
        and not str(path.relative_to(ROOT)).startswith("registry/cli/")
    ]
    assert readers == []


def test_every_flush_goes_through_the_one_function_that_remembers_a_failure() -> None:
    flushing = {str(p.relative_to(ROOT)) for p in sources() if re.search(r"f(data)?sync\(", p.read_text())}
    assert flushing == {"registry/durable.py"}


def test_no_file_outgrows_its_noun() -> None:
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text().splitlines())) > LONGEST_FILE}
    assert long == {}


def test_the_top_level_holds_only_what_was_agreed() -> None:
    agreed = {"README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "pyproject.toml"}
    agreed |= {"registry", "validator", "ci-plugins", "tests", "examples"}
    made = {"build", "dist", "bench-work"}  # by tools, ignored by git
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith(".") and not p.name.endswith(".egg-info")}
    assert found - made <= agreed
