"""`waybill init`: an installation in an empty folder, and its first token."""

import argparse
import sys
from pathlib import Path
from typing import Any

from registry import tokens
from registry.cli import data
from registry.policy.roles import Scope


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("init", help="make an installation; prints the first admin's token, once, on stdout")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--organization", default="acme", help="short name of the organization (default: %(default)s)")
    parser.add_argument("--admin", default="admin", help="id of the first person (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the folder and print the token."""
    note = "first token, by waybill init"
    with data.making(options.folder, options.organization, options.admin) as installation:
        issued = tokens.create(installation, None, options.admin, scope=Scope(), expires=None, note=note)
    print(issued.secret)
    say = f"""\
Made {options.folder} for organization {options.organization}.
The token above belongs to {options.admin}; it is shown only now.
Next:  waybill serve {options.folder}
Rights are files on branch main of {data.git_folder(options.folder)}; facts are commits on branch ledger:
       git -C {data.git_folder(options.folder)} log ledger"""
    print(say, file=sys.stderr)
    return 0
