"""`waybill promote`: a release goes on to another registry."""

import argparse
import json
import sys
from typing import Any

from registry.answers import promoted_json
from registry.cli import data, remote, values
from registry.promotion import Route, promote
from registry.shown import shown

_PROMOTED: remote.Shape = {"files": [{"filename": str}], "there": [{"filename": str}], "commit": object}


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("promote", help="let a release enter another registry, with the same bytes")
    data.add_place(parser)
    parser.add_argument("release", type=values.release, metavar="PROJECT==VERSION")
    parser.add_argument("--from", dest="source", type=values.registry, metavar="REGISTRY", required=True)
    parser.add_argument("--to", dest="target", type=values.registry, metavar="REGISTRY", required=True)
    parser.add_argument("--file", metavar="NAME", help="only this file of it")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Promote, and say of each file what happened."""
    project, version = options.release
    route = Route(options.source, options.target, project, version, options.file)
    if options.data:
        answer = promoted_json(route, promote(data.open_installation(options.data), None, route))
    else:
        path = f"registries/{route.source}/projects/{route.project}/releases/{route.version}"
        path += f"/files/{route.filename}" if route.filename else ""
        asked = remote.Server(options.url)
        answer = asked.ask("POST", f"{path}/promote", body={"to": route.target}, shape=_PROMOTED)
    if options.json:
        print(json.dumps(answer))
    for file in answer["files"]:
        print(shown(f"promoted {file['filename']} from {route.source} to {route.target}"), file=sys.stderr)
    for file in answer["there"]:
        print(shown(f"{file['filename']} is in {route.target} already, with the same content"), file=sys.stderr)
    return 0
