"""What the branch that `main` follows has becomes `main`, if it follows from it and the judge finds nothing wrong.

Who must agree is the forge's business here; what no change may do, and that history only grows, is ours.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.activity import recorded
from registry.changes.standing import projects_of
from registry.checking import judged_by_rules
from registry.descent import is_untouched, new_commits
from registry.errors import Invalid, Moved, NotFound, Unavailable
from registry.following import REFUSED, Trouble
from registry.installation import Installation
from registry.policy.content import Content
from registry.policy.judge import judge
from registry.policy.policy import Policy
from registry.store import LEDGER, POLICY, Snapshot
from registry.store.arrivals import HISTORY, faults, measure, take_in
from registry.store.git import GitStore
from registry.store.remote import Remote
from registry.tokens import end_of_the_gone

ARRIVALS = "policy-arrivals"  # folder of the git repository; what is fetched lies there until it was looked at
AGAIN = timedelta(minutes=15)  # until a refused commit is fetched and judged once more
MOST_STEPS = 50  # commits that are judged one by one


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a look."""

    tip: str  # where the forge's branch is
    main: str  # where ours is now
    moved: bool
    problems: str  # why ours is not there, one a line; empty: it is
    judged: datetime


def adopt(
    installation: Installation, store: GitStore, remote: Remote, program: str, trouble: Trouble | None = None
) -> Outcome:
    """Look where the branch is, and bring `main` there, or as far as it may go. One at a time: the caller sees to that.

    Args:
        installation: whose `main`.
        store: its git repository.
        remote: what it follows.
        program: where C git is.
        trouble: of an earlier look; what was refused shortly before is not fetched again.

    Raises:
        Unavailable: the remote cannot be asked, or the disk refused; nothing was changed.
    """
    tip, main, now = remote.tip(), installation.head(POLICY), datetime.now(UTC)
    if trouble and _is_known(trouble, tip, main.id, now):
        return Outcome(tip, main.id, moved=False, problems=trouble.text, judged=trouble.judged)
    with _folder(store.path / ARRIVALS) as arrived:
        try:
            if tip != main.id:
                remote.fetch(arrived)
                measure(program, store.path, arrived, HISTORY)
            fetched = GitStore(store.path, arrived)
            steps = new_commits(installation, fetched, tip, main, now)
            good, problems = _furthest(installation, fetched, main, steps, now)
            if good != main.id:
                with store.lock():  # which nobody gets whose disk failed
                    take_in(store.path, arrived)
                    store.move(POLICY, main, good)
                end_of_the_gone(installation)
        except Invalid as error:
            return Outcome(tip, main.id, moved=False, problems=str(error), judged=now)
        except (Moved, NotFound) as error:
            raise Unavailable("a branch was moved by somebody else meanwhile; looking again") from error
        except OSError as error:
            raise Unavailable(f"what was fetched could not be kept ({error.strerror})") from error
    return Outcome(tip, good, moved=good != main.id, problems=problems, judged=now)


def _is_known(trouble: Trouble, tip: str, main: str, now: datetime) -> bool:
    if trouble.kind != REFUSED or (trouble.commit, trouble.main) != (tip, main):
        return False
    return timedelta(0) <= now - trouble.judged < AGAIN


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Make an empty folder for as long as it is needed; a killed process may have left one."""
    try:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _furthest(
    installation: Installation, fetched: GitStore, main: Snapshot, steps: Sequence[str], now: datetime
) -> tuple[str, str]:
    """Find how far `main` may go: to the end at once, or step by step as if each had been fetched when it was made.

    So what comes into force does not depend on how often we look; a step that is refused may be mended by a later one.

    Returns:
        The commit to move to, and what is wrong with the last one.
    """
    if not steps:
        return main.id, ""
    before = None if is_untouched(installation, main) else main
    problems = _problems(installation, fetched, before, fetched.at(steps[-1]), now)
    if not problems or not 1 < len(steps) <= MOST_STEPS:
        return (main.id, problems) if problems else (steps[-1], "")
    good = main
    for step in steps:
        after = fetched.at(step)
        problems = _problems(installation, fetched, good, after, now)
        good = good if problems else after
    return good.id, problems


def _problems(
    installation: Installation, fetched: GitStore, before: Snapshot | None, after: Snapshot, now: datetime
) -> str:
    """Say what no change may bring, whoever approved it; one problem a line. The first policy changes nothing."""
    try:
        wrong = faults(fetched.objects, after.entry(""), before.entry("") if before else None)
    except Invalid as error:
        return str(error)
    if wrong:
        return "\n".join(wrong)
    policy = installation.policy_of(after)
    parent = installation.policy_of(before) if before else Policy(_Nothing())
    judged = judge(parent, policy, None, (), now, projects=projects_of(installation, policy))
    activity = recorded(installation.trail, installation.head(LEDGER))
    judged = judged_by_rules(installation.checker, judged, parent, policy, now, activity)
    return "\n".join(map(str, judged.problems))


class _Nothing:
    """The policy before the first one."""

    id = "0" * 40

    def read(self, path: str) -> bytes | None:  # noqa: ARG002 - whatever is asked for
        """Find no file."""
        return None

    def entries(self, path: str) -> Mapping[str, Content]:  # noqa: ARG002 - as above
        """Find no folder."""
        return {}
