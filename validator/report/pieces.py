"""JSON in pieces, because a long ledger has more to say than should be held at once."""

import json
from collections.abc import Iterable, Iterator, Mapping


def written(values: Mapping[str, object]) -> Iterator[str]:
    """Write an object as one line, as `json.dumps` would.

    Args:
        values: by name; those that are iterators become arrays, each entry written as it comes.
    """
    yield "{"
    for number, (name, value) in enumerate(values.items()):
        yield f"{', ' * (number > 0)}{json.dumps(name)}: "
        if isinstance(value, Iterator):
            yield from array(value)
        else:
            yield json.dumps(value)
    yield "}"


def array(values: Iterable[object]) -> Iterator[str]:
    """Write an array."""
    yield "["
    for number, value in enumerate(values):
        yield ", " * (number > 0) + json.dumps(value)
    yield "]"
