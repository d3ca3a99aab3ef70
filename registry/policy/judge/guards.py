"""Guard rails: what no change may do, whoever approves it.

What was already wrong before is not held against a change that does not touch it: a broken file must never stand in
the way of taking rights away elsewhere.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from registry.errors import Invalid
from registry.names import registry_name
from registry.policy.case import Case
from registry.policy.difference import Difference, Known
from registry.policy.files import BadFile, Problem
from registry.policy.given import readable
from registry.policy.judge.holds import breaches
from registry.policy.judge.interests import identities
from registry.policy.judge.owners import admins
from registry.policy.judge.references import dangling
from registry.policy.judge.removals import removals
from registry.policy.judge.touched import Kind, Object, every_path, object_at
from registry.policy.policy import Policy

MOST_BREACHES = 5  # of one case; the others would say the same
_AT_TOP = {"waybill", "people"}
_GOVERNED = {"teams", "repositories", "registries", "cases"}
_KNOWN = (
    "waybill.yaml",
    "people.yaml",
    "teams/<name>.yaml",
    "repositories/<name>.yaml",
    "cases/<name>.yaml",
    "registries/<name>/registry.yaml",
    "registries/<name>/projects/<project>.yaml",
)


def guarded(
    parent: Policy, tree: Policy, touched: Sequence[Object], meaning: Difference, known: Known, now: datetime
) -> tuple[Problem, ...]:
    """List what would have to be repaired before a change can be applied.

    Args:
        parent: the policy in force.
        tree: what would be in force.
        touched: the files the two differ in.
        meaning: their difference.
        known: projects of the ledger.
        now: the moment.
    """
    changed = {one.path for one in touched}
    found = [*_standing(parent, tree, changed), *_generation(parent, tree), *_left_behind(meaning)]
    if not admins(tree) and not any(problem.file in {"waybill.yaml", "people.yaml"} for problem in found):
        found.append(Problem("waybill.yaml", 1, "admins: no person who is not disabled is left; name one"))
    found += _out_of_reach(parent, tree)
    return (*dict.fromkeys([*found, *removals(parent, tree), *_broken_cases(parent, tree, known, now)]),)


def _standing(parent: Policy, tree: Policy, changed: set[str]) -> Iterator[Problem]:
    """List what is wrong with the files as they would be, as far as the change brings it about."""
    for check in _CHECKS:
        new = list(check(tree))
        old = Counter((problem.file, problem.text) for problem in check(parent)) if new else Counter()
        edited = changed if check is unreadable else set()
        yield from (p for p in new if p.file in edited or (p.file, p.text) not in old)


def unreadable(policy: Policy) -> Iterator[Problem]:
    """List what keeps files from being read, and files that must be there and are not."""
    yield from policy.problems()
    if "people.yaml" not in policy.entries():
        yield Problem("people.yaml", 1, "the file is missing; nobody would be known")


def misplaced(policy: Policy) -> Iterator[Problem]:
    """List files that look as if they meant something and would be ignored."""
    for path in every_path(policy):
        top, meant = path.partition("/")[0], path.lower().removesuffix(".yml").removesuffix(".yaml")
        yaml = path.lower().endswith((".yaml", ".yml")) and (top.lower() in _GOVERNED or meant in _AT_TOP)
        if yaml and object_at(path).kind is Kind.BESIDE:
            yield Problem(path, 1, f"this would be ignored; known here are {', '.join(_KNOWN)}")
        parts = path.split("/")
        for folder in ("/".join(parts[:n]) for n in range(1, len(parts))):
            if object_at(folder).kind is not Kind.BESIDE:
                yield Problem(folder, 1, "this is a folder where a file is meant, and says nothing; rename it")
    for registry in policy.registries():
        file = f"registries/{registry}/registry.yaml"
        if "registry.yaml" not in policy.entries(f"registries/{registry}"):
            yield Problem(file, 1, "the folder has no such file, so nothing in it holds; add it, or remove the folder")
            try:
                registry_name(registry)
            except Invalid as error:
                yield Problem(file, 1, str(error))


def twins(policy: Policy) -> Iterator[Problem]:
    """List paths that some file systems take for one, and accounts that share an identity."""
    seen: dict[str, str] = {}
    for path in sorted(_all_paths(policy)):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
        if first := seen.get(folded):
            yield Problem(path, 1, f"differs from {first!a} only in case or in how it is encoded; rename one of them")
        seen.setdefault(folded, path)
    known: dict[tuple[str, str], str] = {}
    try:
        accounts = policy.accounts().values()
    except BadFile:
        return
    for account in accounts:
        for kind, value in identities(account):
            if (kind, value) in known:
                text = (
                    f"'{account.id}' has the same {kind} as '{known[kind, value]}'; an identity belongs to one account"
                )
                yield Problem("people.yaml", account.statement.line, text)
            known.setdefault((kind, value), account.id)


def _all_paths(policy: Policy) -> set[str]:
    """List files and their folders."""
    files = list(every_path(policy))
    return {"/".join(parts[:n]) for parts in (f.split("/") for f in files) for n in range(1, len(parts) + 1)}


def _generation(parent: Policy, tree: Policy) -> Iterator[Problem]:
    """Refuse an old policy that comes back as it was."""
    try:
        before = parent.organization().generation
        after = tree.organization().generation
    except BadFile:
        return
    if before is not None and (after is None or after < before):
        text = f"generation: it was {before} and would {'be gone' if after is None else f'be {after}'}; it only grows"
        yield Problem("waybill.yaml", 1, f"{text}, so write {before} or more")


def _out_of_reach(parent: Policy, tree: Policy) -> Iterator[Problem]:
    """Refuse to ask for more approvals than there are admins beside an author: `waybill.yaml` could never change."""
    asked, able = _asked(tree), len(admins(tree)) - 1
    if asked > max(able, _asked(parent)) and able >= 0:
        text = f"review: approvals: {asked} would be needed from admins beside the author, and {able} would be there"
        yield Problem("waybill.yaml", 1, f"{text}; name more admins, or ask for fewer")


def _asked(policy: Policy) -> int:
    try:
        return policy.organization().review.approvals
    except BadFile:
        return 0


def _broken_cases(parent: Policy, tree: Policy, known: Known, now: datetime) -> Iterator[Problem]:
    """Find cases that would not hold, those in force included: none leaves in the change that would break it."""
    old, new = ({case.demand: case for case in _cases(side)} for side in (parent, tree))
    for demand, case in {**old, **new}.items():
        found = list(breaches(tree, case, known, now))
        before = {b.key for b in breaches(parent, case, known, now)} if found and demand in old else set()
        fresh = [breach for breach in found if breach.key not in before]
        yield from (Problem(case.statement.file, case.statement.line, str(b)) for b in fresh[:MOST_BREACHES])


def _cases(policy: Policy) -> Iterator[Case]:
    for name in policy.files_of_cases():
        yield from readable(policy.cases, name) or ()


def _left_behind(meaning: Difference) -> Iterator[Problem]:
    for orphan in (orphan for orphan in meaning.orphaned if orphan.file != "waybill.yaml"):
        text = f"{orphan.what} would have no owner any more; it had {', '.join(orphan.last)}. Name another one"
        yield Problem(orphan.file, 1, text)


_CHECKS: tuple[Callable[[Policy], Iterator[Problem]], ...] = (unreadable, misplaced, twins, dangling)
