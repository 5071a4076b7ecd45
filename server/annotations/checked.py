"""Geometry checks of changes before the transaction, so that nobody waits for a lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from uuid import UUID

from ml.formats.geometry_budget import GeometryBudget
from server.annotations.errors import BadGeometryError
from server.annotations.geometry import KeptShape, keep_shape, move_nucleus
from server.annotations.selectors import annotations_by_id
from server.slides.models import Slide
from server.slides.selectors import require_ready

_OUTLINE: Final = frozenset({"geometry", "shape"})


@dataclass(frozen=True, slots=True)
class Change:
    """One operation of a batch. ``values`` are the new fields; the edit starts from ``revision``.

    ``kept`` is the checked geometry.
    """

    op: str
    id: UUID
    revision: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    kept: KeptShape | None = None

    @property
    def has_outline(self) -> bool:
        """Return whether the change sets the outline."""
        return self.op in {"create", "update"} and bool(_OUTLINE & self.values.keys())


class _Drawn(NamedTuple):
    """An annotation after the preceding operations of its batch."""

    shape: str
    geometry: Mapping[str, Any]
    nucleus: Mapping[str, Any] | None


def checked_changes(*, slide: Slide, changes: Sequence[Change], **_: Any) -> dict[str, list[Change]]:
    """Return changes with each new outline checked, within one budget.

    Every member who sees a slide may draw on it; the service authorises the rest. Raises BadGeometryError,
    which names the change, or BudgetSpentError.
    """
    require_ready(slide)
    updates = [change.id for change in changes if change.op == "update" and change.has_outline]
    rows = annotations_by_id(slide.pk, updates)
    drawn = {key: _Drawn(row.shape, row.geometry, row.nucleus) for key, row in rows.items()}
    budget = GeometryBudget()
    checked = []
    for number, change in enumerate(changes):
        try:
            checked.append(_checked(change, drawn, (slide.width, slide.height), budget))
        except BadGeometryError as error:
            error.extra.setdefault("errors", {f"changes.{number}.geometry": [str(error.detail)]})
            raise
    return {"changes": checked}


def _checked(
    change: Change, drawn: dict[UUID, _Drawn], size: tuple[int, int], budget: GeometryBudget
) -> Change:
    before = drawn.get(change.id)
    if not change.has_outline or (change.op == "update" and before is None):
        return change
    values = dict(change.values)
    shape = values["shape"] if "shape" in values or before is None else before.shape
    geometry = values["geometry"] if "geometry" in values or before is None else before.geometry
    kept = change.kept or keep_shape(geometry, shape, size, budget)
    if before is not None and before.nucleus is not None and "nucleus" not in values:
        values["nucleus"] = move_nucleus(before.nucleus, before.geometry, kept.geometry, budget)
    drawn[change.id] = _Drawn(shape, kept.geometry, values.get("nucleus"))
    return replace(change, values=values, kept=kept)


def checked_region(
    *, slide: Slide, geometry: Mapping[str, Any] | KeptShape, **_: Any
) -> dict[str, KeptShape]:
    """Return the checked outline of a finished region."""
    require_ready(slide)
    if isinstance(geometry, KeptShape):
        return {"geometry": geometry}
    return {"geometry": keep_shape(geometry, "polygon", (slide.width, slide.height))}
