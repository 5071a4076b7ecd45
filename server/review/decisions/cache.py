"""LRU cache of decision states, keyed by object set and version. A state of one version never changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import connection

from server.review.decisions.fold import Decisions, load
from server.review.decisions.selectors import find_state, version_now

MOST_BYTES: Final = 64 * 2**20
_OWN_WEIGHT: Final = 1000

_lock = threading.Lock()
_recent: OrderedDict[tuple[UUID, int], tuple[Decisions, int]] = OrderedDict()


def decisions_at(set_id: UUID, version: int) -> Decisions:
    """Return the decisions on a set's objects as of a version, read-only.

    A state that has moved on in the meantime is read as it is now.
    """
    with _lock:
        known = _recent.get((set_id, version))
        if known is not None:
            _recent.move_to_end((set_id, version))
            return known[0]
    state = find_state(set_id)
    decisions = load(state)
    # Inside a transaction the row may be one that is never committed.
    if state is not None and not connection.in_atomic_block:
        remember(set_id, state.version, decisions)
    return decisions


def decisions_now(set_id: UUID) -> Decisions:
    """Return the current decisions on a set's objects, read-only."""
    version = version_now(set_id)
    return decisions_at(set_id, version) if version else Decisions()


def remember(set_id: UUID, version: int, decisions: Decisions) -> None:
    """Cache a committed state; older versions of the set are dropped."""
    key, weight = (set_id, version), _weight(decisions)
    with _lock:
        for old in [other for other in _recent if other[0] == key[0]]:
            del _recent[old]
        _recent[key] = decisions, weight
        held = sum(size for _, size in _recent.values())
        while held > MOST_BYTES and len(_recent) > 1:
            _, (_, freed) = _recent.popitem(last=False)
            held -= freed


def _weight(decisions: Decisions) -> int:
    weight = _OWN_WEIGHT
    for _, _, objects in decisions.each():
        statistics: Mapping[str, Any] = objects.get_statistics()
        weight += sum(statistics[f"n_bytes_{kind}_containers"] for kind in ("array", "run", "bitset"))
    return weight
