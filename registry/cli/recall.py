"""`waybill log --pipeline URL --yank`: what a pipeline published, as releases; with --yes they are yanked."""

import argparse
import json
import sys
from collections.abc import Callable

from registry import curate
from registry.answers import RecallAnswer, recall_json
from registry.cli import data, remote, values
from registry.errors import Invalid, WaybillError
from registry.names import ProjectName, RegistryName
from registry.recall import recalled
from registry.shown import shown
from registry.store import LEDGER
from registry.wanted import Wanted

_RELEASES: remote.Shape = {
    "releases": [
        {
            "registry": str,
            "project": str,
            "version": str,
            "files": list,
            "others": list,
            "yanked": bool,
            "reason": object,
        }
    ]
}


def add_options(log: argparse.ArgumentParser) -> None:
    """Add what `waybill log` takes for yanking what it finds."""
    log.add_argument("--yank", action="store_true", help="instead, propose to yank all releases that fit")
    log.add_argument("--yes", action="store_true", help="with --yank: do it")
    log.add_argument("--reason", default="", help="with --yank: shown to whoever installs one all the same")


def refuse_options(options: argparse.Namespace) -> None:
    """Refuse what means nothing without --yank.

    Raises:
        Invalid: there is some of it.
    """
    if options.yes or options.reason:
        raise Invalid(
            "--yes and --reason belong to 'waybill log --yank'; a single release: waybill yank PROJECT==VERSION"
        )


def run(options: argparse.Namespace, wanted: Wanted, query: dict[str, str | None]) -> int:
    """Show the releases that fit, and with --yes yank each that is not yanked yet; again after a failure is no harm."""
    yank: Callable[[RecallAnswer], object]
    if options.data:
        installation = data.open_installation(options.data)
        installation.trail.catch_up(LEDGER, values.progress("commits of the history read"))
        found = [recall_json(recall) for recall in recalled(installation, wanted)]

        def yank(one: RecallAnswer) -> object:
            names = RegistryName(one["registry"]), ProjectName(one["project"])
            return curate.yank(installation, None, *names, one["version"], options.reason)
    else:
        server = remote.Server(options.url)
        found = server.ask("GET", "log/releases", query, shape=_RELEASES)["releases"]

        def yank(one: RecallAnswer) -> object:
            path = "registries/{registry}/projects/{project}/releases/{version}/yank".format_map(one)
            return server.ask("PUT", path, body={"reason": options.reason})

    if not options.json:
        for one in found:
            _show(one)
    failures = _yanked(found, yank, options.reason) if options.yes else 0
    if options.json:
        print(json.dumps(found))
    _tell(found, failures, done=options.yes)
    return 1 if failures else 0


def _yanked(found: list[RecallAnswer], yank: Callable[[RecallAnswer], object], reason: str) -> int:
    """Yank one after the other, each durable when the next begins; one that fails keeps no other from it."""
    failures = 0
    for one in found:
        if one["yanked"]:
            continue
        try:
            yank(one)
        except WaybillError as error:
            failures += 1
            print(shown(f"{one['project']} {one['version']} was not yanked: {error}"), file=sys.stderr)
        else:
            one["yanked"], one["reason"] = True, reason
            print(shown(f"{one['project']} {one['version']} is yanked"), file=sys.stderr)
    return failures


def _show(one: RecallAnswer) -> None:
    """Show one release: what is meant, and what a yank reaches besides."""
    already = f"  (yanked already{': ' if one['reason'] else ''}{one['reason'] or ''})" if one["yanked"] else ""
    print(shown(f"{one['project']} {one['version']}  in {one['registry']}{already}"))
    for name in one["files"]:
        print(shown(f"    {name}"))
    for name in one["others"]:
        print(shown(f"    and with it {name}, which comes from elsewhere"))


def _tell(found: list[RecallAnswer], failures: int, *, done: bool) -> None:
    left, all_ = sum(not one["yanked"] for one in found), "1 release" if len(found) == 1 else f"{len(found)} releases"
    if not found:
        said = "Nothing that is still here was published or promoted like that"
    elif failures:
        said = f"{failures} of {all_} could not be yanked; mend that, and repeat the command"
    elif done or not left:
        said = f"{len(found)} of {all_} yanked"
    else:
        said = f"Nothing was changed. To yank {left} of {all_}, repeat the command with --yes"
    print(said, file=sys.stderr)
