"""Bounded memory for what was read or answered, oldest out first. Without locks: callers have their own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The most recently used values, at most ``limit`` by total weight."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weight = 0
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def weight(self) -> int:
        """What is held now, in the unit of the limit."""
        return self._weight

    def get(self, key: K) -> V | None:
        """Return a value and count it as used, or None."""
        item = self._items.get(key)
        if item is None:
            return None
        self._items.move_to_end(key)
        return item[0]

    def put(self, key: K, value: V, weight: int = 1) -> None:
        """Hold a value, dropping the least recently used ones; one above the limit is not held."""
        self.drop(key)
        if weight > self._limit:
            return
        self._items[key] = (value, weight)
        self._weight += weight
        while self._weight > self._limit:
            _, (_, freed) = self._items.popitem(last=False)
            self._weight -= freed

    def drop(self, key: K) -> None:
        """Forget a value, if it is held."""
        item = self._items.pop(key, None)
        if item is not None:
            self._weight -= item[1]
