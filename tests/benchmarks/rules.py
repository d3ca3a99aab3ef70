"""What the rules that ship cost one upload, beside looking into the archive: `python -m tests.benchmarks.rules`."""

import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

from registry import archive
from registry.checking import Arrival
from registry.model import Origin, Sha256
from registry.names import RegistryName, distribution
from registry.policy.policy import Policy
from tests.archives import sdist, wheel
from validator.builders import Builders
from validator.sandbox import MEMORY, Request, ask
from validator.serving import Rules

ROUNDS = 200
FILES = {"demo/__init__.py": b""}
NOW = datetime.now(UTC)
OWN = "from validator import rule\n\n@rule('AC101', on=['publish'])\ndef own(file):\n    'X.'\n    assert file.size\n"
ORGANIZATION = "organization: acme\nadmins: [alice]\nrules: {upload: [WB, AC]}\n"


def archives() -> list[tuple[str, tuple[str, bytes]]]:
    """Make what people upload: small, of many members, and large."""
    headers = ["License-Expression: MIT", "Description-Content-Type: text/markdown"]
    body = "# Title\n\nText.\n" * 400
    many = {f"demo/m{n}.py": b"x = 1\n" * 40 for n in range(1000)}
    return [
        ("wheel, one module", wheel("demo", "1.0", headers=headers, body=body, files=FILES)),
        ("wheel, 1,000 modules", wheel("demo", "1.0", headers=headers, body=body, files=many)),
        ("sdist, one module", sdist("demo", "1.0", headers=headers, body=body, files=FILES)),
        ("sdist, 1,000 modules", sdist("demo", "1.0", headers=headers, body=body, files=many)),
    ]


def timed(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Give the median of some rounds, in milliseconds, after one that is not counted."""
    call()
    times = []
    for _ in range(rounds):
        begin = perf_counter()
        call()
        times.append(perf_counter() - begin)
    return median(times) * 1000


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policy = Builders(folder).policy({"waybill.yaml": ORGANIZATION, "rules/own_rules.py": OWN})
        begin = perf_counter()
        Rules().upload(policy, _arrival(folder, archives()[0][1]), NOW)
        print(f"loading the rules, once per process: {(perf_counter() - begin) * 1000:.0f} ms")
        print(f"{'':24}{'archive':>10}{'rules':>10}")
        for title, one in archives():
            arrival = _arrival(folder, one)
            looking = timed(lambda found=arrival: archive.inspect(found.path, found.dist))  # type: ignore[misc]
            asking = timed(lambda found=arrival: Rules().upload(policy, found, NOW))  # type: ignore[misc]
            print(f"{title:24}{looking:>8.2f}ms{asking:>8.2f}ms")
        own = timed(lambda: _own(policy, _arrival(folder, archives()[0][1])), 10)
        print(f"an organization's own rules, in their own process: {own:.0f} ms")


def _own(policy: Policy, arrival: Arrival) -> object:
    files = {path: text for where in ("", "rules") for path, text in policy.texts(where, "").items()}
    return ask(sys.executable, Request(files, "", arrival, NOW, MEMORY, 30))


def _arrival(folder: Path, made: tuple[str, bytes]) -> Arrival:
    filename, content = made
    path = folder / filename
    path.write_bytes(content)
    dist = distribution(filename)
    contents = archive.inspect(path, dist)
    return Arrival(
        path, dist, len(content), Sha256("0" * 64), contents, RegistryName("python"), Origin("token", "alice")
    )


if __name__ == "__main__":
    main()
