"""The command `waybill`. Only here are environment and arguments read, and things wired together.

Machine-readable results go to stdout, everything said to a person to stderr.
Exit codes: 0 good, 1 refused or problems found, 2 wrong usage.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from importlib import import_module

from registry import __version__
from registry.cli.imports import without_collector
from registry.errors import WaybillError
from registry.shown import shown

# In the order of `waybill --help`: each command, and the module of its group. Only what is asked for is imported, as
# importing all of them takes longer than most commands do.
GROUPS = {
    "demo": "demo",
    "init": "init",
    "serve": "serve",
    "token": "token",
    "ci": "ci",
    "mint": "mint",
    "push": "push",
    "publisher": "publisher",
    "change": "change",
    "log": "audit",
    "who-can": "audit",
    "explain": "audit",
    "review": "review",
    "check": "check",
    "yank": "curate",
    "unyank": "curate",
    "status": "curate",
    "delete": "removal",
    "restore": "removal",
    "promote": "promotion",
    "maintain": "maintain",
    "scrub": "scrub",
    "hook": "hook",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    options = _parser(sys.argv[1:] if arguments is None else arguments).parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does: a terminal without UTF-8 is no error
    try:
        return int(options.run(options))
    except WaybillError as error:
        print("waybill: " + "\n".join(map(shown, str(error).split("\n"))), file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:
        print(shown(f"waybill: {error.filename or 'the system'}: {error.strerror or error}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser of the command that is asked for, or of all of them for help and for what is none."""
    parser = argparse.ArgumentParser(
        prog="waybill", description="A private Python package registry whose books are a git repository."
    )
    parser.add_argument("--version", action="version", version=f"waybill {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    first = next(iter(arguments), "")
    groups = [GROUPS[first]] if first in GROUPS else [] if first == "--version" else GROUPS.values()
    with without_collector():
        for group in dict.fromkeys(groups):
            import_module(f"registry.cli.{group}").add_to(commands)
    return parser
