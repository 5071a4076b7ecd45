"""Preview of a file that becomes an object set: its first rows, read as the job reads them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.objectset import FlatObjects
from server.accounts.models import User
from server.exchange.imports.options import ImportOptions, Target
from server.exchange.imports.placement import check_placement
from server.exchange.imports.preview import MOST_SHAPES, NO_LABEL_COLOUR, ClassRow, Preview, PreviewShape
from server.exchange.imports.report import ImportReport
from server.exchange.imports.rows import Outcome
from server.exchange.object_files.batches import Batch
from server.exchange.object_files.jobs import read_for_slide
from server.exchange.object_files.labels import PREVIEWED_ROWS, ClassChoices
from server.exchange.object_files.report import ObjectFileReport
from server.exchange.object_files.services import require_may_queue
from server.projects.models import Label
from server.slides.models import Slide

LEAST_RING: Final = 3


def preview_objects(
    *,
    actor: User,
    slide: Slide,
    path: Path,
    filename: str,
    become: str,
    options: ImportOptions,
) -> Preview:
    """Return classes, bad rows and shapes of the first ``PREVIEWED_ROWS`` rows; raises the job's errors."""
    require_may_queue(actor, slide, path, filename, become)
    choices = ClassChoices(actor, slide.project, options)
    preview = Preview(ImportReport(), become="objects", may_create_labels=choices.may_create)
    report, classes, created = ObjectFileReport(), _Classes(choices), 0
    middles: list[NDArray[np.float64]] = []
    for batch in read_for_slide(slide, path, filename, options, choices):
        preview.counted += batch.rows
        report.add(batch)
        if batch.middles is not None:
            middles.append(batch.middles)
        names = [] if batch.flat is None else [batch.classes[int(place)] for place in batch.flat.label]
        classes.add(batch, names)
        created += len(names)
        if batch.flat is not None and names:
            room = MOST_SHAPES - len(preview.shapes)
            preview.shapes += _overlay(batch.flat, names, classes)[:room]
        if preview.counted >= PREVIEWED_ROWS:
            preview.is_part = True
            break
    preview.classes, preview.unlabelled = classes.rows()
    preview.report = report.to_import_report(created)
    _warn(preview, slide, middles, options.scale)
    return preview


def _warn(preview: Preview, slide: Slide, middles: list[NDArray[np.float64]], scale: float) -> None:
    """Add a warning to the preview when most shapes are misplaced."""
    every = np.concatenate(middles) if middles else np.empty((0, 2))
    placement = check_placement(slide, every[np.isfinite(every).all(axis=1)], scale)
    if placement is not None:
        preview.report.warning = placement.warning.as_json()
        preview.scale = placement.scale


class _Classes:
    """Classes of the rows that were read, with their targets and colours."""

    def __init__(self, choices: ClassChoices) -> None:
        self._choices = choices
        self._counts: Counter[str] = Counter()
        self._colours: dict[str, str] = {}

    def add(self, batch: Batch, names: list[str]) -> None:
        """Count the rows of a batch; ``names`` are the classes of the imported ones."""
        self._counts.update(names)
        for row in batch.left_out:
            self._counts[str(row.reason.params["label"])] += 1
        for name, colour in batch.colours.items():
            self._colours.setdefault(name, colour)

    def label(self, name: str) -> Label | None:
        """Return the label that a class becomes."""
        return self._choices.label_of(name)

    def colour(self, name: str) -> str:
        """Return the colour of the label, or of the class in the file."""
        label = self.label(name)
        return label.colour if label else self._colours.get(name, NO_LABEL_COLOUR)

    def rows(self) -> tuple[list[ClassRow], int]:
        """Return the classes by count, and the number of rows without a class."""
        asked = {question.name for question in self._choices.questions(filter(None, self._counts))}
        rows = [
            self._row(name, count, is_question=name in asked)
            for name, count in self._counts.most_common()
            if name
        ]
        return rows, self._counts[""]

    def _row(self, name: str, count: int, *, is_question: bool) -> ClassRow:
        label = self.label(name)
        return ClassRow(
            name=name,
            count=count,
            colour=self.colour(name),
            target=str(label.pk) if label else self._target(name),
            label_name=label.name if label else None,
            is_retired=bool(label and label.retired_at),
            is_question=is_question,
            similar=self._choices.similar_labels(name) if is_question else [],
        )

    def _target(self, name: str) -> str:
        choices = self._choices
        if name in choices.left_out:
            return str(Target.SKIP)
        if name in choices.without:
            return str(Target.NONE)
        return str(Target.NEW if name in choices.new else Target.OWN)


def _first_rings(flat: FlatObjects) -> NDArray[np.int64]:
    """Return the outer ring of the first polygon of each object."""
    polygons = np.arange(len(flat)) if flat.objects is None else flat.objects[:-1]
    first: NDArray[np.int64] = polygons if flat.polygons is None else flat.polygons[polygons]
    return first


def _overlay(flat: FlatObjects, names: list[str], classes: _Classes) -> list[PreviewShape]:
    """Return the outer outlines of the objects."""
    shapes = []
    for name, ring in zip(names, _first_rings(flat).tolist(), strict=True):
        points = flat.coordinates[flat.rings[ring] : flat.rings[ring + 1]].astype(float).tolist()
        is_area = len(points) >= LEAST_RING
        geometry: dict[str, Any] = {"type": "Point", "coordinates": points[0]}
        if is_area:
            geometry = {"type": "Polygon", "coordinates": [points]}
        shapes.append(PreviewShape(geometry, classes.colour(name), Outcome.CREATED))
    return shapes
