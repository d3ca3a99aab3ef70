"""What waits for the writer is committed together: one commit each, one flush, and nobody pays for another."""

import errno
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any, TypeVar

import pytest

from registry import credentials, curate, tokens
from registry.cli import data
from registry.errors import Invalid, NotFound, Unauthenticated, Unavailable
from registry.installation import Trailer, Writing
from registry.model import Decision, Origin
from registry.names import project_name, registry_name
from registry.policy.roles import Principal, Scope
from registry.store import LEDGER
from registry.upload import Accepted, upload
from tests.archives import sdist, wheel
from tests.packing import packs
from tests.registry.web.site import Archive, Site, new_site
from tests.running import run_git

PYTHON = registry_name("python")
T = TypeVar("T")


class Crowd:
    """Callers that all wait before any of them is served."""

    def __init__(self, site: Site, pool: ThreadPoolExecutor) -> None:
        self.site = site
        self.installation = site.installation
        self.path = data.git_folder(site.folder)
        self.alice = self._principal(site.token("alice"))
        self._pool = pool

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep the writer's place until the block has brought everybody in."""
        with self.installation.store.lock():
            yield

    def call(self, verb: Callable[[], T]) -> Future[T]:
        """Bring in the next caller."""
        waiting = self.installation._group._waiting  # noqa: SLF001
        before = len(waiting)
        future = self._pool.submit(verb)
        while len(waiting) == before:
            assert not future.done(), future.result()
            sleep(0.001)
        return future

    def upload(self, archive: Archive, by: Principal | None = None) -> Future[Accepted]:
        """Bring in an upload."""
        return self.call(lambda: self.upload_now(archive, by))

    def upload_now(self, archive: Archive, by: Principal | None = None) -> Accepted:
        """Upload as the verb does it, without HTTP."""
        name, content = archive
        with self.installation.blobs.incoming(1 << 20) as draft:
            draft.write(content)
            return upload(self.installation, by or self.alice, PYTHON, name, draft, {})

    def commits(self) -> list[str]:
        """List the subjects of the ledger, oldest first, as C git reads them; the history must be sound and linear."""
        assert run_git(self.path, "fsck", "--full", "--strict", "--no-dangling") == ""
        assert run_git(self.path, "rev-list", "--merges", "--count", "ledger").strip() == "0"
        return run_git(self.path, "log", "--reverse", "--format=%s", "ledger").splitlines()

    def _principal(self, secret: str) -> Principal:
        view = self.installation.view()
        return credentials.authenticate(view.index, secret, view.now)


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    with ThreadPoolExecutor(30) as pool:
        yield Crowd(new_site(tmp_path / "data"), pool)


def refusal(future: Future[Any]) -> str:
    """Give the text of a refusal."""
    error = future.exception(10)
    assert error is not None
    return str(error)


def test_what_waits_becomes_one_commit_each_in_order_and_one_pack(crowd: Crowd) -> None:
    before, old = set(packs(crowd.path)), crowd.commits()
    with crowd.gathered():
        done = [crowd.upload(wheel(f"demo-{n % 3}", f"1.{n}")) for n in range(20)]
    made = [future.result(10) for future in done]
    assert crowd.commits() == [
        *old,
        *(f"publish: demo-{n % 3} 1.{n} demo_{n % 3}-1.{n}-py3-none-any.whl" for n in range(20)),
    ]
    assert len(set(packs(crowd.path)) - before) == 1
    by_git = run_git(crowd.path, "rev-list", "--reverse", "ledger").split()
    assert [accepted.commit for accepted in made] == by_git[-20:]
    for n, commit in enumerate(by_git[-20:]):
        changed = run_git(crowd.path, "diff-tree", "--no-commit-id", "-r", "--name-only", commit).splitlines()
        assert len([path for path in changed if path.endswith(".whl")]) == 1
        assert [path for path in changed if path.endswith("project.json")] == changed[-1:] * (n < 3), "made once"


def test_a_refused_upload_hurts_nobody_beside_it(crowd: Crowd) -> None:
    def broken(_: Writing) -> None:
        raise ZeroDivisionError

    def recorded_and_broken(writing: Writing) -> None:
        record(writing)
        raise ZeroDivisionError

    def unstorable(writing: Writing) -> None:
        record(writing, "../escape")

    old = crowd.commits()
    with crowd.gathered():
        good = [crowd.upload(wheel("demo", "1.0"))]
        bad = [
            crowd.call(partial(crowd.installation.write, None, verb))
            for verb in (broken, recorded_and_broken, unstorable)
        ]
        missing = crowd.call(
            lambda: curate.yank(crowd.installation, None, PYTHON, project_name("nothing"), "1.0", "no such release")
        )
        good.append(crowd.upload(wheel("demo", "2.0")))
    for future in good:
        assert future.result(10).commit
    assert [type(future.exception(10)).__name__ for future in bad] == [
        "ZeroDivisionError",
        "ZeroDivisionError",
        "Invalid",
    ]
    with pytest.raises(NotFound):
        missing.result(10)
    assert len(crowd.commits()) == len(old) + 2


def test_two_files_under_one_name_in_one_batch_one_wins_and_the_other_is_told(crowd: Crowd) -> None:
    first, second = sdist("demo", "1.0", body="One"), sdist("demo", "1.0", body="Two")
    assert first[0] == second[0]
    with crowd.gathered():
        winner, same, loser = crowd.upload(first), crowd.upload(first), crowd.upload(second)
        spelled = crowd.upload(wheel("demo", "1.0.0"))
    assert winner.result(10).commit
    assert same.result(10).commit is None
    assert same.result(10).file == winner.result(10).file
    assert refusal(loser).startswith("File already exists")
    assert "equals 1.0" in refusal(spelled)
    assert [c for c in crowd.commits() if c.startswith("publish")] == [f"publish: demo 1.0 {first[0]}"]


def test_a_token_revoked_earlier_in_the_batch_publishes_nothing_more(crowd: Crowd) -> None:
    issued = tokens.create(crowd.installation, None, "alice", scope=Scope(), expires=None)
    thief = crowd._principal(issued.secret)  # noqa: SLF001
    with crowd.gathered():
        before = crowd.upload(wheel("demo", "1.0"), thief)
        revoked = crowd.call(lambda: tokens.revoke(crowd.installation, None, issued.token.id))
        after = crowd.upload(wheel("demo", "2.0"), thief)
    assert before.result(10).commit
    assert revoked.result(10).revoked
    with pytest.raises(Unauthenticated, match="revoked"):
        after.result(10)


def test_a_policy_that_changed_while_it_waited_counts(crowd: Crowd) -> None:
    with crowd.gathered():
        waiting = crowd.upload(wheel("demo", "1.0"))
        crowd.site.policy(people="alice: {disabled: true}\n")
    assert "disabled" in refusal(waiting)


def test_a_release_can_be_yanked_in_the_batch_that_made_it(crowd: Crowd) -> None:
    with crowd.gathered():
        crowd.upload(wheel("demo", "1.0"))
        yanked = crowd.call(
            lambda: curate.yank(crowd.installation, None, PYTHON, project_name("demo"), "1.0", "too soon")
        )
    assert yanked.result(10).yank
    release = crowd.installation.view().index.release(PYTHON, project_name("demo"), "1.0")
    assert release.yank
    assert release.yank.reason == "too soon"


@pytest.mark.parametrize("call", ["git.write_pack", "refs.Branches.move"])
def test_a_failed_flush_fails_all_and_leaves_everything_as_it_was(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    old = crowd.commits()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(f"registry.store.{call}", full)
        with crowd.gathered():
            done = [crowd.upload(wheel("demo", f"1.{n}")) for n in range(4)]
            done.append(crowd.upload(sdist("demo", "1.0")))
            refused = crowd.upload(wheel("demo", "1.0", tag="py2-none-any"))
        for future in [*done, refused]:
            with pytest.raises(Unavailable, match=r"No space left on device.*try again"):
                future.result(10)
    assert crowd.commits() == old
    assert crowd.installation.view().index.versions(PYTHON, project_name("demo")) == []
    assert crowd.upload_now(wheel("demo", "1.0")).commit
    assert crowd.commits()[:-1] == old


def test_time_never_runs_backwards_within_a_batch(crowd: Crowd) -> None:
    def late(writing: Writing) -> datetime:
        record(writing)
        return writing.now

    with crowd.gathered():
        done = [crowd.call(lambda: crowd.installation.write(None, late)) for _ in range(5)]
    times = [future.result(10)[0] for future in done]
    assert times == sorted(times)
    assert times[0] <= datetime.now(UTC)
    stamped = run_git(crowd.path, "log", "--reverse", "--format=%ct", "ledger").split()
    assert stamped == sorted(stamped)


def test_the_events_of_one_verb_become_commits_together_or_none_does(crowd: Crowd) -> None:
    def both(writing: Writing) -> None:
        record(writing, "a.json")
        record(writing, "b.json")

    def badly(writing: Writing) -> None:
        record(writing, "c.json")
        record(writing, "a.json/b")

    def twice(writing: Writing) -> None:
        record(writing)
        record(writing)

    with crowd.gathered():
        calls = [crowd.call(partial(crowd.installation.write, None, verb)) for verb in (both, badly, both)]
    assert calls[0].result(10)[1] == run_git(crowd.path, "rev-parse", "ledger~2").strip()
    with pytest.raises(Invalid, match="cannot hold files"):
        calls[1].result(10)
    assert calls[2].result(10)[1] == run_git(crowd.path, "rev-parse", "ledger").strip()
    assert run_git(crowd.path, "ls-tree", "--name-only", "ledger", "c.json") == ""
    with pytest.raises(ValueError, match="the same file"):
        crowd.installation.write(None, twice)
    answer, commit = crowd.installation.write(None, lambda _: "nothing to record")
    assert (answer, commit) == ("nothing to record", None)
    assert json.loads(crowd.installation.store.head(LEDGER).read("x.json") or b"null") is None


def record(writing: Writing, path: str = "x.json") -> None:
    """Record something that no verb does."""
    trailers = [Trailer("Project", "x")]
    writing.record("x: test", trailers, {path: b"1\n"}, Origin("operator", "operator"), Decision("0" * 40, "x"))
