"""Preview of an import: its plan, with shapes for an overlay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shapely.geometry import mapping
from shapely.geometry import shape as to_shapely
from shapely.geometry.base import BaseGeometry

from server.accounts.models import User
from server.exchange.imports.classes import ClassMatch
from server.exchange.imports.options import ImportOptions, Target
from server.exchange.imports.plan import plan_import
from server.exchange.imports.report import ImportReport, report_of
from server.exchange.imports.rows import PlannedRow
from server.exchange.imports.services import read_rows
from server.projects.models import Label
from server.slides.models import Slide

MOST_SHAPES: Final = 3000
# An overlay needs no detail finer than this share of the longer side of the slide.
DETAIL: Final = 1 / 8000
NO_LABEL_COLOUR: Final = "#868e96"


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class of the file, with its target: the id of a label or a value of ``Target``."""

    name: str
    count: int
    colour: str
    target: str
    label_name: str | None
    is_retired: bool
    is_question: bool
    similar: list[Label]


@dataclass(frozen=True, slots=True)
class PreviewShape:
    """A shape for the overlay, simplified; GeoJSON in level-0 pixels."""

    geometry: dict[str, Any]
    colour: str
    outcome: str


@dataclass(slots=True)
class Preview:
    """Expected report of an import. ``counted`` shapes were read, with ``is_part`` not all."""

    report: ImportReport
    become: str = "annotations"
    upload: str = ""
    counted: int = 0
    is_part: bool = False
    unlabelled: int = 0
    may_create_labels: bool = False
    scale: float | None = None
    classes: list[ClassRow] = field(default_factory=list)
    shapes: list[PreviewShape] = field(default_factory=list)


def preview_shapes(
    *, actor: User, slide: Slide, content: bytes, filename: str, options: ImportOptions
) -> Preview:
    """Return the preview of ``import_shapes`` with the same parameters; raises the same errors."""
    plan = plan_import(actor, slide, read_rows(actor, slide, content, filename), options)
    matches = plan.classes.by_name if plan.classes else {}
    shapes = [row for row in plan.rows if row.shape is not None]
    return Preview(
        report_of(plan),
        counted=len(shapes),
        unlabelled=sum(row.match is None and not row.is_region for row in shapes),
        may_create_labels=bool(plan.classes and plan.classes.may_create),
        scale=plan.placement.scale if plan.placement else None,
        classes=class_rows(matches.values(), _targets(plan.rows)),
        shapes=_overlay(slide, [row for row in plan.rows if row.kept is not None]),
    )


def class_rows(matches: Iterable[ClassMatch], labels: dict[str, Label]) -> list[ClassRow]:
    """Return the classes by count; ``labels`` are those of existing annotations of a class."""
    rows = [_class_row(match, labels.get(match.name)) for match in matches]
    return sorted(rows, key=lambda row: (-row.count, row.name))


def _class_row(match: ClassMatch, own: Label | None) -> ClassRow:
    label = match.label or own
    return ClassRow(
        name=match.name,
        count=match.count,
        colour=label.colour if label else match.colour,
        target=str(label.pk) if label else str(match.target or Target.NONE),
        label_name=label.name if label else None,
        is_retired=bool(label and label.retired_at),
        is_question=match.is_question,
        similar=match.similar,
    )


def _targets(rows: Sequence[PlannedRow]) -> dict[str, Label]:
    """Return the label of each class by its existing annotations, such as a retired or renamed one."""
    return {row.match.name: row.label for row in rows if row.match and row.label and not row.match.is_chosen}


def _overlay(slide: Slide, rows: Sequence[PlannedRow]) -> list[PreviewShape]:
    step = max(1, -(-len(rows) // MOST_SHAPES))
    detail = max(slide.width, slide.height) * DETAIL
    shapes = []
    for row in rows[::step]:
        if row.kept is not None:
            colour = row.label.colour if row.label else row.match.colour if row.match else NO_LABEL_COLOUR
            shapes.append(PreviewShape(simplified(row.kept.geometry, detail), colour, row.outcome))
    return shapes


def simplified(geometry: dict[str, Any], detail: float) -> dict[str, Any]:
    """Return a geometry without vertices that move the outline by less than ``detail`` pixels."""
    outline: BaseGeometry = to_shapely(geometry)
    plain: dict[str, Any] = mapping(outline.simplify(detail))
    return plain
