"""`waybill serve --policy-remote`: branch `main` follows a forge's, looked at now and then and when a webhook comes.

Each worker has a thread that would look; a lock lets one at a time, and the file of `registry/following.py` tells the
others that it was done.
"""

import fcntl
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from registry.adoption import adopt
from registry.cli import data
from registry.cli.forge import Chosen, begin
from registry.durable import failure
from registry.errors import Unavailable, WaybillError
from registry.following import REFUSED, UNREACHABLE, State, Trouble
from registry.installation import Installation
from registry.records import timestamp
from registry.store.address import shown
from registry.store.git import GitStore
from registry.store.remote import Remote

LEAST = 2.0  # seconds between two looks, however many webhooks come
SAY_AGAIN = timedelta(hours=1)  # that the same trouble lasts
_LOCK = "policy-remote.lock"


class Watch:
    """Looks now and then, for as long as this process serves."""

    def __init__(self, folder: Path, found: Chosen, say: Callable[[str], None]) -> None:
        """Nothing is looked at yet.

        Args:
            folder: the installation.
            found: what it follows.
            say: takes a line of the log.
        """
        self._folder, self._chosen, self._say = folder, found, say
        self._store = GitStore(data.git_folder(folder))
        self._installation: Installation = data.open_installation(folder, self._store)
        self._poked = threading.Event()

    def start(self) -> None:
        """Begin to look, and do so for the first time at once."""
        threading.Thread(target=self._run, name="policy", daemon=True).start()

    def poke(self) -> None:
        """Look soon; however often this is said meanwhile, once."""
        self._poked.set()

    def look(self, *, poked: bool = False) -> None:
        """Look now, unless somebody else has or does, and keep and log what came of it.

        Args:
            poked: whether the remote is said to have moved just now, so that an earlier look does not count.
        """
        since = datetime.now(UTC)
        with _alone(self._folder / _LOCK, patient=poked) as held:
            if held is None or failure():
                return
            state = begin(self._folder, self._chosen)
            due = since if poked else since - self._chosen.interval / 2
            if state.looked and due <= state.looked <= datetime.now(UTC):
                return
            if state.looked:
                time.sleep(max(0.0, min(LEAST, LEAST - (datetime.now(UTC) - state.looked).total_seconds())))
            self._look(state, held, None if poked else state.trouble)

    def _run(self) -> None:
        poked = False
        while True:
            try:
                self.look(poked=poked)
            except (WaybillError, OSError) as error:
                print(f"policy: {error}", file=sys.stderr)
            except Exception as error:  # noqa: BLE001 - a defect of ours must not end the looking; the grace ends writing
                print(f"policy: {type(error).__name__}: {error}", file=sys.stderr)
            pause = self._chosen.interval.total_seconds() * (0.75 + random.random() / 2)  # noqa: S311 - so that workers take turns
            poked = self._poked.wait(pause)
            self._poked.clear()

    def _look(self, state: State, held: int, known: Trouble | None) -> None:
        began, found = datetime.now(UTC), self._chosen
        remote = Remote(found.git, data.git_folder(self._folder), found.url, found.branch, found.login, (held,))
        trouble: Trouble | None = None
        try:
            outcome = adopt(self._installation, self._store, remote, found.git, known)
            if outcome.problems:
                trouble = Trouble(REFUSED, began, outcome.judged, outcome.problems, outcome.tip, outcome.main)
            if outcome.moved or (state.trouble and not trouble):
                self._log(began, outcome="adopted" if outcome.moved else "mended", commit=outcome.main)
        except Unavailable as error:
            trouble = Trouble(UNREACHABLE, began, began, str(error))
        after = replace(
            state, looked=began, good=_never_ahead(state.good, began) if trouble else began, trouble=trouble
        )
        if trouble:
            after = self._lasting(state, after, trouble, began)
        self._installation.following.keep(after)

    def _lasting(self, before: State, after: State, trouble: Trouble, now: datetime) -> State:
        """Log trouble when it begins, changes, ends all writing, or has lasted; keep since when it is there."""
        old = before.trouble
        same = old is not None and (old.kind, old.text) == (trouble.kind, trouble.text)
        last = before.looked or now
        if old:
            trouble = replace(trouble, since=_never_ahead(old.since, now) or now)
        ended = last <= after.until < now
        hours = [(moment - trouble.since) // SAY_AGAIN for moment in (last, now)]
        if not same or ended or hours[0] != hours[1]:
            writing = "refused" if now > after.until else f"until {timestamp(after.until)}"
            self._log(
                now, outcome=trouble.kind, commit=trouble.commit, problems=trouble.text.split("\n"), writing=writing
            )
        return replace(after, trouble=trouble)

    def _log(self, now: datetime, **told: Any) -> None:
        line = {"event": "policy", "time": timestamp(now), "remote": shown(self._chosen.url), **told}
        self._say(json.dumps(line))


def _never_ahead(then: datetime | None, now: datetime) -> datetime | None:
    """Let a clock that was put back not make an old look a new one for ever."""
    return min(then, now) if then else None


@contextmanager
def _alone(path: Path, *, patient: bool) -> Iterator[int | None]:
    """Keep other processes from looking; git inherits the lock, and outlives a killed parent.

    Yields:
        The open lock; None when another one has it and we do not wait.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if patient else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        yield fd
    finally:
        os.close(fd)
