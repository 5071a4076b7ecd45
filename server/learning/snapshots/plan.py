"""Training shapes of a round, for the job that takes the snapshot. Requests read summaries instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shapely.geometry.base import BaseGeometry

from server.learning.snapshots.marks import Mark
from server.learning.snapshots.material import gather_material
from server.learning.snapshots.splits import block_of, block_side, cut_into_blocks
from server.learning.summaries.summary import Entry, Summary, choose_split, summarise
from server.projects.models import Project
from server.slides.models import Slide


@dataclass(frozen=True, slots=True)
class PlannedShape:
    """A mark, or the piece of it in one unit. ``mark`` None: a finished region."""

    slide: Slide
    unit: str
    geometry: BaseGeometry
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Summary of a round with its shapes and finished regions by unit; both empty for whole slides."""

    summary: Summary
    shapes: tuple[PlannedShape, ...] = ()
    finished: tuple[PlannedShape, ...] = ()


def plan_round(project: Project) -> Plan:
    """Return the shapes of a round with a part for each unit; reads only."""
    material = gather_material(project)
    drawn: list[tuple[Slide, BaseGeometry, Mark | None, list[tuple[str, BaseGeometry]]]] = []
    for item in material.slides:
        drawn += [
            (item.slide, mark.geometry, mark, list(_pieces(item.slide, mark.geometry, mark)))
            for mark in item.marks
        ]
        drawn += [(item.slide, area, None, list(_pieces(item.slide, area, None))) for area in item.finished]
    entries = [
        _entry(slide, mark, block, piece, is_first=number == 0)
        for slide, _, mark, pieces in drawn
        for number, (block, piece) in enumerate(pieces)
    ]
    summary = summarise(project, material.labels, entries, choose_split(project, entries))
    if summary.split_by == "case":
        planned = [PlannedShape(slide, str(slide.case_id), whole, mark) for slide, whole, mark, _ in drawn]
    else:
        planned = [
            PlannedShape(slide, block, piece, mark)
            for slide, _, mark, pieces in drawn
            for block, piece in pieces
        ]
    return Plan(
        summary,
        tuple(item for item in planned if item.mark is not None),
        tuple(item for item in planned if item.mark is None),
    )


def _pieces(slide: Slide, geometry: BaseGeometry, mark: Mark | None) -> Iterator[tuple[str, BaseGeometry]]:
    """Yield a shape by block; a short suggestion stays whole in the block of its point."""
    side = block_side(slide.width, slide.height)
    left, top, right, bottom = geometry.bounds
    if mark is not None and mark.point is not None and max(right - left, bottom - top) <= side:
        yield block_of(slide.sha256, side, *mark.point), geometry
    else:
        yield from cut_into_blocks(geometry, side, slide.sha256)


def _entry(slide: Slide, mark: Mark | None, block: str, piece: BaseGeometry, *, is_first: bool) -> Entry:
    entry = Entry(slide, block, None, shapes=int(is_first), pieces=1, area=float(piece.area))
    if mark is None:
        return entry
    is_verdict = "verdict" in mark.source
    return replace(entry, label_id=mark.label_id, is_negative=mark.negative, is_verdict=is_verdict)
