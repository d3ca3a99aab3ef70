"""The command `waybill`. Only here are environment and arguments read, and things wired together.

Machine-readable results go to stdout, everything said to a person to stderr.
Exit codes: 0 good, 1 refused or problems found, 2 wrong usage.
"""

import argparse
import io
import sys
from collections.abc import Sequence

from registry import __version__
from registry.cli import (
    audit,
    change,
    check,
    ci,
    curate,
    demo,
    hook,
    init,
    maintain,
    mint,
    promotion,
    publisher,
    push,
    removal,
    review,
    scrub,
    serve,
    token,
)
from registry.errors import WaybillError
from registry.shown import shown

# fmt: off
_GROUPS = (
    demo, init, serve, token, ci, mint, push, publisher, change, audit, review, check,
    curate, removal, promotion, maintain, scrub, hook,
)
# fmt: on


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="waybill", description="A private Python package registry whose books are a git repository."
    )
    parser.add_argument("--version", action="version", version=f"waybill {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in _GROUPS:
        group.add_to(commands)
    options = parser.parse_args(arguments)
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
