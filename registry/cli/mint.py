"""`waybill mint`: this CI job's identity becomes an upload token, for any client that takes a password."""

import argparse
import json
import os
import sys
from typing import Any

from registry import pipelines
from registry.cli import exchange, values
from registry.errors import Invalid


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "mint",
        help="turn this CI job's identity into an upload token, alone on stdout",
        description="Turn this CI job's identity into an upload token for some minutes; its user name is __token__.",
    )
    parser.add_argument("--url", type=values.server, required=True, help="the registry server's address")
    parser.add_argument("--provider", type=values.provider, help="which CI system this is (default: found out)")
    parser.add_argument("--audience", help="what the identity token is for (default: what the server says)")
    parser.add_argument("--burn", action="store_true", help="end the upload token that is in WAYBILL_TOKEN")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print an upload token, or end one."""
    if options.burn:
        token = os.environ.get("WAYBILL_TOKEN", "").strip()
        if not token:
            raise Invalid("WAYBILL_TOKEN is not set; put the upload token in it, so that it is in no command line")
        exchange.burn(options.url, token)
        return 0
    one = pipelines.named(options.provider) if options.provider else pipelines.here(os.environ)
    token = exchange.identity(one, options.audience or exchange.audience(options.url))
    minted = exchange.mint(options.url, token, one.declared(os.environ))
    line = exchange.hide(one, minted["token"])
    if line:
        print(line, file=sys.stderr)
    print(json.dumps({key: minted[key] for key in ("token", "expires")}) if options.json else minted["token"])
    return 0
