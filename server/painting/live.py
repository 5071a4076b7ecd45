"""The warm worker of live painting: what it learned of slides stays in memory between strokes."""

from __future__ import annotations

import logging
import time
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.conf import settings

from ml.contracts import Bounds, CancelledError, DataError, Task
from ml.data.workers import usual_workers
from ml.features.store import FeatureStore
from ml.messages import Message
from ml.methods.regions.paint.info import PaintConfig
from ml.methods.regions.paint.live import BACKGROUND, NOTHING, LivePaint, PaintedCells
from ml.methods.regions.paint.recipe import Paint
from ml.slides.errors import SlideError
from server.core.children.slide_reader import slides_read_in_children
from server.core.files import storage
from server.core.files.disk import disk_full, is_disk_full
from server.painting import selectors, services
from server.painting.models import Painting
from server.painting.pictures import write_picture
from server.registry.selectors import find_current_version
from server.slides.imports.given_names import given_name
from server.slides.models import Slide

log = logging.getLogger(__name__)

# A newer request is looked for so often while one is painted, and progress is told so often.
LOOK_SECONDS: Final = 0.25
TELL_SECONDS: Final = 1.0


class _Progress:
    """Report of a painting, which ends it when a newer request came."""

    def __init__(self, painting: Painting) -> None:
        self._painting = painting
        # What is done in advance is not told.
        self.is_told = True
        self._looked = self._told = time.monotonic()

    def __call__(self, progress: float, message: Message) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if not self.is_told or now - self._told < TELL_SECONDS:
            if not selectors.is_newest(self._painting):
                raise CancelledError
            return
        self._told = now
        if not services.report_painting(painting=self._painting, progress=progress, message=message):
            raise CancelledError


def paint_newest(painting_id: str) -> None:
    """Paint the newest request of a painting, unless a worker has begun it."""
    painting = selectors.find_waiting(painting_id)
    if painting is None:
        return
    try:
        with given_name(painting.slide):
            _paint(painting)
    except CancelledError:
        return
    except (DataError, SlideError) as error:
        reason = disk_full() if is_disk_full(error) else error.detail
        services.refuse_painting(painting=painting, message=reason)
    except Exception:
        log.exception("painting %s failed", painting_id)
        services.refuse_painting(painting=painting, message=Message("painting_failed"))


def _paint(painting: Painting) -> None:
    labels, dataset, slide = selectors.marks_of_project(painting.slide)
    ids = [str(label.pk) for label in labels]
    if not services.begin_painting(painting=painting, labels=ids):
        raise CancelledError
    painter = _painter(_config_of(painting.slide), storage.storage_path("features"))
    report = _Progress(painting)
    view = _bounds(painting.view)
    try:
        recipe = painter.learn(dataset, slide, report)
    except DataError as error:
        # The next stroke finds the slide described.
        if services.refuse_painting(painting=painting, message=error.detail):
            report.is_told = False
            painter.describe(slide, view, report)
        return
    for count, cells in enumerate(painter.paint(recipe, slide, view, report)):
        part = _part(painting, cells, count)
        if cells.is_whole:
            areas = _areas(painting.slide, cells, ids)
            services.finish_painting(painting=painting, whole=part, areas=areas)
        elif not services.add_part(painting=painting, part=part, progress=cells.done):
            raise CancelledError


def _areas(slide: Slide, cells: PaintedCells, ids: list[str]) -> list[dict[str, Any]]:
    """Return the painted area of each label, and of tissue of no label where there is some."""
    counts = np.bincount(cells.classes.ravel(), minlength=NOTHING + 1)
    total = max(1, int(counts[:NOTHING].sum()))
    width = slide.mpp_x
    cell = None if width is None else width * cells.step * (slide.mpp_y or width) * cells.step_y / 1e6
    numbers: list[tuple[int, str | None]] = [*enumerate(ids), (BACKGROUND, None)]
    return [
        {
            "label_id": label,
            "cells": int(counts[number]),
            "share": int(counts[number]) / total,
            "mm2": None if cell is None else int(counts[number]) * cell,
        }
        for number, label in numbers
        if label is not None or counts[number]
    ]


def _part(painting: Painting, cells: PaintedCells, count: int) -> dict[str, Any]:
    name = write_picture(painting.pk, painting.number, count, cells.classes, cells.shares)
    rows, columns = cells.classes.shape
    return {
        "name": name,
        "row": cells.row,
        "column": cells.column,
        "rows": rows,
        "columns": columns,
        "step": cells.step,
        "step_y": cells.step_y,
    }


def _bounds(view: dict[str, float]) -> Bounds:
    return Bounds(*(round(view[side]) for side in ("x", "y", "width", "height")))


def _config_of(slide: Slide) -> PaintConfig:
    """Return the settings of the project's current model if it is one of ``paint``, else the usual ones."""
    version = find_current_version(slide.project, Task.REGION.value)
    config = version.config if version is not None and version.recipe == Paint.name else {}
    return Paint.build(("any", "other"), config).config


@cache
def _painter(config: PaintConfig, features: Path) -> LivePaint:
    """Return the painter of this process; several threads use it, and the slides that it has open."""
    slides_read_in_children().__enter__()
    workers = int(settings.READ_WORKERS or usual_workers(settings.COMPUTE_DEVICE))
    return LivePaint(config, FeatureStore(features), settings.COMPUTE_DEVICE, workers)


def warm_up() -> None:
    """Load the network and make every library ready before the first stroke."""
    _painter(PaintConfig(), storage.storage_path("features"))
