"""Types of answers -> JSON Schema (2020-12), so that what a route promises is what the type checker holds it to."""

from types import NoneType, UnionType
from typing import (
    Any,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    Any: {},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
}


class Schemas:
    """Schemas of types; those of objects are named, and referred to by name."""

    def __init__(self, base: str) -> None:
        """Begin without any.

        Args:
            base: where the named ones will be, such as `#/components/schemas/`.
        """
        self.named: dict[str, Schema] = {}
        self._base = base

    def of(self, what: Any) -> Schema:
        """Give the schema of a type: a plain one, a list, a mapping, a union, a `TypedDict`; or of a schema itself.

        Raises:
            TypeError: it is another type.
        """
        if isinstance(what, dict):
            return what
        if what in _PLAIN:
            return _PLAIN[what]
        if is_typeddict(what):
            return self._object(what)
        return self._made_of(get_origin(what), get_args(what))

    def _made_of(self, origin: Any, inner: tuple[Any, ...]) -> Schema:
        if origin in {Required, NotRequired}:
            return self.of(inner[0])
        if origin is list:
            return {"type": "array", "items": self.of(inner[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(inner[1])}
        if origin in {Union, UnionType}:
            return {"anyOf": [self.of(one) for one in inner]}
        raise TypeError(f"{origin} has no JSON Schema here")

    def _object(self, what: Any) -> Schema:
        name: str = what.__name__
        if name not in self.named:
            self.named[name] = {}  # a type may mention itself
            hints = get_type_hints(what, include_extras=True)
            self.named[name] = {
                "type": "object",
                "properties": {key: self.of(hint) for key, hint in hints.items()},
                "required": sorted(what.__required_keys__),
            }
            if what.__doc__:
                self.named[name]["description"] = what.__doc__.partition("\n")[0]
        return {"$ref": self._base + name}
