"""Explanation of a suggestion: a map over its patch, and the most similar labelled patches."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
from django.conf import settings
from PIL import Image

from ml.contracts import Bounds, Context, DataError, Dataset, SlideReader
from ml.explain.why import Explanation as Why
from ml.explain.why import explain
from ml.messages import Message
from ml.slides import open_slide
from ml.slides.resolution import square_view, stretch_of
from server.core.files import storage
from server.jobs.runner import JobRun
from server.learning.errors import SnapshotDamagedError
from server.learning.models import Explanation, Snapshot
from server.learning.rounds.jobs import load_dataset
from server.learning.services import ExplanationInput, finish_explanation
from server.learning.snapshots.files import read_document
from server.registry.models import ModelVersion
from server.registry.weights import weights_path
from server.review.selectors import Suggestion, suggestions
from server.slides.imports.given_names import given_name
from server.slides.models import Slide
from server.slides.selectors import slide_path

# A gradient where the method has a network, else what covering parts of the patch changes.
METHODS: Final = ("grad-cam", "occlusion")
NEIGHBOURS: Final = 6


def explain_stored(run: JobRun) -> dict[str, Any]:
    """Run an explanation to its end; one that ended before stays unchanged."""
    explanation = (
        Explanation.objects.select_related("object_set__slide__project")
        .filter(pk=ExplanationInput.from_json(run.input).explanation)
        .first()
    )
    if explanation is None or explanation.document is not None:
        return {"outcome": "nothing to do"}
    object_set = explanation.object_set
    made_by = object_set.producer_id
    version = ModelVersion.objects.select_related("project").filter(pk=made_by).first() if made_by else None
    if version is None:
        raise DataError(Message("version_gone"), code="cannot_explain")
    slide = object_set.slide
    [suggestion] = suggestions(object_set, [explanation.index])
    dataset = _examples(version)
    with (
        storage.temporary_folder("explain") as scratch,
        given_name(slide),
        open_slide(slide_path(slide)) as reader,
    ):
        view = square_view(reader, slide.resolution)
        stretch = stretch_of(view)
        patch = _patch_around(version, view, suggestion)
        context = Context(
            seed=version.seed,
            scratch=scratch,
            device=settings.COMPUTE_DEVICE,
            features=storage.storage_path("features"),
            report=run.report,
        )
        method, explained = _first_that_explains(version, view, patch, context, dataset)
    bounds = stretch.original_bounds(patch)
    key = f"explanations/{explanation.pk}.png"
    storage.write_bytes(key, _picture(explained.map))
    finish_explanation(
        actor=run.actor,
        explanation=explanation,
        document=_document(explained, method, bounds, version),
        key=key,
    )
    return {"outcome": "explained", "method": method}


def _examples(version: ModelVersion) -> Dataset | None:
    """Return the version's training data; None when it is gone, as then there are no neighbours."""
    snapshot = Snapshot.objects.filter(project=version.project, digest=version.snapshot_digest).first()
    if snapshot is None:
        return None
    try:
        return load_dataset(read_document(snapshot))
    except SnapshotDamagedError:
        return None


def _patch_around(version: ModelVersion, view: SlideReader, suggestion: Suggestion) -> Bounds:
    """Return the version's patch, in square pixels, around the suggestion's centre."""
    patch, box, stretch = version.config.get("patch"), suggestion.bounds, stretch_of(view)
    scale = version.config["mpp"] / view.mpp if version.config.get("mpp") and view.mpp else 1.0
    longest = max(box["width"] * stretch.x, box["height"] * stretch.y)
    side = round(patch * scale) if patch else round(longest)
    x, y = suggestion.x * stretch.x, suggestion.y * stretch.y
    return Bounds(round(x - side / 2), round(y - side / 2), side, side)


def _first_that_explains(
    version: ModelVersion, reader: Any, bounds: Bounds, context: Context, dataset: Dataset | None
) -> tuple[str, Why]:
    for method in METHODS:
        try:
            explained = explain(
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
            return method, explained
    message = "no method explains"
    raise AssertionError(message)


def _document(explained: Why, method: str, bounds: Bounds, version: ModelVersion) -> dict[str, Any]:
    paths = {
        slide_path(slide): str(slide.pk)
        for slide in Slide.objects.filter(project=version.project, state=Slide.State.READY)
    }
    return {
        "label": explained.label,
        "probability": float(explained.probability),
        "method": method,
        "bounds": _box(bounds),
        "neighbours": [
            {
                "slide_id": paths[item.path],
                "bounds": _box(item.bounds),
                "label": item.label,
                "likeness": float(item.likeness),
            }
            for item in explained.neighbours
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
