"""What holds for the whole installation, compared: accepted issuers, review rules, limits, cases, who an account is."""

import hashlib
import json
from collections.abc import Iterator, Mapping

from registry.policy.case import Case
from registry.policy.difference.shifts import Direction, Shift, frozen, ordered
from registry.policy.files import Account, Issuer, LinkedRepository, Organization, Statement
from registry.policy.given import accounts, readable
from registry.policy.policy import Policy
from registry.policy.ruling import Ruling


def settings(before: Policy, after: Policy) -> list[Shift]:
    """List what changed beside rights: in `waybill.yaml` and `people.yaml`, of linked repositories, and in cases."""
    old, new = readable(before.organization), readable(after.organization)
    shifts: list[Shift] = []
    if old and new:
        shifts += _organization((before, old), (after, new))
    if before.content("people.yaml") != after.content("people.yaml"):
        shifts += _accounts(accounts(before), accounts(after))
    for name in sorted({*before.linked_repositories()} & {*after.linked_repositories()}):
        path = f"repositories/{name}.yaml"
        if before.content(path) != after.content(path):
            shifts += _linked(path, readable(before.linked_repository, name), readable(after.linked_repository, name))
    if before.content("cases") != after.content("cases"):
        shifts += _cases(before, after)
    return shifts


def _organization(before: tuple[Policy, Organization], after: tuple[Policy, Organization]) -> Iterator[Shift]:
    old, new = before[1], after[1]
    place = Statement("waybill.yaml", "", 1)
    yield from frozen("", old.frozen, new.frozen)
    for key in ("organization", "url", "audience"):
        was, now = getattr(old, key), getattr(new, key)
        if was != now:
            yield Shift(Direction.OTHER, key, was, now, place)
    was, now = (side.default_registry.name if side.default_registry else None for side in (old, new))
    if was != now:
        yield Shift(Direction.OTHER, "default_registry", was, now, place)
    for key, more_allows_more in (("approvals", False), ("freeze_approvals", False), ("most_removed", True)):
        was, now = getattr(old.review, key), getattr(new.review, key)
        if was != now:
            direction = ordered(was, now) if more_allows_more else ordered(now, was)
            yield Shift(direction, f"review: {key}", str(was), str(now), place)
    was, now = old.limits.file_bytes, new.limits.file_bytes
    if was != now:
        yield Shift(ordered(was, now), "limits: file_mb", str(was // 1024**2), str(now // 1024**2), place)
    yield from _rules(old.rules, new.rules, place)
    yield from _namespaces(before, after, place)
    for provider in sorted({*old.issuers, *new.issuers}):
        yield from _issuer(provider, old.issuers.get(provider), new.issuers.get(provider))
    for url in sorted({*old.keys, *new.keys}):
        was, now = (_keys(side.keys.get(url, ())) for side in (old, new))
        if was != now:
            yield Shift(Direction.OTHER, f"keys: {url}", was, now, place)


def _namespaces(
    before: tuple[Policy, Organization], after: tuple[Policy, Organization], place: Statement
) -> Iterator[Shift]:
    """Compare which names are reserved: fewer is wider for everybody, another owner for that owner."""
    old, new = ({one.prefix: one for one in side.namespaces} for _, side in (before, after))
    for prefix in sorted({*old, *new}):
        had, have = ({entry.name for entry in side[prefix].owners} if prefix in side else None for side in (old, new))
        if had == have:
            continue
        direction = Direction.OTHER
        if had is None or (have is not None and have < had):
            direction = Direction.NARROWER
        elif have is None or had < have:
            direction = Direction.WIDER
        was, now = (", ".join(sorted(side)) if side is not None else None for side in (had, have))
        added = _accounts_of(after[0], (have or set()) - (had or set())) if had is not None else frozenset()
        yield Shift(direction, f"namespaces: {prefix}", was, now, place, gainers=added)


def _accounts_of(policy: Policy, entries: set[str]) -> frozenset[str]:
    """List the accounts that entries mean, teams expanded."""
    teams = (readable(policy.team, e.removeprefix("team:")) for e in entries if e.startswith("team:"))
    members = {member for team in teams if team for member in team.members}
    return frozenset(members | {entry for entry in entries if not entry.startswith("team:")})


def _rules(old: Ruling, new: Ruling, place: Statement) -> Iterator[Shift]:
    """Compare what the validator refuses: asking for less, or letting more be, lets more through."""
    for key in ("upload", "change"):
        had, have = (set(getattr(side, key)) for side in (old, new))
        if had != have:
            direction = Direction.WIDER if have < had else Direction.NARROWER if had < have else Direction.OTHER
            was, now = (", ".join(sorted(side)) or None for side in (had, have))
            yield Shift(direction, f"rules: {key}", was, now, place)
    terms = [{waiver.terms for waiver in side.waivers} for side in (old, new)]
    for waiver in (waiver for waiver in new.waivers if waiver.terms not in terms[0]):
        yield Shift(Direction.WIDER, f"rules: waiver of {waiver.rule}", None, waiver.said, place)
    for waiver in (waiver for waiver in old.waivers if waiver.terms not in terms[1]):
        yield Shift(Direction.NARROWER, f"rules: waiver of {waiver.rule}", waiver.said, None, place)
    for key in ("select", "ignore", "settings"):
        was, now = (str(getattr(side, key) or "") or None for side in (old, new))
        if was != now:
            yield Shift(Direction.OTHER, f"rules: {key}", was, now, place)


def _issuer(provider: str, old: Issuer | None, new: Issuer | None) -> Iterator[Shift]:
    """Compare whose identity tokens are accepted."""
    had, have = (_accepted(found) for found in (old, new))
    found = new or old
    if had == have or found is None:
        return
    direction = Direction.WIDER if had < have else Direction.NARROWER if have < had else Direction.OTHER
    was, now = (", ".join(sorted(side)) or None for side in (had, have))
    yield Shift(direction, f"issuers: {provider}", was, now, found.statement)


def _accepted(issuer: Issuer | None) -> set[str]:
    if issuer is None:
        return set()
    if issuer.workspace:
        return {f"{issuer.workspace} {issuer.workspace_uuid}"}
    return set(issuer.urls) or {"its public issuer"}


def _keys(keys: tuple[Mapping[str, str], ...]) -> str | None:
    """Name keys so that another one under the same id shows; none: the issuer itself is asked."""
    digests = ((key["kid"], hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()) for key in keys)
    return ", ".join(sorted(f"{kid} (sha256 {digest[:16]})" for kid, digest in digests)) or None


def _accounts(old: Mapping[str, Account], new: Mapping[str, Account]) -> Iterator[Shift]:
    """Compare who the accounts are that both sides know: who holds their address or forge id can act for them."""
    for name in sorted({*old} & {*new}):
        was, now = old[name], new[name]
        if was.service != now.service:
            kind = ("person", "service account")
            direction = Direction.NARROWER if now.service else Direction.WIDER
            gainers: frozenset[str] = frozenset() if now.service else frozenset({name})
            said = kind[was.service], kind[now.service]
            yield Shift(direction, f"account {name}", said[0], said[1], now.statement, gainers=gainers)
        ids = [{"email": side.email, **side.forge_ids} for side in (was, now)]
        for key in sorted({*ids[0], *ids[1]}):
            if ids[0].get(key) != ids[1].get(key):
                yield Shift(Direction.OTHER, f"account {name}: {key}", ids[0].get(key), ids[1].get(key), now.statement)


def _linked(path: str, old: LinkedRepository | None, new: LinkedRepository | None) -> Iterator[Shift]:
    if old and new and (old.forge, old.ids) != (new.forge, new.ids):
        was, now = (" ".join([side.forge, *side.ids.values()]) for side in (old, new))
        yield Shift(Direction.OTHER, f"linked repository {new.name}", was, now, Statement(path, "", 1))


def _cases(before: Policy, after: Policy) -> Iterator[Shift]:
    """Compare what must hold after every change: a case that goes lets a later change do what none could."""
    old, new = _demands(before), _demands(after)
    for demand, case in {**old, **new}.items():
        if (demand in old) != (demand in new):
            forbids = Direction.WIDER if demand in old else Direction.NARROWER
            said = str(case)
            was, now = (said if demand in side else None for side in (old, new))
            yield Shift(Direction.OTHER if case.may else forbids, "case", was, now, case.statement)


def _demands(policy: Policy) -> dict[object, Case]:
    """List what the cases demand, wherever each stands."""
    cases = (case for name in policy.files_of_cases() for case in readable(policy.cases, name) or ())
    return {case.demand: case for case in cases}
