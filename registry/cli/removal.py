"""`waybill delete` and `restore`: a file, a release, or a whole project."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from registry import names, removal
from registry.cli import data, remote, values
from registry.maintenance import GRACE
from registry.outcomes import outcome_json
from registry.removal import Whole
from registry.shown import shown

_OUTCOME: remote.Shape = {"what": str, "files": [{"filename": str, "version": str, "sha256": str}], "commit": object}


def add_to(commands: Any) -> None:
    """Add the commands."""
    delete = commands.add_parser("delete", help="take a file, a release or a project away; its names stay taken")
    restore = commands.add_parser("restore", help=f"bring it back, within {GRACE.days} days, with the same bytes")
    for parser in (delete, restore):
        data.add_place(parser)
        parser.add_argument("what", type=values.project_or_release, metavar="PROJECT[==VERSION]")
        parser.add_argument("--file", metavar="NAME", help="only this file of it")
        parser.add_argument("--registry", type=values.registry, default="python", help="default: %(default)s")
        parser.add_argument("--json", action="store_true")
        parser.set_defaults(run=run, verb=parser.prog.rpartition(" ")[2])
    delete.add_argument("--reason", default="", help="kept, and shown to whoever asks for it")


def run(options: argparse.Namespace) -> int:
    """Delete or restore, and say of each file what happened."""
    whole = _whole(options)
    deletes = options.verb == "delete"
    if options.data:
        installation = data.open_installation(options.data)
        if deletes:
            outcome = removal.delete(installation, None, whole, options.reason)
        else:
            outcome = removal.restore(installation, None, whole)
        answer = outcome_json(whole, outcome)
    else:
        path = f"registries/{whole.registry}/projects/{whole.project}"
        path += f"/releases/{whole.version}" if whole.version else ""
        path += f"/files/{whole.filename}" if whole.filename else ""
        server = remote.Server(options.url)
        if deletes:
            answer = server.ask("DELETE", path, body={"reason": options.reason}, shape=_OUTCOME)
        else:
            answer = server.ask("POST", f"{path}/restore", shape=_OUTCOME)
    if options.json:
        print(json.dumps(answer))
    _tell(answer, whole, deletes=deletes)
    return 0


def _whole(options: argparse.Namespace) -> Whole:
    project, version = options.what
    if options.file and version is None:
        version = names.distribution(options.file).version
    return Whole(options.registry, project, version, options.file)


def _tell(answer: Mapping[str, Any], whole: Whole, *, deletes: bool) -> None:
    for file in answer["files"]:
        did = "deleted" if deletes else "restored"
        print(shown(f"{did} {file['filename']} in registry {whole.registry}"), file=sys.stderr)
    if not answer["files"]:
        said = "is deleted already" if deletes else "is not deleted"
        print(shown(f"{whole} {said} in registry {whole.registry}; nothing was changed"), file=sys.stderr)
    elif deletes:
        print(f"'waybill restore' brings it back for {GRACE.days} days, then the bytes are removed", file=sys.stderr)
