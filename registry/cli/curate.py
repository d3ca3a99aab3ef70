"""`waybill yank` and `unyank` (PEP 592)."""

import argparse
import sys
from typing import Any

from registry import curate
from registry.cli import data, remote, values


def add_to(commands: Any) -> None:
    """Add the commands."""
    for verb, what in (("yank", "make installers skip a release unless it is pinned"), ("unyank", "take a yank back")):
        parser = commands.add_parser(verb, help=what)
        data.add_place(parser)
        parser.add_argument("release", type=values.release, metavar="PROJECT==VERSION")
        parser.add_argument("--registry", type=values.registry, default="python", help="default: %(default)s")
        if verb == "yank":
            parser.add_argument("--reason", default="", help="shown to whoever installs it all the same")
        parser.set_defaults(run=run, verb=verb)


def run(options: argparse.Namespace) -> int:
    """Yank or unyank one release."""
    registry, (project, version) = options.registry, options.release
    if options.data:
        installation = data.open_installation(options.data)
        if options.verb == "yank":
            release = curate.yank(installation, None, registry, project, version, options.reason)
        else:
            release = curate.unyank(installation, None, registry, project, version)
        version = release.version
    else:
        path = f"registries/{registry}/projects/{project}/releases/{version}/yank"
        server = remote.Server(options.url)
        if options.verb == "yank":
            server.ask("PUT", path, body={"reason": options.reason})
        else:
            server.ask("DELETE", path)
    state = "yanked" if options.verb == "yank" else "not yanked any more"
    print(f"{project} {version} is {state}", file=sys.stderr)
    return 0
