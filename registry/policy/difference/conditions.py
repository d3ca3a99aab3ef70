"""What a trusted publisher asks of an identity token: whether one asks at least what another does, and in words."""

from registry.policy.claims import named
from registry.policy.files import Matcher, Publisher
from registry.policy.globs import contains
from registry.publishers.base import GUARDED, text

Value = str | int | bool

_SHOWN = frozenset({"repository", "project", "organization", "pipeline"})  # for people; never compared
_PATTERNS = frozenset({"ref", "branch", "tag"})  # may hold * and ?
_CONDITIONS = frozenset({"workflow", "ci_config", "environment", "ref_protected", "deployment_environment_uuid"})


def identity(publisher: Publisher) -> tuple[object, ...]:
    """Give what stays the same when a publisher's conditions are edited: the CI system and the immutable ids."""
    return publisher.provider, publisher.issuer, *_ids(publisher)


def title(publisher: Publisher) -> str:
    """Name a publisher for a person."""
    shown = next((publisher.fields[key] for key in sorted(_SHOWN, reverse=True) if key in publisher.fields), None)
    ids = ", ".join(f"{key} {value}" for key, value in _ids(publisher))
    return " ".join(filter(None, [publisher.provider or publisher.issuer, shown or ids]))


def _ids(publisher: Publisher) -> list[tuple[str, str]]:
    return sorted((k, v) for k, v in publisher.fields.items() if k not in _SHOWN | _PATTERNS | _CONDITIONS)


def words(publisher: Publisher) -> dict[str, str]:
    """Say each condition in words, by what it is about."""
    said = {key: value for key, value in publisher.fields.items() if key not in _SHOWN}
    said |= {f"claim {name}": _rule(matcher) for name, matcher in publisher.claims.items()}
    return said | {"scopes": ", ".join(publisher.scopes)}


def asks_as_much(one: Publisher, other: Publisher) -> bool:
    """Tell whether every token that fits one publisher fits another too; yes is certain."""
    if (one.provider, one.issuer) != (other.provider, other.issuer):
        return False
    if named(one) & GUARDED - named(other):  # takes what is refused of whoever does not speak of it
        return False
    fields = all(
        key in one.fields and _within(key, one.fields[key], value)
        for key, value in other.fields.items()
        if key not in _SHOWN
    )
    return fields and all(name in one.claims and _implies(one.claims[name], r) for name, r in other.claims.items())


def apart(one: Publisher, other: Publisher) -> bool:
    """Tell whether no token fits both; yes is certain."""
    if (one.provider, one.issuer) != (other.provider, other.issuer):
        return True
    both = (set(one.fields) & set(other.fields)) - _SHOWN - _PATTERNS
    if any(one.fields[key] != other.fields[key] for key in both):
        return True
    claims = set(one.claims) & set(other.claims)
    finite = ((_finite(one.claims[name]), _finite(other.claims[name])) for name in claims)
    return any(a is not None and b is not None and not {*map(_typed, a)} & {*map(_typed, b)} for a, b in finite)


def _within(key: str, value: str, allowed: str) -> bool:
    return contains(allowed, value) if key in _PATTERNS else value == allowed


def _typed(value: Value) -> tuple[type, Value]:
    """Keep true and 1 apart."""
    return type(value), value


def _finite(rule: Matcher) -> tuple[Value, ...] | None:
    """List the only values that can fit; None: there are too many."""
    if rule.equals is not None:
        return (rule.equals,)
    return rule.in_ or None


def _implies(one: Matcher, other: Matcher) -> bool:
    """Tell whether every value that fits one rule fits another."""
    values = _finite(one)
    if values is not None:
        return all(_fits(other, value) for value in values if _fits(one, value))
    if _finite(other) is not None:
        return False
    if any(text(value) not in _refused(one) and _matches(one, value) for value in _refused(other)):
        return False
    if not other.matches:
        return True
    return bool(one.matches) and all(any(contains(wide, narrow) for wide in other.matches) for narrow in one.matches)


def _refused(rule: Matcher) -> set[str]:
    """List the values that a rule refuses, however a token writes them."""
    return {text(value) for value in (*rule.not_in, rule.not_equals) if value is not None}


def _fits(rule: Matcher, value: Value) -> bool:
    known = _typed(value)
    return (
        (rule.equals is None or _typed(rule.equals) == known)
        and text(value) not in _refused(rule)
        and (not rule.in_ or known in {*map(_typed, rule.in_)})
        and _matches(rule, value)
    )


def _matches(rule: Matcher, value: Value) -> bool:
    if not rule.matches:
        return True
    return isinstance(value, str) and any(contains(glob, value) for glob in rule.matches)


def _rule(rule: Matcher) -> str:
    parts = [
        *([f"{rule.equals}"] if rule.equals is not None else []),
        *([f"not {rule.not_equals}"] if rule.not_equals is not None else []),
        *([f"one of {', '.join(map(str, rule.in_))}"] if rule.in_ else []),
        *([f"none of {', '.join(map(str, rule.not_in))}"] if rule.not_in else []),
        *([f"like {', '.join(rule.matches)}"] if rule.matches else []),
    ]
    return " and ".join(parts)
