"""What it costs to say what a change means, on the large policy of `tests/large_policy.py`.

Run it with:  .venv/bin/python -m tests.benchmarks.policy_review

Each change is compared in a process of its own that reads both policies from text. Wanted: under 2 s and 300 MB, also
where nothing is shared because every file is touched.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable

from registry.policy.content import Memory
from registry.policy.difference import difference
from registry.policy.policy import Policy
from registry.store import POLICY, NewCommit, Signature, Snapshot
from registry.store.memory import MemoryStore
from tests.large_policy import files, with_one_line_changed

WHO = Signature("alice", "alice@acme.example")
MOST_SECONDS = 2.0
MOST_MEGABYTES = 300


def touched(made: dict[str, str]) -> dict[str, str]:
    return {path: f"# touched\n{text}" for path, text in made.items()}


CHANGES: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "one line of a team file": with_one_line_changed,
    "a comment in every file": touched,
    "every team loses everybody": lambda made: {
        path: "members: []\n" if path.startswith("teams/") else text for path, text in made.items()
    },
    "everything is taken away": lambda made: {"waybill.yaml": made["waybill.yaml"]},
}


def committed(store: MemoryStore, parent: Snapshot | None, old: dict[str, str], new: dict[str, str]) -> Snapshot:
    changes = {path: text.encode() for path, text in new.items() if old.get(path) != text}
    gone = dict.fromkeys(set(old) - set(new))
    return store.append(POLICY, parent, [NewCommit({**changes, **gone}, "Change\n", WHO, WHO, 0)])


def measure(change: str) -> None:
    """Compare once, and print seconds, megabytes of the whole process and what was found."""
    store, old = MemoryStore(), files()
    before = committed(store, None, {}, old)
    after = committed(store, before, old, CHANGES[change](old))
    began = time.perf_counter()
    memory = Memory()
    found = difference(Policy(before, memory), Policy(after, memory))
    seconds = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds:.2f} {megabytes:.0f} {len(found.gained)} {len(found.lost)}")


def main() -> int:
    print(f"{'change':32} {'s':>6} {'MB':>6} {'gains':>7} {'losses':>7}")
    missed = False
    for change in CHANGES:
        command = [sys.executable, "-m", "tests.benchmarks.policy_review", change]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        met = float(told[0]) <= MOST_SECONDS and float(told[1]) <= MOST_MEGABYTES
        missed |= not met
        print(f"{change:32} {told[0]:>6} {told[1]:>6} {told[2]:>7} {told[3]:>7}  {'ok' if met else 'TOO MUCH'}")
    return int(missed)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        sys.exit(main())
