"""The inside of the sandbox: each file of rules is asked in a process of its own, behind everything that Linux offers.

This process runs no rule. It starts one process per file, hears what that one says, ends it when its time is over, and
names the rule that was being asked then. So a file can hide or invent only what its own rules say.
"""

import contextlib
import json
import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, NoReturn

from registry.errors import WaybillError
from registry.policy.policy import Policy
from validator.engine import Plan, ask, items
from validator.folder import Held
from validator.loading import is_rules, load, shipped
from validator.rule import Rule
from validator.sandbox import Proposed, Request
from validator.serving import arrived, own_files, own_plan, proposed
from validator.subject import Material, Subject
from validator.surrender import give_up
from validator.verdict import Said

_MOST = 100  # sentences of one file; the first are enough to begin with
_LONGEST = 256 * 1024  # bytes that one file may say
_MEND = "whoever owns rules/ has to mend it"


def main() -> None:
    """Answer one request."""
    request: Request = pickle.load(sys.stdin.buffer)  # noqa: S301 - the server's own
    ends = time.monotonic() + request.seconds
    policy = Policy(Held(request.files, request.commit))
    shipped()  # and with them pytest's rewriting, where there is one
    about = request.about
    if isinstance(about, Proposed):
        after = Policy(Held(about.files, about.commit))
        material = proposed(policy, after, about.author, request.now)
    else:
        material = arrived(policy, about, request.now)
    said: list[Said] = []
    settled = True
    for path in sorted(path for path in own_files(policy) if is_rules(PurePath(path).name)):
        found = _Hearing(path, request, ends).of(policy, material)
        said += found.said
        settled = settled and found.done
    answer = [(one.words, one.file, one.line, one.error) for one in said]
    os.write(1, json.dumps({"said": answer, "settled": settled}).encode())


class _Hearing:
    """One file of rules: the process that asks them, and what was heard of it."""

    def __init__(self, path: str, request: Request, ends: float) -> None:
        self._path, self._request, self._ends = path, request, ends
        self._asked = path  # what is being asked now: the file as a whole, then each rule
        self._late = False
        self.said: list[Said] = []
        self.done = False

    def of(self, policy: Policy, material: Material) -> "_Hearing":
        """Ask."""
        hear, speak = os.pipe()
        child = os.fork()
        if child == 0:
            _speak(speak, self._path, self._request, policy, material)
        os.close(speak)
        try:
            with contextlib.suppress(ValueError, TypeError, KeyError):  # what is no answer of ours is none
                for line in self._lines(hear):
                    self._heard(json.loads(line))
        finally:
            os.close(hear)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.done = self.done and not self._late
        if not self.done:
            self.said.append(Said(f"{self._asked}: {self._why()}; {_MEND}", self._path, 1, error=True))
        return self

    def _lines(self, hear: int) -> Iterator[bytes]:
        came, heard = b"", 0
        while heard <= _LONGEST:
            left = self._ends - time.monotonic()
            if left <= 0 or not select.select([hear], [], [], left)[0]:
                self._late = True
                return
            more = os.read(hear, 65536)
            if not more:
                return
            heard += len(more)
            *lines, came = (came + more).split(b"\n")
            yield from lines

    def _heard(self, told: dict[str, Any]) -> None:
        if "asks" in told:
            self._asked = str(told["asks"])[:200]
        if "said" in told and len(self.said) < _MOST:
            words, file, line, error = told["said"]
            self.said.append(Said(str(words), str(file)[:500], int(line), bool(error)))
        self.done = self.done or told.get("done") is True

    def _why(self) -> str:
        if self._late:
            return f"it did not end within {self._request.seconds:g} seconds"
        most = self._request.memory // 2**20
        return f"it broke off without an answer; it may have asked for more than {most} MiB of memory"


def _speak(to: int, path: str, request: Request, policy: Policy, material: Material) -> NoReturn:
    """Be the process that runs a file of rules. It never returns."""
    try:
        give_up(to, request)
        for told in _told(path, request, policy, material):
            os.write(to, json.dumps(told).encode() + b"\n")
    finally:
        os._exit(0)  # whatever a rule has left behind to be done at the end


def _told(path: str, request: Request, policy: Policy, material: Material) -> Iterator[dict[str, Any]]:
    try:
        plan = own_plan(policy, load(own_files(policy), path), material.situation, request.now)
    except WaybillError as error:
        yield {"said": (str(error), path, 1, True)}
        yield {"done": True}
        return
    last: Rule | None = None
    for rule, subject in items(plan, material):
        if rule is not last:
            yield {"asks": f"{rule.code} {rule.name}"}
            last = rule
        if found := _found(plan, rule, subject):
            yield {"said": found}
    yield {"done": True}


def _found(plan: Plan, rule: Rule, subject: Subject) -> tuple[str, str, int, bool] | None:
    found = ask(plan, rule, subject)
    return (found.words, found.file, found.line, found.refuses) if found.bad else None


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
