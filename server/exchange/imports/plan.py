"""Plan of an import: the change of each row of a file on the slide. Nothing is written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import shapely
from shapely.geometry import box, mapping
from shapely.geometry import shape as to_shapely

from ml.formats.geometry_budget import GeometryBudget
from ml.messages import Message
from server.accounts.models import User
from server.annotations.errors import BadGeometryError
from server.annotations.geometry import AREAS, KeptShape, keep_nucleus, keep_shape, move_nucleus
from server.annotations.models import Annotation
from server.exchange.formats.shapes import ForeignShape, UnreadRow
from server.exchange.imports.classes import ClassMatches, match_classes
from server.exchange.imports.comparison import Comparison
from server.exchange.imports.identity import Identity, Known, identify, load_known
from server.exchange.imports.options import ImportOptions, Outside
from server.exchange.imports.placement import check_placement, sample_middles
from server.exchange.imports.regions import plan_region
from server.exchange.imports.rows import ImportPlan, Outcome, PlannedRow
from server.objects.selectors import object_sets_visible_to
from server.slides.models import Slide

_SUGGESTION: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):\d+")
DEEPEST: Final = 5


def plan_import(
    actor: User, slide: Slide, rows: Sequence[ForeignShape | UnreadRow], options: ImportOptions
) -> ImportPlan:
    """Return the plan for the rows of a file; raises BadMappingError."""
    raw = [row for row in rows if isinstance(row, ForeignShape)]
    shapes = [_scaled(shape, options.scale) for shape in raw]
    classes = match_classes(actor, slide.project, [s for s in shapes if not s.is_finished_region], options)
    identities = identify(slide, shapes)
    known = load_known(slide, identities)
    own_sets = _object_sets(actor, slide, shapes)
    plan = ImportPlan(classes=classes, placement=check_placement(slide, sample_middles(raw), options.scale))
    plan.rows += [PlannedRow(row.row, reason=row.reason) for row in rows if isinstance(row, UnreadRow)]
    comparison = Comparison(actor, slide, known, options)
    budget = GeometryBudget()
    for shape, identity in zip(shapes, identities, strict=True):
        planned = PlannedRow(shape.row, shape=shape)
        plan.rows.append(planned)
        if _is_suggestion(shape, own_sets, planned) or not _keep(planned, shape, slide, options, budget):
            continue
        if is_region(shape, identity, known):
            plan_region(planned, slide, identity, known, options)
        elif _label(planned, shape, classes, comparison.annotation_of(identity)):
            comparison.add(planned, identity)
    comparison.finish()
    for planned in plan.rows:
        _move_nucleus(planned, budget)
    plan.rows.sort(key=lambda row: row.row)
    plan.missing = comparison.count_missing()
    return plan


def is_region(shape: ForeignShape, identity: Identity, known: Known) -> bool:
    """Return whether a shape is a finished region, by its id or by the file."""
    if any(pk in known.regions for pk in identity.candidates):
        return True
    return shape.is_finished_region and not any(pk in known.annotations for pk in identity.candidates)


def _keep(
    planned: PlannedRow, shape: ForeignShape, slide: Slide, options: ImportOptions, budget: GeometryBudget
) -> bool:
    """Check and repair the geometry of a row; False where it is invalid."""
    size = (slide.width, slide.height)
    try:
        kept = keep_shape(shape.geometry, shape.shape, size, budget)
        planned.is_mended = kept.mended
        if options.outside == Outside.CUT and not _is_inside(kept, size):
            cut = _cut(kept.geometry, size)
            planned.is_cut = cut is not kept.geometry
            kept = keep_shape(cut, shape.shape, size, budget) if planned.is_cut else kept
        planned.kept = kept
    except BadGeometryError as error:
        planned.end(Outcome.SKIPPED, error.detail)
        return False
    if planned.is_cut:
        planned.reason = Message("row_cut")
    elif planned.is_mended:
        planned.reason = Message("row_mended")
    elif math.isnan(shape.score or 0) or math.isnan(shape.uncertainty or 0):
        planned.reason = Message("row_score_left_out")
    if shape.nucleus is not None:
        _keep_nucleus(planned, shape.nucleus, budget)
    return True


def _keep_nucleus(planned: PlannedRow, nucleus: dict[str, Any], budget: GeometryBudget) -> None:
    kept = planned.kept
    if kept is None or kept.geometry["type"] not in AREAS:
        return
    try:
        planned.nucleus = keep_nucleus(nucleus, kept.geometry, budget)
    except BadGeometryError:
        planned.nucleus = None
    if planned.nucleus is None:
        planned.is_mended = True
        planned.reason = Message("row_nucleus_lost")


def _move_nucleus(planned: PlannedRow, budget: GeometryBudget) -> None:
    """Move an annotation's nucleus with its outline, where the file lacks one."""
    annotation, kept = planned.annotation, planned.kept
    is_moved = planned.writes and "geometry" in planned.changed and planned.nucleus is None
    if is_moved and kept is not None and annotation is not None and annotation.nucleus is not None:
        planned.nucleus = move_nucleus(annotation.nucleus, annotation.geometry, kept.geometry, budget)


def _label(
    planned: PlannedRow, shape: ForeignShape, classes: ClassMatches, annotation: Annotation | None
) -> bool:
    """Choose the label of a row; False where its class is left out."""
    planned.match = match = classes.match(shape)
    if match is None:
        return True
    own = annotation.label if annotation else None
    exported = classes.exported_label(shape)
    if not match.is_chosen and (exported is not None or (own is not None and own.name == match.name)):
        # A retired or renamed label is matched to itself, also where another label took its name.
        planned.label = exported or own
        return True
    match.is_question |= match.is_guess
    if match.is_left_out:
        planned.end(Outcome.SKIPPED, match.reason)
        return False
    planned.label = match.label
    return True


def _is_suggestion(shape: ForeignShape, own_sets: set[str], planned: PlannedRow) -> bool:
    """Exclude suggestions in one of our exports: they are objects of a model, not drawn by a person."""
    named = _SUGGESTION.fullmatch(shape.id or "")
    if named is None:
        return False
    if named[1] in own_sets:
        reason = Message("row_suggestion_here")
        planned.end(Outcome.UNCHANGED, reason)
    else:
        reason = Message("row_is_suggestion")
        planned.end(Outcome.SKIPPED, reason)
    return True


def _object_sets(actor: User, slide: Slide, shapes: Sequence[ForeignShape]) -> set[str]:
    named = {match[1] for shape in shapes if (match := _SUGGESTION.fullmatch(shape.id or ""))}
    if not named:
        return set()
    sets = object_sets_visible_to(actor).filter(slide=slide, pk__in=named)
    return {str(pk) for pk in sets.values_list("pk", flat=True)}


def _scaled(shape: ForeignShape, scale: float) -> ForeignShape:
    if scale == 1:
        return shape
    nucleus = shape.nucleus and _times(shape.nucleus, scale)
    return replace(shape, geometry=_times(shape.geometry, scale), nucleus=nucleus)


def _times(geometry: dict[str, Any], scale: float) -> dict[str, Any]:
    return {**geometry, "coordinates": _multiply(geometry.get("coordinates"), scale)}


def _multiply(value: Any, scale: float, depth: int = 0) -> Any:
    """Multiply the numbers in nested lists; other values stay, and ``keep_shape`` refuses them."""
    if isinstance(value, list | tuple) and depth < DEEPEST:
        return [_multiply(item, scale, depth + 1) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        return value * scale
    except OverflowError:
        return value


def _is_inside(kept: KeptShape, size: tuple[int, int]) -> bool:
    left, top, right, bottom = kept.bounds
    return left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1]


def _cut(geometry: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """Return the part of a geometry on the slide; a line that would be split stays whole."""
    inside = shapely.intersection(to_shapely(geometry), box(0, 0, *size))
    parts = [part for part in _pieces(inside) if part.geom_type in {"Polygon", "LineString"}]
    if not parts or (len(parts) > 1 and parts[0].geom_type == "LineString"):
        return geometry
    cut: dict[str, Any] = mapping(parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts))
    return cut


def _pieces(geometry: Any) -> Iterator[Any]:
    for part in shapely.get_parts(geometry):
        if part.geom_type.startswith("Multi") or part.geom_type == "GeometryCollection":
            yield from _pieces(part)
        else:
            yield part
