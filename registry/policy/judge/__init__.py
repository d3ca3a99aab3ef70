"""May this change become the policy? One function behind every door; `main` moves only to what it calls good.

The policy that is changed decides who may approve; the change's own content never does.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.names import ProjectName, RegistryName
from registry.policy.addresses import joined
from registry.policy.bounds import Review
from registry.policy.difference import Difference, difference
from registry.policy.files import BadFile, Problem
from registry.policy.judge.exempt import only_freezes, only_gives_up
from registry.policy.judge.guards import guarded
from registry.policy.judge.interests import interested
from registry.policy.judge.owners import admins, is_person, owners
from registry.policy.judge.touched import Kind, Object, touched
from registry.policy.policy import Policy

WHOLE = "the whole change"
_STUCK = (
    "nobody may approve it; the operator on the host can merge it: "
    "waybill change merge NAME --data DIR --break-glass REASON"
)


@dataclass(frozen=True, slots=True)
class Approval:
    """Who agreed to what; it counts only while the change would lead from and to exactly that."""

    by: str
    base: str  # commit of branch main that the change was shown against
    tree: str  # id of the root folder that main would get
    at: datetime


@dataclass(frozen=True, slots=True)
class Need:
    """What one touched file, or the change as a whole, waits for."""

    what: str  # a path, or WHOLE
    owners: tuple[str, ...]  # who may approve it, sorted; admins only where they own it or nobody else does
    given: tuple[str, ...]  # who did
    least: int  # how many are needed
    standing: tuple[str, ...] = ()  # admins who may as well

    @property
    def met(self) -> bool:
        """Whether enough people agreed."""
        return len(self.given) >= self.least

    def __str__(self) -> str:
        if not self.least:
            return f"{self.what}: no approval needed"
        if self.met:
            return f"{self.what}: {', '.join(self.given)} of {self.least} needed"
        wanted = self.least - len(self.given)
        asked = [name for name in self.owners if name not in self.given]
        if set(self.standing) - set(self.given):
            asked.append("an admin")
        if not asked:
            return f"{self.what}: {_STUCK}"
        return f"{self.what}: {wanted} more approval{'s' * (wanted > 1)}, by {_either(asked)}"


def _either(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a change means, what is wrong with it, and what it waits for."""

    author: str | None
    difference: Difference
    touched: tuple[Object, ...]
    problems: tuple[Problem, ...]
    needs: tuple[Need, ...]
    excluded: Mapping[str, str]  # who may not approve it, and why
    warnings: tuple[Problem, ...] = ()  # of rules; they hold up nothing
    unreadable: bool = False  # what files that cannot be read said looks lost, and their meaning is not to be told

    @property
    def refused(self) -> bool:
        """Whether it can never be applied as it is."""
        return bool(self.problems)

    @property
    def missing(self) -> tuple[Need, ...]:
        """What it still waits for."""
        return tuple(need for need in self.needs if not need.met)

    @property
    def good(self) -> bool:
        """Whether it may be applied now."""
        return not self.problems and not self.missing


def judge(
    parent: Policy,
    tree: Policy,
    author: str | None,
    approvals: Sequence[Approval],
    now: datetime,
    *,
    pushers: Collection[str] = (),
    tree_id: str | None = None,
    projects: Mapping[RegistryName, Iterable[ProjectName]] | None = None,
) -> Judgement:
    """Judge a change by the policy it changes.

    Args:
        parent: the policy in force, which the change would follow.
        tree: what would be in force after it.
        author: who proposes it; None: nobody known here.
        approvals: given so far, also those that do not count.
        now: the moment, with a timezone.
        pushers: who else had a hand in it.
        tree_id: what an approval must name as its tree; None: the id of `tree`.
        projects: names of projects known from the ledger, beside those that have a file.
    """
    known = projects or {}
    changed = touched(parent, tree)
    meaning = difference(parent, tree, known, now.astimezone(UTC).date())
    excluded = interested(parent, tree, author, pushers, meaning.gainers)
    good = (parent.commit, tree.commit if tree_id is None else tree_id)
    given = {approval.by for approval in approvals if (approval.base, approval.tree) == good}
    problems = guarded(parent, tree, changed, meaning, known, now)
    needs = _Needs(parent, author, frozenset(pushers), meaning.gainers, excluded, given, now).of(tree, changed, meaning)
    unreadable = bool({problem.file for problem in tree.problems()} & {one.path for one in changed})
    return Judgement(author, meaning, tuple(changed), problems, needs, excluded, unreadable=unreadable)


@dataclass(frozen=True, slots=True)
class _Needs:
    """Works out who has to agree, from the parent alone."""

    parent: Policy
    author: str | None
    pushers: frozenset[str]
    gainers: Collection[str]
    excluded: Mapping[str, str]
    given: Collection[str]
    now: datetime

    def of(self, tree: Policy, changed: Sequence[Object], meaning: Difference) -> tuple[Need, ...]:
        """List what the touched files need, and the change as a whole."""
        review = self._review()
        if self._gives_up(tree, changed, meaning):
            return ()
        wanted = review.approvals
        if only_freezes(self.parent, tree, changed):
            wanted = review.freeze_approvals
        needs = [self._need(tree, touched, wanted) for touched in changed]
        if not changed:  # what changes nothing is nobody's to wave through
            needs.append(self._made(WHOLE, admins(self.parent), frozenset(), max(wanted, 1)))
        return tuple(needs)

    def _gives_up(self, tree: Policy, changed: Sequence[Object], meaning: Difference) -> bool:
        """Tell whether the author alone loses anything, and nobody else had a hand in it."""
        if self.author is None or self.pushers - {self.author} or meaning.renounces != frozenset({self.author}):
            return False
        return is_person(self.parent, self.author) and only_gives_up(self.parent, tree, changed, self.author)

    def _review(self) -> Review:
        try:
            return self.parent.organization().review
        except BadFile:
            return Review(approvals=1)

    def _need(self, tree: Policy, touched: Object, wanted: int) -> Need:
        """Work out one file's need: as many as are wanted, or none where the author alone may do it.

        Each file has its own, so that nobody is brought in as a second voice by an edit of what they own. That a
        registry joins a GitLab group concerns all registries of it, so that admins propose it or approve it.
        """
        own, standing = owners(self.parent, touched, self.now), admins(self.parent)
        authors = self.pushers | ({self.author} if self.author else set())
        joins = touched.kind is Kind.REGISTRY and joined(self.parent, tree, touched.of_registry)
        if joins and not (authors and authors <= standing):
            own = frozenset()
        alone = bool(self.author) and authors <= own | standing and not authors & set(self.gainers)
        return self._made(touched.path, own, standing, 0 if wanted == 0 and alone else max(wanted, 1))

    def _made(self, what: str, own: frozenset[str], standing: frozenset[str], least: int) -> Need:
        able = (own | standing) - self.excluded.keys()
        named = own - self.excluded.keys() or able
        given = able & set(self.given)
        return Need(what, tuple(sorted(named)), tuple(sorted(given)), least, tuple(sorted(able - named)))
