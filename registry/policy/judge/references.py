"""Does everything exist that the policy names, once? What comes later would inherit what was meant for another."""

import difflib
from collections.abc import Collection, Iterable, Iterator

from registry.names import RegistryName
from registry.policy.addresses import claimed_twice
from registry.policy.files import BadFile, Grant, Problem, Statement, Upstream
from registry.policy.given import readable
from registry.policy.policy import Policy

MOST_GUESSED = 20  # names that were perhaps meant; each is compared with all there are
_GENERAL = {"everyone", "anyone"}


def dangling(policy: Policy) -> Iterator[Problem]:
    """List the statements that name what does not exist, or claim an address that is another registry's.

    Args:
        policy: as a whole; files that cannot be read are left out, and what they would name is taken to exist.
    """
    try:
        accounts = set(policy.accounts())
    except BadFile:
        return
    known = accounts | {f"team:{team}" for team in policy.teams()} | _GENERAL
    missing = ((said, entry) for said, entries in _named(policy) for entry in entries if entry not in known)
    for number, (statement, entry) in enumerate(missing):
        yield _missing(statement, entry, known if number < MOST_GUESSED else ())
    yield from _unlinked(policy)
    yield from _of_composites(policy)
    yield from claimed_twice(policy)


def _named(policy: Policy) -> Iterator[tuple[Statement, Iterable[str]]]:
    """List which statements name which accounts and teams."""
    for read in policy.readers():
        try:
            said = read()
        except BadFile:
            continue
        if isinstance(said, tuple):  # cases, which hold easily where nobody is meant
            yield from ((case.statement, [case.person]) for case in said if case.person)
        for accounts in (said.values(),) if isinstance(said, dict) else ():
            yield from ((account.statement, [account.owner]) for account in accounts if account.owner)
        for key in ("members", "maintainers"):
            if hasattr(said, key):
                yield said.statement, getattr(said, key)
        for key in ("admins", "auditors", "owners"):
            yield from ((entry.statement, [entry.name]) for entry in getattr(said, key, ()))
        for namespace in getattr(said, "namespaces", ()):
            yield from ((entry.statement, [entry.name]) for entry in namespace.owners)
        grants: tuple[Grant, ...] = getattr(said, "grants", ())
        yield from ((grant.statement, grant.to) for grant in grants)


def _unlinked(policy: Policy) -> Iterator[Problem]:
    """List the projects and registries that lean on what is not there."""
    linked, registries = set(policy.linked_repositories()), set(policy.registries())
    organization = readable(policy.organization)
    default = organization.default_registry if organization else None
    if default and default.name not in registries:
        yield _absent(default.statement, "registry", f"registries/{default.name}/registry.yaml")
    for name in policy.registries():
        try:
            registry = policy.registry(name)
        except BadFile:
            registry = None
        for upstream in registry.upstreams if registry else ():
            yield from _upstream(policy, upstream)
        for project in policy.declared(name):
            try:
                own = policy.project(name, project)
            except BadFile:
                continue
            if own and own.repository and own.repository not in linked:
                place = own.repository_statement or own.statement
                yield _absent(place, "linked repository", f"repositories/{own.repository}.yaml")


def _of_composites(policy: Policy) -> Iterator[Problem]:
    """List the cases about composites, which say nothing: what may be read there is up to the registries behind."""
    for case in (case for name in policy.files_of_cases() for case in readable(policy.cases, name) or ()):
        found = readable(policy.registry, case.registry) if case.registry else None
        if found and found.kind == "composite":
            text = f"'{case.registry}' is a composite, which gives no rights; write the case for its registries"
            yield Problem(case.statement.file, case.statement.line, text)


def _upstream(policy: Policy, upstream: Upstream) -> Iterator[Problem]:
    """Find what keeps a registry from taking projects from another."""
    if upstream.registry is None:
        return
    name, statement = RegistryName(upstream.registry), upstream.statement
    if name not in policy.registries():
        near = difflib.get_close_matches(name, policy.registries(), 1)
        guess = f"; did you mean '{near[0]}'?" if near else ""
        yield _absent(statement, "registry", f"registries/{name}/registry.yaml", guess)
        return
    found = readable(policy.registry, name)
    if found and found.kind == "composite":
        yield Problem(statement.file, statement.line, f"'{name}' is a composite itself; list its registries instead")
    elif found and found.kind != "source":
        said = (
            f"'{name}' is of kind {found.kind}, which no composite can ask yet; while it is listed, nothing is served"
        )
        yield Problem(statement.file, statement.line, said)


def _missing(statement: Statement, entry: str, known: Collection[str]) -> Problem:
    near = difflib.get_close_matches(entry, known, 1)
    guess = f"; did you mean '{near[0]}'?" if near else ""
    if entry.startswith("team:"):
        path = f"teams/{entry.removeprefix('team:')}.yaml"
        return Problem(statement.file, statement.line, f"'{entry}' is named, and {path} does not exist{guess}")
    if f"team:{entry}" in known:
        guess = f"; the team of this name is written 'team:{entry}'"
    text = f"'{entry}' is named, and people.yaml has no such entry{guess or '; add one, or remove the name'}"
    return Problem(statement.file, statement.line, text)


def _absent(statement: Statement, what: str, path: str, guess: str = "") -> Problem:
    text = f"the {what} it names does not exist{guess or f'; add {path}, or name another'}"
    return Problem(statement.file, statement.line, text)
