"""What an installation needs now and then to stay quick and small over years; beside uploads, and repeatable."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from registry.durable import sync_folder, write_file
from registry.errors import Conflict, Unavailable, WaybillError
from registry.installation import Installation
from registry.leftovers import evict, remove_artifacts, remove_unfinished
from registry.records import canonical, timestamp
from registry.store import LEDGER, POLICY
from registry.store.git import GitStore
from registry.store.upkeep import OLDEST, Git
from registry.trail import Progress

GRACE = timedelta(days=7)  # that an artifact stays after the last file that named it was deleted
EVERY = timedelta(hours=1)
EVERY_COMMITS = 2_000
_LOOK_EVERY = timedelta(days=1)  # the grace is counted in days, and looking costs a walk through the ledger
_PAGES = 512 * 2**20  # bytes
_LOCK = "maintenance.lock"
_RESULT = "maintenance.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where things lie in a data folder."""

    folder: Path
    git: Path
    pages: Path  # rendered pages on disk


@dataclass(slots=True)
class Result:
    """What the last run did, and what the next one must know."""

    facts: dict[str, Any] = field(default_factory=dict)  # as shown to the operator
    looked: float = 0.0  # for artifacts without a name, seconds since the epoch
    unnamed: dict[str, float] = field(default_factory=dict)  # artifact -> first seen without a name


def maintain(
    installation: Installation,
    place: Place,
    program: str | None,
    now: datetime,
    grace: timedelta | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Do everything once.

    Args:
        installation: what to maintain.
        place: where it lies.
        program: where C git is; None where it is not installed.
        now: the moment.
        grace: how long an artifact stays that no file names; None: the usual time, looked at once a day.
        progress: is told about the reading of history.

    Returns:
        What was done, for one line of the log; `problems` says what could not be done, each in a sentence.

    Raises:
        Conflict: it is being maintained already.
    """
    began = time.perf_counter()
    with _alone(place.folder / _LOCK) as held:
        result = last(place.folder)
        facts: dict[str, Any] = {"event": "maintenance", "time": timestamp(now), "git": None, "problems": []}

        def step(name: str, work: Callable[[], object]) -> None:
            """Let what fails hold up nothing else; it is tried again at the next run."""
            try:
                facts[name] = work()
            except (WaybillError, OSError) as error:
                facts["problems"].append(f"{name}: {error}")

        looks = grace is not None or now.timestamp() - result.looked >= _LOOK_EVERY.total_seconds()

        def artifacts() -> int:
            if not looks:
                return 0
            store, lies = _git_store(installation), place.git / "lfs" / "objects"
            result.unnamed, removed = remove_artifacts(store, lies, result.unnamed, now, grace or GRACE)
            result.looked = now.timestamp()
            return removed

        step("unfinished_removed", lambda: remove_unfinished(place.git, now))
        step("packs", lambda: _pack(installation, place.git, program, held, facts))
        step("policy_commits", lambda: installation.trail.catch_up(POLICY))
        step("commits", lambda: installation.trail.catch_up(LEDGER, progress))
        step("artifacts_removed", artifacts)
        step("tokens_forgotten", lambda: installation.state.forget(now))
        step("search_mended", lambda: looks and installation.finder.mend())
        step("download_months", lambda: installation.downloads.sum_up(now.date()))
        step("page_bytes_evicted", lambda: evict(place.pages, _PAGES))
        facts["artifacts_unnamed"] = len(result.unnamed)
        facts["seconds"] = round(time.perf_counter() - began, 3)
        result.facts = facts
        _write(place.folder, result)
    return facts


def due(installation: Installation, folder: Path, now: datetime) -> bool:
    """Tell whether it is time for the next run."""
    facts = last(folder).facts
    if "time" not in facts:
        return True
    age = now - datetime.fromisoformat(facts["time"])
    if not timedelta(0) <= age < EVERY:
        return True
    return installation.trail.catch_up(LEDGER) - int(facts.get("commits", 0)) >= EVERY_COMMITS


def last(folder: Path) -> Result:
    """Read what the last run left; as if there had been none where that cannot be read, which only costs time."""
    try:
        found = json.loads((folder / _RESULT).read_bytes())
        looked, unnamed = float(found["looked"]), {str(k): float(v) for k, v in found["unnamed"].items()}
        facts = dict(found["last"])
        datetime.fromisoformat(facts["time"])
        return Result(facts, looked, unnamed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Result()


def _pack(installation: Installation, path: Path, program: str | None, held: int, facts: dict[str, Any]) -> object:
    """Let C git pack; where it is not installed, or too old, the store merges its own packs as well as it can."""
    if program:
        git = Git(program, path, (held,))
        version = git.version()
        if version >= OLDEST:
            facts["git"] = ".".join(map(str, version))
            packs = git.pack()
            git.graph()
            return packs
    _git_store(installation).consolidate()
    return None


def _git_store(installation: Installation) -> GitStore:
    if not isinstance(installation.store, GitStore):
        raise Unavailable("the ledger is in no git repository here")
    return installation.store


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Keep other processes from doing the same; commands that are run inherit the lock, and outlive a killed parent."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"{path.parent} is being maintained by another process now; let it finish") from None
        yield fd
    finally:
        os.close(fd)


def _write(folder: Path, result: Result) -> None:
    content = canonical({"last": result.facts, "looked": result.looked, "unnamed": result.unnamed})
    write_file(folder / _RESULT, content, 0o600)
    sync_folder(folder)
