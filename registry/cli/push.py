"""`waybill push`: wheels and sdists into a registry, with a token, or with the identity of a CI job."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from registry import pipelines
from registry.cli import exchange, remote, values
from registry.errors import Forbidden, Invalid
from registry.pipelines.base import Pipelines

_WIDTH = 30  # characters of the progress bar
_ANSWER = {"filename": str, "sha256": str}


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "push",
        help="publish wheels and sdists",
        description="Publish wheels and sdists. The token is that of --token-file or WAYBILL_TOKEN; in a CI job "
        "without either, the job's identity is exchanged for one. A file that is there already is no error.",
    )
    parser.add_argument("registry", type=values.registry, metavar="REGISTRY")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what a build left in dist/")
    parser.add_argument(
        "--url",
        type=values.server,
        default=os.environ.get("WAYBILL_URL"),  # argparse reads it as it reads what is typed
        required=not os.environ.get("WAYBILL_URL"),
        help="the registry server's address (default: WAYBILL_URL)",
    )
    parser.add_argument(
        "--token-file", metavar="FILE", dest="whence", help="a file with a token in it; -: the token comes on stdin"
    )
    parser.add_argument("--json", action="store_true", help="say on stdout what was accepted")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Publish files one after another; the first that is refused ends it."""
    files: list[Path] = options.files
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise Invalid(f"{missing[0]}: there is no such file; build it, or check the path")
    token, declared = _token(options)
    server = remote.Server(options.url, f"{options.registry}/", token)
    accepted: list[dict[str, Any]] = []
    try:
        for file in files:
            bar = _Bar(file)
            try:
                answer = server.send("", {}, file, _ANSWER, more=declared, sent=bar.sent)
            except Forbidden as error:
                raise Forbidden(f"{file.name}: {error}") from None
            finally:
                bar.clear()
            commit = answer.get("commit")
            accepted.append({"filename": answer["filename"], "sha256": answer["sha256"], "commit": commit})
            print(f"{file.name}: {'accepted' if commit else 'is there already'}", file=sys.stderr)
    finally:
        if options.json:
            print(json.dumps(accepted))
    return 0


def _token(options: argparse.Namespace) -> tuple[str, dict[str, str]]:
    """Find a token, and what the job declares where its token does not say it."""
    if options.whence:
        given = sys.stdin.read() if options.whence == "-" else Path(options.whence).read_text("utf-8", "replace")
    else:
        given = os.environ.get("WAYBILL_TOKEN", "")
    if given.strip():
        return given.strip(), _declared()
    try:
        one = pipelines.here(os.environ)
    except Invalid as error:
        raise Invalid(f"WAYBILL_TOKEN is not set, and there is no --token-file. {error}") from None
    identity = exchange.identity(one, exchange.audience(options.url))
    minted: str = exchange.mint(options.url, identity, one.declared(os.environ))["token"]
    if line := exchange.hide(one, minted):
        print(line, file=sys.stderr)
    return minted, {}


def _declared() -> dict[str, str]:
    one: Pipelines | None
    try:
        one = pipelines.here(os.environ)
    except Invalid:
        one = None
    said = one.declared(os.environ) if one else {}
    return {f"X-Waybill-Declared-{name.title()}": value for name, value in said.items()}


class _Bar:
    """How much of a file has gone, on a terminal only."""

    def __init__(self, file: Path) -> None:
        self._name, self._size, self._gone = file.name, max(file.stat().st_size, 1), 0

    def sent(self, more: int) -> None:
        """Count."""
        self._gone += more
        if sys.stderr.isatty():
            done = "#" * (_WIDTH * self._gone // self._size)
            print(f"\r\033[K[{done:{_WIDTH}}] {self._name}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave the line to what is said next."""
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
