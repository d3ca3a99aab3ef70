"""The rules of the validator, as an installation asks them; loaded when a policy first selects some."""

import json
import sys
import threading
from datetime import datetime
from pathlib import Path

from registry import __version__
from registry.activity import Activity
from registry.checking import Arrival, Told
from registry.copies import Copies
from registry.errors import Unavailable
from registry.installation import Installation
from registry.kept import Kept
from registry.policy.files import Problem
from registry.policy.given import readable
from registry.policy.policy import Policy

ALLOWED = "policy-rules-allowed"  # in the data folder: the operator lets the organization's own rules run
_AGAIN = 600  # seconds until rules that were late, or broke off, are asked once more about the same
_MOST_LATE, _MOST_KEPT = 100, 1000


class Rules:
    """A checker that costs nothing where no rule is asked, and asks nothing twice of a change (see the port)."""

    def __init__(self, own: str | None = None, kept: Path | None = None) -> None:
        """Take what the operator chose.

        Args:
            own: the interpreter for the organization's own rules; None: they are not asked.
            kept: the folder for what was said of changes, which all processes share; None: only this one knows.
        """
        self._own = own
        self._kept, self._copies = Kept[tuple[str, ...], Told](_MOST_KEPT), Copies(kept)
        self._late: dict[tuple[str, ...], tuple[datetime, Told]] = {}

    def upload(self, policy: Policy, arrival: Arrival, now: datetime) -> tuple[str, ...]:
        """Give the sentences of the rules that refuse a file (see the port)."""
        from validator.serving import Rules as Loaded  # noqa: PLC0415 - half the start of every command

        return Loaded(self._own).upload(policy, arrival, now)

    def change(
        self, before: Policy, after: Policy, author: str | None, now: datetime, activity: Activity | None = None
    ) -> Told:
        """Say what the rules find in a change (see the port).

        It follows from both commits, the author and the day, so it is computed once for these.
        """
        day, own = now.date().isoformat(), "own" if self._own else ""
        key = ("rules", __version__, own, before.commit, after.commit, author or "", day)
        since, told = self._late.get(key, (now, None))
        if told and (now - since).total_seconds() < _AGAIN:
            return told

        def make() -> Told:
            if copy := self._copies.get(key):
                return _read(copy)
            from validator.serving import Rules as Loaded  # noqa: PLC0415 - as above

            found = Loaded(self._own).change(before, after, author, now, activity)
            if not found.settled:
                raise _Late(found)
            self._copies.put(key, _written(found))
            return found

        try:
            return self._kept.get(key, make)
        except _Late as late:
            if len(self._late) >= _MOST_LATE:
                self._late.clear()
            self._late[key] = now, late.told
            return late.told

    def wall(self) -> str:
        """Say whether the organization's own rules run here, and behind which wall."""
        if self._own is None:
            return "not run"
        from validator.wall import offered  # noqa: PLC0415 - as above

        return f"run behind {offered()}"


class _Late(Exception):
    """What is not kept: asked again, the rules may say something else."""

    def __init__(self, told: Told) -> None:
        self.told = told


def chosen(folder: Path, kept: Path | None) -> Rules:
    """Make the checker of a data folder, whoever opens it: the server, a hook, or a command on the host.

    Args:
        folder: the data folder.
        kept: the folder for what was said; None: only this process knows.
    """
    return Rules(sys.executable if (folder / ALLOWED).exists() else None, kept)


def choose(folder: Path, *, allowed: bool) -> None:
    """Write down what the operator says of the organization's own rules.

    Raises:
        Unavailable: the disk does not take it.
    """
    mark = folder / ALLOWED
    if mark.exists() is allowed:
        return
    try:
        mark.touch() if allowed else mark.unlink()
    except OSError as error:
        said = "with" if allowed else "without"
        raise Unavailable(f"{mark} cannot be changed ({error.strerror}); start {said} --allow-policy-rules") from None


def load_soon(installation: Installation, seconds: float) -> None:
    """Load the rules that a policy selects beside what else is done, so that nobody waits for that later.

    Args:
        installation: whose policy.
        seconds: until then; what comes first is not to be slowed down.
    """

    def load() -> None:
        organization = readable(installation.policy().organization)
        if organization and (organization.rules.upload or organization.rules.change):
            from validator.serving import load as load_rules  # noqa: PLC0415 - as above

            load_rules()

    timer = threading.Timer(seconds, load)
    timer.daemon = True
    timer.start()


def _written(told: Told) -> bytes:
    sides = [[(found.file, found.line, found.text) for found in side] for side in (told.problems, told.warnings)]
    return json.dumps(sides).encode()


def _read(text: bytes) -> Told:
    problems, warnings = (tuple(Problem(*found) for found in side) for side in json.loads(text))
    return Told(problems, warnings)
