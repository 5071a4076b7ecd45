"""Why a version made a suggestion: a map over its patch, and the labelled patches most like it."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.conf import settings
from PIL import Image

from ml.contracts import Bounds, Context, DataError, Dataset, Sentence
from ml.explain.why import Explanation as Why
from ml.explain.why import explain
from ml.slides import open_slide
from server.core import storage
from server.jobs.runner import JobRun
from server.learning.errors import SnapshotDamagedError
from server.learning.models import Explanation, Snapshot
from server.learning.rounds import load_dataset
from server.learning.services import finish_explanation
from server.learning.snapshots import read_document
from server.registry.models import ModelVersion
from server.registry.weights import weights_path
from server.review.selectors import suggestions
from server.slides.models import Slide
from server.slides.selectors import slide_path

# A gradient where the method has a network, else what covering parts of the patch changes.
METHODS: Final = ("grad-cam", "occlusion")
NEIGHBOURS: Final = 6


def explain_stored(run: JobRun) -> dict[str, Any]:
    """Run an explanation to its end; one that ended before is left as it is."""
    explanation = (
        Explanation.objects.select_related("object_set__slide__project")
        .filter(pk=run.input["explanation"])
        .first()
    )
    if explanation is None or explanation.document is not None:
        return {"outcome": "nothing to do"}
    object_set = explanation.object_set
    made_by = object_set.producer_id
    version = ModelVersion.objects.select_related("project").filter(pk=made_by).first() if made_by else None
    if version is None:
        raise DataError(
            "cannot_explain", Sentence("version_gone", "The model version that made this suggestion is gone.")
        )
    slide = object_set.slide
    [suggestion] = suggestions(object_set, [explanation.index])
    dataset = _examples(version)
    with (
        tempfile.TemporaryDirectory(prefix="coverslip-explain-") as scratch,
        open_slide(slide_path(slide)) as reader,
    ):
        reader.mpp = slide.mpp_x or reader.mpp
        bounds = _patch_around(version, reader.mpp, suggestion.x, suggestion.y, suggestion.bounds)
        context = Context(
            seed=version.seed,
            scratch=Path(scratch),
            device=settings.COMPUTE_DEVICE,
            features=storage.storage_path("features"),
            report=run.report,
        )
        method, found = _first_that_explains(version, reader, bounds, context, dataset)
    key = f"explanations/{explanation.pk}.png"
    storage.write_bytes(key, _picture(found.map))
    finish_explanation(
        actor=run.actor, explanation=explanation, document=_document(found, method, bounds, version), key=key
    )
    return {"outcome": "explained", "method": method}


def _examples(version: ModelVersion) -> Dataset | None:
    """Return what the version learned from; None when that is gone, as then there are no neighbours."""
    snapshot = Snapshot.objects.filter(project=version.project, digest=version.snapshot_digest).first()
    if snapshot is None:
        return None
    try:
        return load_dataset(read_document(snapshot))
    except SnapshotDamagedError:
        return None


def _patch_around(
    version: ModelVersion, mpp: float | None, x: float, y: float, box: dict[str, float]
) -> Bounds:
    """Return the patch that the version judged: its own side, around the suggestion's centre."""
    patch = version.config.get("patch")
    scale = version.config["mpp"] / mpp if version.config.get("mpp") and mpp else 1.0
    side = round(patch * scale) if patch else round(max(box["width"], box["height"]))
    return Bounds(round(x - side / 2), round(y - side / 2), side, side)


def _first_that_explains(
    version: ModelVersion, reader: Any, bounds: Bounds, context: Context, dataset: Dataset | None
) -> tuple[str, Why]:
    for method in METHODS:
        try:
            found = explain(
                weights_path(version),
                reader,
                bounds,
                context,
                method=method,
                examples=dataset,
                count=NEIGHBOURS,
            )
        except DataError as error:
            if error.code != "cannot_explain" or method == METHODS[-1]:
                raise
        else:
            return method, found
    message = "no method explains"
    raise AssertionError(message)


def _document(found: Why, method: str, bounds: Bounds, version: ModelVersion) -> dict[str, Any]:
    paths = {
        slide_path(slide): str(slide.pk)
        for slide in Slide.objects.filter(project=version.project, state=Slide.State.READY)
    }
    return {
        "label": found.label,
        "probability": float(found.probability),
        "method": method,
        "bounds": _box(bounds),
        "neighbours": [
            {
                "slide_id": paths[item.path],
                "bounds": _box(item.bounds),
                "label": item.label,
                "likeness": float(item.likeness),
            }
            for item in found.neighbours
            if item.path in paths and item.bounds is not None
        ],
    }


def _box(bounds: Bounds) -> dict[str, int]:
    return {"x": bounds.x, "y": bounds.y, "width": bounds.width, "height": bounds.height}


def _picture(values: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    """Return a map in 0..1 as a grey PNG, one pixel per cell."""
    buffer = io.BytesIO()
    Image.fromarray((np.clip(values, 0, 1) * 255).round().astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
