"""Waybill beside the registries people choose from, and beside nginx with plain files: one run, one machine, tables.

Run it with:  python -m tests.benchmarks            (about an hour; --quick takes some ten minutes)
              python -m tests.benchmarks --quick --only reads,installs --peers nginx,peryx

The server has one core and the client the other. Each answer is checked before it is measured, each cell is measured
again while the hypervisor takes more than 3 % of the machine. Compare ratios within a run; absolute figures drift.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import lives, reads, uploads
from tests.benchmarks.corpus import FULL, QUICK, corpus
from tests.benchmarks.load import wrk_version
from tests.benchmarks.machine import CLIENT_CORE, Unmeasured, described, keep_to, need
from tests.benchmarks.peers import PEERS
from tests.benchmarks.servers import Server, Setup
from tests.benchmarks.static import Nginx
from tests.benchmarks.tables import NGINX, Row, table
from tests.benchmarks.waybill import Waybill

THEMES = ("reads", "uploads", "starts", "memory", "installs")


def main() -> int:
    """Measure what is asked for, and print it."""
    options = _options()
    try:
        need("wrk", "taskset")
    except Unmeasured as reason:
        return _fail(str(reason))
    if (os.cpu_count() or 1) < 2:
        return _fail("a core for the server and one for the client are needed, and this machine has one")
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    sizes = QUICK if options.quick else FULL
    _say(f"working in {work}; making the corpus")
    setup = Setup(
        work.resolve(), corpus(work.resolve() / f"corpus-{sizes.label}", sizes), options.quick, options.workers
    )
    keep_to(CLIENT_CORE)
    servers, absent, versions = _ready(setup, options.peers)
    results: dict[str, list[Row]] = {}
    heading: list[str] = []
    for theme in options.only:
        results[theme] = _themes(setup, servers)[theme]()
        heading = _heading(setup, versions, absent, results)
        (work / "results.json").write_text(json.dumps(_plain(heading, results), indent=2))
    print("\n".join(heading), end="\n\n")
    for theme, rows in results.items():
        print(table(theme, rows, [server.name for server in servers]))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").partition("\n")[0])
    every = [NGINX, *PEERS]
    usual = Path(tempfile.gettempdir()) / "waybill-benchmarks"
    parser.add_argument("--quick", action="store_true", help="a smaller corpus and short cells, to see that it works")
    parser.add_argument("--only", type=_chosen(THEMES), default=THEMES, help=f"of {','.join(THEMES)} (default: all)")
    parser.add_argument("--peers", type=_chosen(every), default=every, help=f"of {','.join(every)} (default: all)")
    parser.add_argument(
        "--workers", type=int, default=1, help="of Waybill where it has one core (default: %(default)s)"
    )
    parser.add_argument("--work", type=Path, default=usual, metavar="DIR", help="default: %(default)s; can be deleted")
    return parser.parse_args()


def _chosen(known: Sequence[str]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        wrong = [word for word in text.split(",") if word not in known]
        if wrong:
            raise argparse.ArgumentTypeError(f"{', '.join(wrong)}: choose from {','.join(known)}")
        return text.split(",")

    return read


def _ready(setup: Setup, peers: Sequence[str]) -> tuple[list[Server], dict[str, str], dict[str, str]]:
    """Make every server ready, and say of each that is not why."""
    waybill = Waybill(setup)
    wanted: list[Server] = [waybill]
    wanted += [Nginx(setup, waybill) if name == NGINX else PEERS[name](setup) for name in peers]
    servers, absent, versions = [], {}, {}
    for server in wanted:
        try:
            _say(f"preparing {server.name}")
            versions[server.name] = server.install()
            server.forget()
            server.template(filled=True)
            servers.append(server)
        except (Unmeasured, OSError) as reason:
            absent[server.name] = str(reason)
            _say(f"{server.name} is not measured: {reason}")
    if waybill not in servers:
        raise SystemExit(f"without Waybill there is nothing to compare: {absent[waybill.name]}")
    return servers, absent, versions


def _themes(setup: Setup, servers: list[Server]) -> dict[str, Callable[[], list[Row]]]:
    takers = [server for server in servers if server.takes_uploads]
    shared = [Waybill(setup, workers=os.cpu_count()) if isinstance(server, Waybill) else server for server in takers]
    return {
        "reads": lambda: reads.measure(servers, _say),
        "uploads": lambda: uploads.measure(takers, shared, _say),
        "starts": lambda: lives.starts(servers, _say),
        "memory": lambda: lives.memory(servers, _say),
        "installs": lambda: lives.installs(servers, _say),
    }


def _heading(
    setup: Setup, versions: dict[str, str], absent: dict[str, str], results: dict[str, list[Row]]
) -> list[str]:
    stolen = [cell.stolen for rows in results.values() for row in rows for cell in row.cells.values()]
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {described()}, {wrk_version()}.",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        f"{len(setup.corpus.items):,} files in {len(setup.corpus.projects()):,} projects; cells of {setup.seconds} s.",
        f"Waybill runs with --workers {setup.workers} where it has one core. In brackets: p50/p99.",
        f"Load at the end {os.getloadavg()[0]:.1f}; a quiet machine has at most 2, the server and the client.",
        f"The hypervisor took {max(stolen, default=0)} % of the time in the worst cell.",
    ]
    return lines + [f"Not measured: {name}: {reason}." for name, reason in absent.items()]


def _plain(heading: list[str], results: dict[str, list[Row]]) -> dict[str, object]:
    return {"heading": heading, **{theme: [asdict(row) for row in rows] for theme, rows in results.items()}}


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def _fail(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 2


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server is left behind
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
