"""How an open change stands: what it would do to the policy in force, and what the judge says of it."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from registry import names
from registry.activity import recorded
from registry.changes import lines
from registry.changes.record import ChangeRecord, read_change_record, record_path
from registry.checking import judged_by_rules
from registry.credentials import find as find_token
from registry.errors import Invalid, NotFound
from registry.index import Index
from registry.installation import OPERATOR, Installation
from registry.names import ProjectName, RegistryName
from registry.policy.files import Problem
from registry.policy.judge import Approval, Judgement, judge
from registry.policy.policy import Policy
from registry.records import read_message
from registry.store import CHANGES, LEDGER, POLICY, NewCommit, Signature, Snapshot

_NOBODY = Signature("nobody", "nobody@waybill.invalid")  # a draft's author; it is never flushed


@dataclass(frozen=True, slots=True)
class Change:
    """A change as it is at this moment."""

    name: str
    head: str  # the newest commit of its branch
    subject: str  # what it says of itself, in a line
    parting: str  # the commit of main it was built on
    base: str  # the commit of main it is judged by: the one in force
    tree: str  # the git tree that main would get; an approval names it together with the base
    record: ChangeRecord
    author: str | None  # who pushed the head; None: nobody is known to have
    before: Policy
    after: Policy
    files: Mapping[str, bytes | None]  # what it does to main: path -> content; None removes
    overlap: tuple[str, ...]  # paths that main changed too; while there are any, it is judged without them
    judgement: Judgement
    merged: str | None = None  # the commit of main, where the operator broke the glass for it

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why it cannot be merged as it is, whoever approves."""
        overlap = tuple(Problem(path, 1, _OVERLAP) for path in self.overlap)
        nobody = () if self.author else (Problem(f"refs/heads/{CHANGES}/{self.name}", 1, _UNKNOWN),)
        nothing = () if self.files or self.overlap else (Problem(f"refs/heads/{CHANGES}/{self.name}", 1, _NOTHING),)
        return (*nobody, *nothing, *overlap, *self.judgement.problems)

    @property
    def beyond(self) -> tuple[Problem, ...]:
        """Those of its problems that the judge does not know of, because it saw another change or none."""
        return self.problems[: len(self.problems) - len(self.judgement.problems)]

    @property
    def good(self) -> bool:
        """Whether it may be merged now."""
        return not self.problems and self.judgement.good


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a change makes of main, before anybody judges it."""

    head: str
    subject: str
    parting: str
    before: Policy
    after: Snapshot
    files: Mapping[str, bytes | None]
    overlap: tuple[str, ...]
    merged: str | None = None


_OVERLAP = "main changed this file too since the change was begun; merge origin/main into your branch and push again"
_UNKNOWN = "nobody is known to have pushed this commit; push the branch again under another name"
_NOTHING = "it changes nothing on main as it is now; withdraw it"


def changes(installation: Installation) -> list[Change]:
    """List the changes that wait for something: to be merged, or for approval after the glass was broken."""
    ledger = installation.head(LEDGER)
    recorded = {name.removesuffix(".json") for name in ledger.entries("changes")}
    found = []
    for name in sorted({*installation.store.branches(CHANGES), *recorded}):
        with suppress(Invalid):  # a branch that a hand put there, and that is nothing to be merged
            found.append(_look(installation, name))
    return [change for change in found if change]


def find(installation: Installation, name: str) -> Change:
    """Look at one change.

    Raises:
        NotFound: there is no such change, or it was merged.
        Invalid: its branch is nothing that can be brought onto main.
    """
    change = _look(installation, names.change_name(name))
    if change is None:
        raise NotFound(f"No change '{name}' is open: it was merged ('git log main' has it), withdrawn, or never pushed")
    return change


def record_of(ledger: Snapshot, name: str) -> ChangeRecord:
    """Read what the ledger has of a change; an empty record where it has nothing.

    An approval through a token that was revoked is left out: perhaps it was not its owner's.
    """
    text = ledger.read(record_path(name))
    found = read_change_record(text) if text is not None else ChangeRecord(name)
    given = ((approved, find_token(Index(ledger), approved.token or "")) for approved in found.approvals)
    kept = (approved for approved, token in given if not (token and token.revoked))
    return replace(found, approvals=tuple(kept))


def assess(installation: Installation, head: str, record: ChangeRecord) -> Change:
    """See what a change's branch at some commit would do.

    Args:
        installation: where.
        head: the commit, which may be one that is being pushed.
        record: who pushed and approved.

    Raises:
        Invalid: it cannot be brought onto main.
    """
    store, before = installation.store, installation.policy()
    main, parting = store.at(before.commit), lines.parting(installation.trail, head)
    edits = lines.edits(store.at(parting.base), store.at(head), main)
    left = {path: content for path, content in edits.files.items() if path not in edits.overlap}
    draft = store.batch(POLICY, main).add(NewCommit(left, "draft\n", _NOBODY, _NOBODY, main.time))
    subject = lines.subject(installation.trail, parting, head)
    return _judged(installation, _Draft(head, subject, parting.main, before, draft, left, edits.overlap), record)


def projects_of(installation: Installation, policy: Policy) -> dict[RegistryName, Iterable[ProjectName]]:
    """Name the projects that exist in a policy's registries, so that a pattern is shown with what it covers."""
    index = installation.view().index
    found: dict[RegistryName, Iterable[ProjectName]] = {}
    for registry in policy.registries():
        try:
            found[names.registry_name(registry)] = index.projects(registry)
        except Invalid:
            continue  # the judge says what is wrong with it
    return found


def again(installation: Installation, change: Change, record: ChangeRecord) -> Change:
    """See how a change would stand by another record."""
    return _afterwards(installation, record) if change.merged else assess(installation, change.head, record)


def waits_for(change: Change) -> str:
    """Say in sentences what a change lacks to be merged; empty where it lacks nothing."""
    if change.problems:
        return "\n".join(map(str, change.problems))
    return ". ".join(map(str, change.judgement.missing))


def _look(installation: Installation, name: str) -> Change | None:
    head = installation.store.branches(CHANGES).get(name)
    record = record_of(installation.head(LEDGER), name)
    if record.broken_glass:
        return _afterwards(installation, record)
    if head is None:
        return None
    change = assess(installation, head, record)
    return change if lines.merged(installation.trail, change.parting, head) is None else None


def _afterwards(installation: Installation, record: ChangeRecord) -> Change:
    """See a change that the operator merged, by the policy it changed."""
    glass = record.broken_glass
    if glass is None:
        raise ValueError("nobody broke the glass for this change")
    store = installation.store
    before, after = store.at(glass.base), store.at(glass.commit)
    files = lines.edits(before, after, before).files
    subject, facts = read_message(next(iter(store.history(after))).message)
    draft = _Draft(
        facts["Change-Commit"], subject, glass.base, installation.policy_of(before), after, files, (), glass.commit
    )
    return _judged(installation, draft, record)


def _judged(installation: Installation, draft: _Draft, record: ChangeRecord) -> Change:
    root, after, author = draft.after.entry(""), installation.policy_of(draft.after), record.author(draft.head)
    tree = root.id if root else ""
    judgement = judge(
        draft.before,
        after,
        None if author == OPERATOR else author,
        [Approval(given.by, given.base, given.tree, given.at) for given in record.approvals],
        datetime.now(UTC),
        pushers={push.by for push in record.pushes},
        tree_id=tree,
        projects=projects_of(installation, after),
    )
    activity = recorded(installation.trail, installation.head(LEDGER))
    judgement = judged_by_rules(installation.checker, judgement, draft.before, after, datetime.now(UTC), activity)
    return Change(
        name=record.name,
        head=draft.head,
        subject=draft.subject,
        parting=draft.parting,
        base=draft.before.commit,
        tree=tree,
        record=record,
        author=author,
        before=draft.before,
        after=after,
        files=draft.files,
        overlap=draft.overlap,
        judgement=judgement,
        merged=draft.merged,
    )
