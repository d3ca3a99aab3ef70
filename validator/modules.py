"""The Python files of a policy's folder `rules`, which import each other by name, as pytest lets their tests do.

Both mean the files of one commit: what lies on the disk of whoever runs them is never looked at.
"""

import ast
import builtins
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import PurePath
from types import CodeType, ModuleType, TracebackType
from typing import Any

from registry.errors import Invalid
from validator import explaining

LARGEST = 256 * 1024  # bytes of a file
_OTHERS = {"registry", "validator", "packaging", "pytest"}  # what rules import beside Python's own


class Modules:
    """Files, each run when it is first asked for."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Take the files.

        Args:
            files: by path, all of one folder. Tests may be among them; they are nothing to import.
        """
        self._files = {stem: (path, text) for path, text in files.items() if is_module(stem := PurePath(path).stem)}
        self._made: dict[str, ModuleType] = {}
        self._builtins = {**vars(builtins), "__import__": self._import}

    def run(self, path: str) -> ModuleType:
        """Run a file, and those that it imports.

        Raises:
            Invalid: it is no Python, or cannot be run; the message names file and line.
        """
        try:
            return self._module(PurePath(path).stem)
        except Exception as error:
            place = self._place(error) or f"{path}:1"
            raise Invalid(f"{place}: the rule file cannot be loaded: {error}") from error

    def _module(self, stem: str) -> ModuleType:
        if stem not in self._made:
            path, text = self._files[stem]
            if len(text) > LARGEST:
                raise Invalid(f"{path}: {len(text):,} bytes are too many for a rule file; at most {LARGEST:,} are read")
            module = self._made[stem] = ModuleType(stem)  # before it is run: two may import each other
            module.__file__ = path
            module.__dict__.update(explaining.helpers(), __builtins__=self._builtins)
            try:
                exec(_compiled(text, path), module.__dict__)  # noqa: S102 - a rule is code; who may write it is decided before
            except BaseException:
                del self._made[stem]
                raise
        return self._made[stem]

    def _import(self, name: str, scope: Any = None, local: Any = None, wanted: Any = (), level: int = 0) -> Any:
        """Do what `import` does in these files."""
        if level:
            raise ImportError("write 'from NAME import ...' for another file of rules/; there is no package around it")
        if name in self._files:
            if name in sys.stdlib_module_names or name in _OTHERS:
                raise ImportError(f"'{name}' is also a module outside rules/; give {self._files[name][0]} another name")
            return self._module(name)
        return builtins.__import__(name, scope, local, wanted, level)

    def _place(self, error: BaseException) -> str:
        """Find the line of these files at which something went wrong."""
        paths = {path for path, _ in self._files.values()}
        if isinstance(error, SyntaxError) and error.filename in paths:
            return f"{error.filename}:{error.lineno or 1}"
        return next(
            (f"{path}:{line}" for path, line in reversed(list(_steps(error.__traceback__))) if path in paths), ""
        )


def is_module(stem: str) -> bool:
    """Tell whether a file is one to be imported, and not a test."""
    return not stem.startswith("test_") and stem != "conftest"


def line_of(error: BaseException, path: str) -> int:
    """Give the line of a rule file that raised an error."""
    return next((line for name, line in reversed(list(_steps(error.__traceback__))) if name == path), 1)


def _steps(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    while trace:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next


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
