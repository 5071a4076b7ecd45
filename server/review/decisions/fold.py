"""Fold of verdicts into one state: accepted, rejected, relabelled and redrawn objects.

A later verdict on an object takes the place of an earlier one; a verdict that was undone never was.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from server.review.decisions.bitmaps import numbers_of, read_bitmap
from server.review.models import ReviewState, Verdict


@dataclass(slots=True)
class Decisions:
    """Disjoint sets of object numbers; objects in none of them are open.

    ``changed`` names the sets that are no longer as they were loaded.
    """

    accepted: BitMap = field(default_factory=BitMap)
    rejected: BitMap = field(default_factory=BitMap)
    redrawn: BitMap = field(default_factory=BitMap)
    relabelled: dict[str, BitMap] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set, compare=False)

    def copy(self) -> Decisions:
        """Return a copy that may be changed."""
        relabelled = {label_id: objects.copy() for label_id, objects in self.relabelled.items()}
        return Decisions(self.accepted.copy(), self.rejected.copy(), self.redrawn.copy(), relabelled)

    @property
    def decided(self) -> BitMap:
        """Return every object with a verdict."""
        return BitMap.union(self.accepted, self.rejected, self.redrawn, *self.relabelled.values())

    def each(self) -> Iterator[tuple[str, str | None, BitMap]]:
        """Yield (kind, new label, objects), the disjoint sets one after the other."""
        yield "accepted", None, self.accepted
        yield "rejected", None, self.rejected
        yield "redrawn", None, self.redrawn
        for label_id, objects in self.relabelled.items():
            yield "relabelled", label_id, objects

    def apply(self, kind: str, objects: BitMap, label_id: str | None) -> None:
        """Replace the decisions on a verdict's objects by the verdict."""
        self.forget(objects)
        self.changed.add(kind)
        if kind == Verdict.Kind.RELABELLED:
            self.relabelled.setdefault(str(label_id), BitMap()).update(objects)
        else:
            chosen = {"accepted": self.accepted, "rejected": self.rejected, "redrawn": self.redrawn}[kind]
            chosen.update(objects)

    def forget(self, objects: BitMap) -> None:
        """Make objects open again."""
        for kind, _, other in self.each():
            if not other.isdisjoint(objects):
                other.difference_update(objects)
                self.changed.add(kind)

    def kind_of(self, index: int) -> tuple[str, str | None]:
        """Return the verdict on one object, and its new label when it was relabelled."""
        return next(
            ((kind, label) for kind, label, objects in self.each() if index in objects), ("open", None)
        )

    def open_mask(self, count: int) -> NDArray[np.bool_]:
        """Return which of ``count`` objects are open, bool (count,)."""
        mask = np.ones(count, dtype=bool)
        mask[numbers_of(self.decided)] = False
        return mask


def fold(verdicts: Iterable[Verdict], within: BitMap | None = None) -> Decisions:
    """Fold verdicts, given in order, from nothing; ``within`` leaves all other objects out."""
    rows = list(verdicts)
    undone = {row.undoes_id for row in rows if row.undoes_id}
    decisions = Decisions()
    for row in rows:
        if row.kind != Verdict.Kind.UNDONE and row.pk not in undone:
            label_id = str(row.label_id) if row.label_id else None
            objects = read_bitmap(row.objects_bitmap)
            decisions.apply(row.kind, objects if within is None else objects & within, label_id)
    return decisions


def fold_again(decisions: Decisions, objects: BitMap, verdicts: Iterable[Verdict]) -> None:
    """Recompute the state of some objects, from all verdicts that may concern them, in order."""
    decisions.forget(objects)
    for kind, label_id, chosen in fold(verdicts, objects).each():
        if chosen:
            decisions.apply(kind, chosen, label_id)


def load(state: ReviewState | None) -> Decisions:
    """Return the decisions in a stored state; everything open without one."""
    if state is None:
        return Decisions()
    return Decisions(
        accepted=read_bitmap(state.accepted),
        rejected=read_bitmap(state.rejected),
        redrawn=read_bitmap(state.redrawn),
        relabelled={
            label_id: read_bitmap(base64.b64decode(text)) for label_id, text in state.relabelled.items()
        },
    )


def store(state: ReviewState, decisions: Decisions) -> list[str]:
    """Write the changes into a state's fields and return their names; the caller saves.

    A set of millions has bitmaps of half a megabyte each: those that stay are not written again.
    """
    for kind in decisions.changed - {"relabelled"}:
        setattr(state, kind, getattr(decisions, kind).serialize())
    if "relabelled" in decisions.changed:
        state.relabelled = {
            label_id: base64.b64encode(objects.serialize()).decode()
            for label_id, objects in decisions.relabelled.items()
            if objects
        }
    state.decided_count = sum(len(objects) for _, _, objects in decisions.each())
    return [*sorted(decisions.changed), "decided_count"]
