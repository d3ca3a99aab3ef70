"""Where branch `main` comes from, when it is a forge's and not made here: what the last look at it said.

One small file, which every process of the installation reads: the server's workers, commands, and git's hooks.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from registry.durable import sync_folder, write_file
from registry.errors import Forbidden, Unavailable
from registry.records import canonical, moment, timestamp

REFUSED, UNREACHABLE = "refused", "unreachable"


@dataclass(frozen=True, slots=True)
class Place:
    """The branch that `main` follows."""

    remote: str  # as it is shown to people: no credentials
    branch: str
    grace: timedelta  # how long writing goes on without a good look

    def __str__(self) -> str:
        return f"branch {self.branch} of {self.remote}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why `main` is not what the remote has."""

    kind: str  # refused or unreachable
    since: datetime
    judged: datetime  # last
    text: str  # one problem a line
    commit: str = ""  # what was refused
    main: str = ""  # what it was to follow


@dataclass(frozen=True, slots=True)
class State:
    """What is known about following."""

    place: Place
    began: datetime
    looked: datetime | None = None  # when the last look began
    good: datetime | None = None  # when `main` last was what the remote had
    trouble: Trouble | None = None

    @property
    def until(self) -> datetime:
        """When writing ends, if no look goes well before."""
        return (self.good or self.began) + self.place.grace


class Following:
    """The file, and what follows from it. Any thread and any process may ask."""

    def __init__(self, file: Path | None) -> None:
        """Take the file; None, or one that is not there: `main` is made here."""
        self._file = file
        self._read: tuple[tuple[int, int, int], State] | None = None

    def state(self) -> State | None:
        """Tell what is known; None where `main` is made here.

        Raises:
            Unavailable: the file cannot be read, and nobody can tell.
        """
        if self._file is None:
            return None
        try:
            found = os.stat(self._file)  # noqa: PTH116 - each write does this
            mark = (found.st_mtime_ns, found.st_ino, found.st_size)
            if self._read is None or self._read[0] != mark:
                self._read = mark, _state(json.loads(self._file.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(
                f"{self._file.name} cannot be read, so nobody can tell whether the policy is the newest; restart the "
                "server, which writes it anew"
            ) from error
        return self._read[1]

    @property
    def nothing(self) -> bool:
        """Whether `main` is surely made here."""
        with suppress(Unavailable):
            return self.state() is None
        return False

    def begin(self, place: Place, now: datetime) -> State:
        """Follow a branch from now on; of the same one, what is known stays known.

        Returns:
            What is known.
        """
        try:
            known = self.state()
        except Unavailable:
            known = None
        if known and known.place == place:
            return known
        same = known and (known.place.remote, known.place.branch) == (place.remote, place.branch)
        state = replace(known, place=place) if known and same else State(place, now)
        self.keep(state)
        return state

    def end(self) -> bool:
        """Follow nothing any more.

        Returns:
            Whether something was followed.
        """
        if self._file is None or not self._file.exists():
            return False
        self._file.unlink(missing_ok=True)
        sync_folder(self._file.parent)
        return True

    def keep(self, state: State) -> None:
        """Let everybody know what a look said."""
        if self._file is None:
            raise ValueError("there is no file to keep it in")
        written = asdict(state)
        written["place"]["grace"] = state.place.grace.total_seconds()
        write_file(self._file, canonical(_plain(written)), 0o600)
        sync_folder(self._file.parent)

    def facts(self) -> dict[str, Any]:
        """Tell an operator how it goes; empty where `main` is made here."""
        state = self.state()
        if state is None:
            return {}
        told: dict[str, Any] = {
            "remote": state.place.remote,
            "branch": state.place.branch,
            "looked": state.looked,
            "good": state.good,
            "writes_until": state.until,
        }
        trouble = state.trouble
        if trouble:
            told |= {"trouble": trouble.kind, "since": trouble.since, "problems": trouble.text.split("\n")}
            told |= {"commit": trouble.commit} if trouble.commit else {}
        return dict(_plain(told))

    def require_fresh(self, now: datetime) -> None:
        """Let nobody write by a policy that may be out of date: a revocation must not be held up in silence.

        Args:
            now: the moment.

        Raises:
            Unavailable: the last good look is longer ago than the grace; the text says what is wrong.
        """
        state = self.state()
        if state and now > state.until:
            raise Unavailable(held(state))

    def require_here(self) -> None:
        """Let changes be proposed, approved and merged here only where `main` is made here.

        Raises:
            Forbidden: it follows a forge, where that is done.
        """
        state = self.state()
        if state:
            raise Forbidden(
                f"main follows {state.place}, so nothing is changed here: propose, review and merge it there, and it "
                "holds here as soon as it is fetched"
            )


def held(state: State) -> str:
    """Say why nothing is written."""
    since = f"since {timestamp(state.good)}" if state.good else f"yet, tried since {timestamp(state.began)}"
    first, *more = state.trouble.text.split("\n") if state.trouble else [""]
    why = f" ({first}{f'; and {len(more)} more' if more else ''})" if first else ""
    return (
        f"The policy has not been brought up to date from {state.place.remote} {since}{why}; nothing is written until "
        "that is mended, because rights may have been taken away meanwhile. Downloads go on, tokens can be revoked"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return timestamp(value) if isinstance(value, datetime) else value


def _state(found: dict[str, Any]) -> State:
    place, trouble = found["place"], found["trouble"]
    return State(
        Place(str(place["remote"]), str(place["branch"]), timedelta(seconds=float(place["grace"]))),
        moment(found["began"]),
        moment(found["looked"]) if found["looked"] else None,
        moment(found["good"]) if found["good"] else None,
        _trouble(trouble) if trouble else None,
    )


def _trouble(found: dict[str, Any]) -> Trouble:
    since, judged = moment(found["since"]), moment(found["judged"])
    return Trouble(str(found["kind"]), since, judged, str(found["text"]), str(found["commit"]), str(found["main"]))
