"""The job that embeds the patches of a project in two dimensions."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context
from ml.data.squares import Squares
from ml.features.atlas import lay_out
from ml.messages import Message
from ml.methods.patches.descriptors.recipe import Descriptors
from ml.slides import open_slide
from ml.slides.resolution import square_view, stretch_of
from server.core.files import storage
from server.jobs.runner import JobRun
from server.learning.atlas.services import AtlasInput, finish_atlas
from server.learning.selectors import find_atlas
from server.slides.imports.given_names import given_name
from server.slides.models import Slide
from server.slides.selectors import slide_path, stained_slides_of

# What a browser draws and a layout takes seconds for.
MOST: Final = 3000
KINDS: Final = 8


def build_atlas(run: JobRun) -> dict[str, Any]:
    """Make an atlas of all ready slides; an existing one stays unchanged."""
    atlas = find_atlas(AtlasInput.from_json(run.input).atlas)
    if atlas is None or atlas.storage_key:
        return {"outcome": "nothing to do"}
    slides = list(stained_slides_of(atlas.project))
    each = max(1, MOST // max(1, len(slides)))
    slides = slides[:MOST]
    rows: list[NDArray[np.float32]] = []
    points: list[dict[str, Any]] = []
    total = 0
    for number, slide in enumerate(slides):
        run.report(0.8 * number / len(slides), Message("describing", name=slide.name))
        features, boxes, count = _described(slide, each, run)
        total += count
        rows.append(features)
        points += [
            {"slide": str(slide.pk), "x": x, "y": y, "side": width, "height": height}
            for x, y, width, height in boxes.tolist()
        ]
    run.report(0.8, Message("laying_out", count=len(points)))
    made = lay_out(np.concatenate(rows), kinds=KINDS, seed=0)
    run.check_cancelled()
    for point, (across, down), kind in zip(points, made.places, made.kinds, strict=True):
        point |= {"across": round(float(across), 4), "down": round(float(down), 4), "kind": int(kind)}
    key = f"atlases/{atlas.pk}.json"
    storage.write_bytes(key, json.dumps({"kinds": len(made.leads), "points": points}).encode())
    finish_atlas(actor=run.actor, atlas=atlas, key=key, shown=len(points), total=total)
    return {"outcome": "built", "patches": len(points)}


def _described(slide: Slide, most: int, run: JobRun) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """Return features, boxes (n, 4) of x, y, width, height in level-0 pixels, and the number of all patches.

    Those are taken at even steps of the grid.
    """
    recipe = Descriptors.build(("any", "other"), {})
    with (
        storage.temporary_folder("atlas") as folder,
        given_name(slide),
        open_slide(slide_path(slide)) as reader,
    ):
        view = square_view(reader, slide.resolution)
        context = Context(
            seed=0,
            scratch=folder,
            features=storage.storage_path("features"),
            report=lambda _share, _message: run.check_cancelled(),
        )
        squares = recipe.tissue_squares(view, slide.sha256, context)
        count = len(squares)
        chosen = np.linspace(0, count - 1, min(most, count)).round().astype(int)
        squares = Squares(squares.corners[chosen], squares.side)
        boxes = stretch_of(view).original_boxes(squares.corners, squares.side)
        if not count:
            return np.zeros((0, recipe.encoder.size), dtype=np.float32), boxes, 0
        return recipe.rows_of(view, slide.sha256, squares, context), boxes, count
