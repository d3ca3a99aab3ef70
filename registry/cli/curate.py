"""`waybill yank` and `unyank` (PEP 592), and `status` (PEP 792)."""

import argparse
import json
import sys
from typing import Any

from registry import curate
from registry.cli import data, remote, values
from registry.model import Status
from registry.outcomes import status_json
from registry.shown import shown

_MEANING = {
    Status.ACTIVE: "it takes uploads and offers its files",
    Status.ARCHIVED: "it takes no uploads, and offers its files",
    Status.DEPRECATED: "it takes uploads and offers its files, and its pages say so",
    Status.QUARANTINED: "it takes no uploads and offers no files",
}


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

    status = commands.add_parser("status", help="say what may be expected of a project: archived takes no uploads")
    data.add_place(status)
    status.add_argument("project", type=values.project)
    status.add_argument("status", choices=[each.value for each in Status])
    status.add_argument("--registry", type=values.registry, default="python", help="default: %(default)s")
    status.add_argument("--reason", default="", help="shown on the project's pages, and to whoever is refused")
    status.add_argument("--json", action="store_true")
    status.set_defaults(run=run_status)


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
    print(f"{project} {version} is {state} in registry {registry}", file=sys.stderr)
    return 0


def run_status(options: argparse.Namespace) -> int:
    """Set the status of one project."""
    registry, project, said = options.registry, options.project, options.reason
    if options.data:
        installation = data.open_installation(options.data)
        changed = curate.set_status(installation, None, registry, project, Status(options.status), said)
        answer = {"registry": registry, **status_json(changed)}
    else:
        path, body = f"registries/{registry}/projects/{project}/status", {"status": options.status, "reason": said}
        answer = remote.Server(options.url).ask("PUT", path, body=body, shape={"project": str, "status": str})
    if options.json:
        print(json.dumps(answer))
    meaning = _MEANING[Status(options.status)]
    print(shown(f"{answer['project']} is {answer['status']} in registry {registry}; {meaning}"), file=sys.stderr)
    return 0
