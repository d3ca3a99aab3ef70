"""A bounded memory for what never changes: git objects by id, pages by what they are rendered from."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_LARGEST_SHARE = 8  # one value takes at most an eighth of the memory; a larger one is made anew each time


class Kept(Generic[K, V]):
    """Keeps the most recently used values. Any thread may ask; two that ask at once may both make the value."""

    def __init__(self, most: int, weigh: Callable[[V], int] | None = None) -> None:
        """Bound the memory.

        Args:
            most: what all kept values weigh together at most.
            weigh: gives a value's weight, such as its bytes; None counts values.
        """
        self._most = most
        self._weigh = weigh or (lambda _: 1)
        self._values: OrderedDict[K, V] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Give the value of a key, made now if it is not kept.

        Args:
            key: everything the value depends on.
            make: makes the value; what it raises is passed on, and nothing is kept.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        weight = self._weigh(value)
        if weight > self._most // _LARGEST_SHARE and self._most >= _LARGEST_SHARE:
            return value
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._weight += weight
            while self._weight > self._most:
                _, gone = self._values.popitem(last=False)
                self._weight -= self._weigh(gone)
        return value
