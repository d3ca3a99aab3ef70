"""Changes that need less agreement than others: giving up one's own rights, and stopping all writes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from registry.policy.files import BadFile, Grant, Named, Organization, RegistryFile, Statement
from registry.policy.judge.touched import Object
from registry.policy.policy import Policy

Entry = tuple[Any, ...]


def only_freezes(before: Policy, after: Policy, touched: Sequence[Object]) -> bool:
    """Tell whether a change does nothing but set `frozen: true`, of the organization or of registries."""
    return bool(touched) and all(_freezes(_said(before, one), _said(after, one)) for one in touched)


def only_gives_up(before: Policy, after: Policy, touched: Sequence[Object], person: str) -> bool:
    """Tell whether a change does nothing but strike a person's name from lists, or disable their account.

    What is compared is what stands there, not what it comes to: a second way to a right one has is no gain today, and
    is one as soon as the first is taken.
    """
    return bool(touched) and all(_gives_up(_said(before, one), _said(after, one), person) for one in touched)


def _said(policy: Policy, one: Object) -> Any:
    try:
        return one.said(policy)
    except BadFile:
        return None


def _freezes(before: Any, after: Any) -> bool:
    if not isinstance(after, Organization | RegistryFile) or type(before) is not type(after):
        return False
    if isinstance(before, Organization) and isinstance(after, Organization):
        if (after.generation or 0) > (before.generation or 0) + 1:
            return False  # it would stand at its end for ever, and no longer tell an old policy from a new one
        before = replace(before, generation=None)  # the guards see to it that it does not fall
        after, frozen = replace(after, generation=None, frozen=None), after.frozen
    else:
        after, frozen = replace(after, frozen=None), after.frozen
    return bool(frozen) and before.frozen is None and _bare(before) == _bare(after)


def _gives_up(before: Any, after: Any, person: str) -> bool:
    if before is None or after is None:
        return False
    if isinstance(before, dict):  # people.yaml
        account = before.get(person)
        if account and not account.disabled and person in after and after[person].disabled:
            after = {**after, person: replace(after[person], disabled=False)}
        return bool(_bare(before) == _bare(after))
    old, new = Counter(_entries(before, person)), Counter(_entries(after, person))
    return new <= old and _without(before, person) == _without(after, person)


def _bare(value: Any) -> Any:
    """Take away where things stand, but not that they are said."""
    if isinstance(value, Statement):
        return True
    if is_dataclass(value):
        return tuple(_bare(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, dict):
        return {key: _bare(inner) for key, inner in value.items()}
    return tuple(map(_bare, value)) if isinstance(value, tuple) else value


def _entries(noun: Any, person: str) -> Iterator[Entry]:
    """List the places where a person is named, each by what it gives."""
    for field in fields(noun):
        value = getattr(noun, field.name)
        for item in value if isinstance(value, tuple) else ():
            if item == person or (isinstance(item, Named) and item.name == person):
                yield (field.name,)
            elif isinstance(item, Grant) and person in item.to:
                yield (field.name, *_bare(replace(item, to=())))


def _without(noun: Any, person: str) -> Any:
    """Strike a person's name from every list of a file, and grants to nobody else with it."""
    struck = {}
    for field in fields(noun):
        value = getattr(noun, field.name)
        if isinstance(value, tuple):
            struck[field.name] = tuple(kept for item in value if (kept := _strike(item, person)) is not None)
    return _bare(replace(noun, **struck))


def _strike(item: Any, person: str) -> Any:
    if item == person or (isinstance(item, Named) and item.name == person):
        return None
    if isinstance(item, Grant):
        to = tuple(entry for entry in item.to if entry != person)
        return replace(item, to=to) if to else None
    return item
