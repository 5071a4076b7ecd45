"""Bounded LRU cache of decoded or computed values. Without locks: callers have their own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """An LRU cache of at most ``limit`` total weight."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weight = 0
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def weight(self) -> int:
        """The total weight of the cached values, in the unit of the limit."""
        return self._weight

    def get(self, key: K) -> V | None:
        """Return a value and mark it as used, or None."""
        item = self._items.get(key)
        if item is None:
            return None
        self._items.move_to_end(key)
        return item[0]

    def put(self, key: K, value: V, weight: int = 1) -> None:
        """Cache a value, dropping the least recently used ones; a value above the limit is not cached."""
        self.drop(key)
        if weight > self._limit:
            return
        self._items[key] = (value, weight)
        self._weight += weight
        while self._weight > self._limit:
            _, (_, freed) = self._items.popitem(last=False)
            self._weight -= freed

    def drop(self, key: K) -> None:
        """Remove a value, if it is cached."""
        item = self._items.pop(key, None)
        if item is not None:
            self._weight -= item[1]
