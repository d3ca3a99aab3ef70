"""The clock of a running server jumps a day, either way: history never runs backwards, and rights keep to the clock."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.faults.uploads import Uploads, fsck, mistakes
from tests.legacy_client import PAGE, ask, authorization, upload
from tests.running import Server, new_server, run_git

DAY = 24 * 60 * 60
# The whole server, with a clock that can be set; timers go on, as they do when a real clock is set.
WRONG = """
import datetime, sys, time
clock, true, real = sys.argv.pop(1), time.time, datetime.datetime
time.time = lambda: true() + int(open(clock).read())
class Moved(real):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
datetime.datetime = Moved
from registry.cli import main
raise SystemExit(main())
"""


@dataclass
class Clocked:
    """A server whose clock can be set."""

    server: Server
    clock: Path

    def jump(self, seconds: int) -> None:
        """Set its clock so far from the true one."""
        draft = self.clock.with_suffix(".new")
        draft.write_text(str(seconds))
        draft.replace(self.clock)


@pytest.fixture
def clocked(tmp_path: Path) -> Iterator[Clocked]:
    clock = tmp_path / "clock"
    clock.write_text("0")
    server = new_server(tmp_path)
    server.command = [sys.executable, "-c", WRONG, str(clock)]
    server.start()
    yield Clocked(server, clock)
    server.kill()


def test_uploads_go_on_and_history_never_runs_backwards(clocked: Clocked) -> None:
    uploads = Uploads(clocked.server, "clock")
    for seconds in (0, DAY, -DAY, 0, -DAY, 2 * DAY, 0):
        clocked.jump(seconds)
        assert [uploads.one().status for _ in range(3)] == [200] * 3
    uploads.check()
    fsck(clocked.server)
    times = [int(line) for line in run_git(clocked.server.git, "log", "--format=%ct", "ledger").split()]
    assert times == sorted(times, reverse=True)
    assert times[0] - times[-1] > DAY, "the clock did jump"
    order = run_git(
        clocked.server.git, "log", "--reverse", "--format=%(trailers:key=File,valueonly,separator=)", "ledger"
    )
    moments = upload_times(clocked.server, "clock")
    in_order = [moments[name][:19] for name in order.split() if name in moments]  # a commit knows whole seconds
    assert in_order == sorted(in_order)
    assert len(in_order) == len(uploads.sent)
    assert mistakes(clocked.server) == ""


def test_the_index_of_a_past_moment_is_right_although_the_clock_was_set_back(clocked: Clocked) -> None:
    uploads = Uploads(clocked.server, "past")
    seen: list[tuple[str, int]] = []
    for seconds in (0, DAY, -DAY, 0):
        clocked.jump(seconds)
        assert uploads.one().status == 200
        seen.append((run_git(clocked.server.git, "rev-parse", "ledger").strip(), len(uploads.sent)))
    for commit, files in seen:
        assert len(upload_times(clocked.server, "past", f"@{commit}/")) == files
    newest = run_git(clocked.server.git, "log", "-1", "--format=%cI", "ledger").strip()
    moment = datetime.fromisoformat(newest).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    clocked.jump(2 * DAY)
    assert len(upload_times(clocked.server, "past", f"@{moment}/")) == len(uploads.sent)


def test_tokens_and_grants_end_when_the_clock_says_so(clocked: Clocked) -> None:
    server, today = clocked.server, datetime.now(UTC).date()
    server.set_policy(
        {
            "people.yaml": "alice: {}\nbob: {}\n",
            "registries/python/registry.yaml": "projects: open\ngrants:\n"
            f"  - {{role: publish, to: [bob], until: {today + timedelta(days=1)}}}\n",
        }
    )
    brief, long = server.token_for("bob", "--expires", "12h"), server.token_for("bob", "--expires", "90d")
    answers = []
    for number, seconds in enumerate((0, DAY, 2 * DAY, -DAY, 0)):
        clocked.jump(seconds)
        for kind, token in (("brief", brief), ("long", long)):
            answers.append(upload(server.upload_url, token, *wheel(f"bob-{kind}", f"1.{number}")).status)
    # Once history has seen tomorrow, who writes is judged by that time, so that every decision can be replayed.
    #                  now       tomorrow  grant ended  yesterday  now
    assert answers == [200, 200, 401, 200, 401, 403, 401, 200, 401, 200]
    page = f"{server.url}/python/simple/bob-brief/"
    read = []
    for seconds in (DAY, 0):
        clocked.jump(seconds)
        read.append(ask(page, Authorization=authorization(brief)).status)
    assert read == [401, 200]


def upload_times(server: Server, project: str, rev: str = "") -> dict[str, str]:
    """When each file of a project entered the registry, as its page says."""
    page = f"{server.url}/python/{rev}simple/{project}/"
    answer = ask(page, Authorization=authorization(server.token), Accept=PAGE)
    assert answer.status == 200, answer
    return {file["filename"]: file["upload-time"] for file in json.loads(answer.body)["files"]}
